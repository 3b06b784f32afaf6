// A program's manual page, in the macros of man(7).
#pragma once

#include <string>
#include <vector>

#include "nodes/command_line/description.hpp"

namespace lockstep {

struct FileDescription {
  std::string path;
  std::string meaning;  // a sentence
};

struct ManualPage {
  int section = 1;
  std::string version;   // "lockstep 0.1.0"
  std::string see_also;  // "lockstepd(8)"
  std::vector<FileDescription> files = {};
};

std::string manual_page(const CommandDescription& program, const ManualPage& page);

}  // namespace lockstep
