// Goal: a signal is never swallowed, however close to the end of the wait it comes. Method: signals sent to this
// process at just that moment.
#include "tools/lockstep/commands/stop_on_signal.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include <csignal>

#include "tests/support/wait_until.hpp"

namespace lockstep::stop_on_signal_test {

using lockstep::testing::wait_until;

TEST_CASE("a signal stops what waits, and is told") {
  StopOnSignal interrupt({SIGUSR1});
  CHECK_FALSE(interrupt.token().stop_requested());
  REQUIRE(kill(getpid(), SIGUSR1) == 0);
  CHECK(wait_until([&] { return interrupt.token().stop_requested(); }));
  CHECK(interrupt.finish() == SIGUSR1);
}

TEST_CASE("a signal that comes just before the end is told as well") {
  for (int i = 0; i < 1000; ++i) {
    StopOnSignal interrupt({SIGUSR1});
    REQUIRE(kill(getpid(), SIGUSR1) == 0);
    REQUIRE(interrupt.finish() == SIGUSR1);
  }
}

TEST_CASE("a second signal at once, as timeout(1) sends it, is the same wish and ends nothing") {
  StopOnSignal interrupt({SIGUSR1, SIGUSR2});
  REQUIRE(kill(getpid(), SIGUSR1) == 0);
  REQUIRE(wait_until([&] { return interrupt.token().stop_requested(); }));
  REQUIRE(kill(getpid(), SIGUSR2) == 0);
  sigset_t pending{};
  REQUIRE(wait_until([&] { return sigpending(&pending) == 0 && sigismember(&pending, SIGUSR2) == 0; }));
  CHECK(interrupt.finish() == SIGUSR1);
}

TEST_CASE("a signal that comes after the end is left to whoever looks next") {
  const BlockedSignals blocked{SIGUSR1};
  StopOnSignal first({SIGUSR1});
  CHECK(first.finish() == 0);
  REQUIRE(kill(getpid(), SIGUSR1) == 0);
  CHECK(first.finish() == 0);
  StopOnSignal second({SIGUSR1});
  CHECK(second.finish() == SIGUSR1);
}

}  // namespace lockstep::stop_on_signal_test
