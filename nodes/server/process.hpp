// What a node asks of the operating system as a process: signals as a file descriptor, and enough descriptors.
#pragma once

#include <string>
#include <utility>

#include <tl/expected.hpp>

#include "nodes/system/file_descriptor.hpp"

namespace lockstep {

// SIGTERM and SIGINT, to be polled with everything else. They are blocked from here on, and so is SIGPIPE: in the
// calling thread and every thread it starts later, so this comes before the first one.
class StopSignals {
 public:
  static tl::expected<StopSignals, std::string> block();
  int fd() const { return fd_.get(); }
  // The signal that came; 0 if none did.
  int take();

 private:
  explicit StopSignals(FileDescriptor fd) : fd_(std::move(fd)) {}
  FileDescriptor fd_;
};

// Every client is a file descriptor, and without a free one libzmq's I/O thread spins. Raises this process's
// limit as far as the system allows.
void raise_file_limit();
// True from 80 % of the limit on. Costs two system calls: ask every few seconds.
bool file_descriptors_run_short();

}  // namespace lockstep
