#include "tests/torture/recorder.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <stdexcept>

#include "protocol/base/invariant.hpp"

namespace lockstep::torture {

Recorder::Recorder(const std::filesystem::path& file)
    : fd_(open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600)) {
  if (fd_ < 0) throw std::runtime_error("cannot open " + file.string());
}

Recorder::~Recorder() { close(fd_); }

void Recorder::write(std::string line) const {
  line += '\n';
  const ssize_t written = ::write(fd_, line.data(), line.size());
  INVARIANT(written == static_cast<ssize_t>(line.size()), "every call is written down");
}

}  // namespace lockstep::torture
