#include "nodes/client/wake_up.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include "protocol/base/invariant.hpp"

namespace lockstep {

WakeUp::WakeUp() : fd_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  INVARIANT(fd_ >= 0, "a process that may open sockets may make an eventfd");
}

WakeUp::~WakeUp() { ::close(fd_); }

// It fails only when the counter is full, and then the descriptor is readable.
void WakeUp::wake() const { [[maybe_unused]] const int result = ::eventfd_write(fd_, 1); }

void WakeUp::quiet() const {
  eventfd_t count = 0;
  [[maybe_unused]] const int result = ::eventfd_read(fd_, &count);
}

}  // namespace lockstep
