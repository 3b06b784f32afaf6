// Which endpoint is asked next, and after what pause.
//
// All that is new goes to the preferred endpoint. When a copy that was sent there comes to nothing the next endpoint is
// preferred, so that a request goes round and never insists. Pauses double from failure to failure, with jitter, so
// that clients that were refused together do not come back together.
// A value without I/O; its randomness is seeded. It remembers what went wrong last, at each of them too, for the detail
// of an error.
#pragma once

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "protocol/base/invariant.hpp"
#include "protocol/base/random.hpp"
#include "protocol/client_core/client_interface.hpp"

namespace lockstep::client_core {

class Endpoints {
 public:
  explicit Endpoints(const ClientOptions& options)
      : count_(options.endpoints),
        backoff_min_(options.backoff_min),
        backoff_max_(options.backoff_max),
        random_(options.seed),
        problems_(options.endpoints) {
    INVARIANT(count_ > 0, "a client needs somebody to ask");
  }

  std::size_t preferred() const { return preferred_; }
  // What was sent to this endpoint came to nothing; none: nobody was asked.
  void failed(std::optional<std::size_t> endpoint, std::string detail) {
    if (endpoint == preferred_) preferred_ = (preferred_ + 1) % count_;
    if (endpoint) problems_[*endpoint] = detail;
    last_detail_ = std::move(detail);
  }
  void answered(std::size_t endpoint) { problems_[endpoint].clear(); }
  // Before the next copy of what failed so often in a row.
  Duration backoff(std::uint32_t failures) {
    const std::uint32_t doublings = std::min<std::uint32_t>(failures, 20);
    const Duration longest = std::min(backoff_max_, backoff_min_ * (Duration::rep{1} << doublings));
    return random_.between(longest / 2, longest);
  }
  // What went wrong at each endpoint since it answered last; empty: nothing did.
  const std::vector<std::string>& problems() const { return problems_; }
  // Of whatever failed last, ready to be appended; empty if nothing did.
  std::string last_failure() const { return last_detail_.empty() ? "" : "; the last problem was: " + last_detail_; }

 private:
  std::size_t count_;
  Duration backoff_min_;
  Duration backoff_max_;
  Random random_;
  std::size_t preferred_ = 0;
  std::vector<std::string> problems_;  // by endpoint
  std::string last_detail_;
};

}  // namespace lockstep::client_core
