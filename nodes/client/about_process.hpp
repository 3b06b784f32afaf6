// Who runs this process, and where: for notes that people read, and as a part of client ids.
#pragma once

#include <string>

namespace lockstep {

std::string user_name();  // the number, if it has no name
std::string host_name();
// "user@host pid N program", of printable ASCII. `program`: this one, or what is run for it.
std::string about_process();
std::string about_process(const std::string& program);

}  // namespace lockstep
