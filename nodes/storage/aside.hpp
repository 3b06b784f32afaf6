// Work that goes on beside the disk thread: the next segment, a compaction.
#pragma once

#include <sys/resource.h>
#include <unistd.h>

#include <future>
#include <system_error>
#include <type_traits>
#include <utility>

namespace lockstep {

// On a thread of its own, which gives way to others; or at once, if that is not wanted or there is no thread to be had.
// Its end is waited for by the destructor of what is returned.
template <typename Work>
std::future<std::invoke_result_t<Work>> run_aside(bool background, Work work) {
  constexpr int kGivesWay = 10;  // nice(1)
  if (background) {
    try {
      return std::async(std::launch::async, [work] {
        // On Linux this is about the one thread. If it is refused, the work is done all the same.
        (void)::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), kGivesWay);
        return work();
      });
    } catch (const std::system_error&) {
      // No thread to be had.
    }
  }
  auto done = std::async(std::launch::deferred, std::move(work));
  done.wait();
  return done;
}

}  // namespace lockstep
