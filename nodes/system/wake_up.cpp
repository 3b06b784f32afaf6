// eventfd(2).
#include "nodes/system/wake_up.hpp"

#include <sys/eventfd.h>

namespace lockstep {

tl::expected<WakeUp, int> WakeUp::create() {
  FileDescriptor fd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!fd) return tl::unexpected(errno);
  return WakeUp(std::move(fd));
}

// It fails only when the counter is full, and then the descriptor is readable.
void WakeUp::wake() const { [[maybe_unused]] const int result = ::eventfd_write(fd_.get(), 1); }

void WakeUp::quiet() const {
  eventfd_t count = 0;
  [[maybe_unused]] const int result = ::eventfd_read(fd_.get(), &count);
}

}  // namespace lockstep
