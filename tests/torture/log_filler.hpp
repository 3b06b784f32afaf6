// Makes the log grow, and nothing of the state: requests of a session that there is not, with as long names as there
// may be. The state keeps what has been, and a node cuts its log when there is as much of it as state, so late in a
// long run it would take the clients minutes to write that much. Used by one thread; never waits.
#pragma once

#include <memory>
#include <string>

#include "tests/support/raw_client.hpp"

namespace lockstep::torture {

class LogFiller {
 public:
  // `endpoint`: of a node that runs.
  LogFiller(std::shared_ptr<Context> context, const std::string& endpoint) : client_(std::move(context), endpoint) {}

  // Some more, if what it asked for before has been answered or for a while was not. To be called again and again.
  void go_on();

 private:
  testing::RawClient client_;
  std::uint64_t sent_ = 0;
  std::uint64_t answered_ = 0;
  int turns_in_vain_ = 0;
};

}  // namespace lockstep::torture
