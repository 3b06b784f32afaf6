// What `watch` shows: the lines that come of one answer after another. A value without I/O.
#pragma once

#include <vector>

#include "lockstep/client.hpp"
#include "tools/lockstep/answers/report.hpp"

namespace lockstep {

class WatchLines {
 public:
  // `asked` is the cursor that the answer is to.
  std::vector<Report> of(const WatchCursor& asked, const WatchPage& answer);

 private:
  bool in_state_ = false;   // the full state has begun and is not complete
  bool has_locks_ = false;  // it has had a lock so far
};

}  // namespace lockstep
