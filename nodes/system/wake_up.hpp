// A descriptor to be polled together with others, that any thread can make readable: an eventfd(2).
//
// wake() and quiet() may be called from any thread. Wakes add up: one quiet() answers all that came before it.
#pragma once

#include <tl/expected.hpp>

#include "nodes/system/file_descriptor.hpp"

namespace lockstep {

class WakeUp {
 public:
  // An errno value if the process has no descriptor left, or the system no memory.
  static tl::expected<WakeUp, int> create();

  int fd() const { return fd_.get(); }
  void wake() const;
  void quiet() const;  // until the next wake()

 private:
  explicit WakeUp(FileDescriptor fd) : fd_(std::move(fd)) {}
  FileDescriptor fd_;
};

}  // namespace lockstep
