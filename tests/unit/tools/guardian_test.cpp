#include "tools/lockstep/run/guardian.hpp"

#include <doctest/doctest.h>

#include <csignal>

namespace lockstep::guardian_test {

using namespace lockstep::run;
using namespace std::chrono_literals;

namespace {

Time at(Duration since_start) { return Time(1h + since_start); }

// A guardian with a grace of 2 s and a margin of 250 ms, and what it decided so far, in short.
struct Fixture {
  template <typename Event>
  std::string step(Duration when, const Event& event) {
    guardian.step(at(when), event);
    std::string decided;
    for (const GuardianDecision& decision : guardian.take_decisions()) {
      decided += (decided.empty() ? "" : " ") + std::visit([](const auto& d) { return in_short(d); }, decision);
    }
    return decided;
  }
  // Time passes until the guardian wants to be woken; that moment is `now` then.
  std::string wake() {
    REQUIRE(guardian.next_deadline() != Time::max());
    now = guardian.next_deadline() - at(0s);
    return step(now, ClockTick{});
  }

  static std::string in_short(const StartCommand&) { return "start"; }
  static std::string in_short(const SignalGroup& decision) {
    switch (decision.signal) {
      case SIGTERM: return "TERM";
      case SIGKILL: return "KILL";
      case SIGCONT: return "CONT";
      default: return "signal " + std::to_string(decision.signal);
    }
  }
  static std::string in_short(const Finish& finish) {
    const char* const endings[] = {"by itself", "deadline", "stopped", "orphaned"};
    return "finish(" + (finish.status ? std::to_string(*finish.status) : "never started") + ", " +
           endings[static_cast<int>(finish.ending)] + ")";
  }

  Guardian guardian{GuardianOptions{2s, 250ms}};
  Duration now{};
};

}  // namespace

TEST_CASE_FIXTURE(Fixture, "a command that ends by itself finishes once its group is gone") {
  CHECK(guardian.next_deadline() == Time::max());
  CHECK(step(0s, StartOrder{at(10s), {}}) == "start");
  CHECK(step(1s, CommandEnded{3 << 8}) == "KILL");  // whatever it has left behind
  CHECK(guardian.is_killing());
  CHECK(step(1s, GroupGone{}) == "finish(768, by itself)");
  CHECK(guardian.next_deadline() == Time::max());
}

TEST_CASE_FIXTURE(Fixture, "what the ended command left behind is killed again until it is gone") {
  step(0s, StartOrder{at(10s), {}});
  CHECK(step(1s, CommandEnded{0}) == "KILL");
  for (int i = 0; i < 3; ++i) CHECK(wake() == "KILL");
  CHECK(step(2s, GroupGone{}) == "finish(0, by itself)");
}

TEST_CASE_FIXTURE(Fixture,
                  "the group is told to end a grace and a margin before the deadline, and killed a margin before") {
  step(0s, StartOrder{at(10s), {}});
  CHECK(step(7749ms, ClockTick{}) == "");
  CHECK(wake() == "TERM CONT");
  CHECK(now == 7750ms);
  CHECK_FALSE(guardian.is_killing());
  CHECK(wake() == "KILL");
  CHECK(now == 9750ms);
  CHECK(step(9760ms, GroupGone{}) == "");  // the command's own end is always seen, too
  CHECK(step(9761ms, CommandEnded{SIGKILL}) == "KILL");
  CHECK(step(9762ms, GroupGone{}) == "finish(9, deadline)");
}

TEST_CASE_FIXTURE(Fixture, "each renewal moves the deadline on, none moves it back") {
  step(0s, StartOrder{at(10s), {}});
  CHECK(step(3s, RenewOrder{at(13s)}) == "");
  CHECK(step(4s, RenewOrder{at(12s)}) == "");
  CHECK(step(10s, ClockTick{}) == "");
  CHECK(wake() == "TERM CONT");
  CHECK(now == 10750ms);
}

TEST_CASE_FIXTURE(Fixture, "a renewal that comes after the group was told to end changes nothing") {
  step(0s, StartOrder{at(10s), {}});
  CHECK(step(7750ms, RenewOrder{at(20s)}) == "TERM CONT");
  CHECK(step(8s, RenewOrder{at(20s)}) == "");
  CHECK(wake() == "KILL");
  CHECK(now == 9750ms);
}

TEST_CASE_FIXTURE(Fixture, "a guardian that wakes up late kills at once") {
  step(0s, StartOrder{at(10s), {}});
  CHECK(step(9750ms, ClockTick{}) == "KILL");
}

TEST_CASE_FIXTURE(Fixture, "a command whose end is heard after its deadline did not end in time") {
  CHECK(step(0s, StartOrder{at(10s), {}}) == "start");
  CHECK(step(20s, CommandEnded{0}) == "KILL KILL");
  CHECK(step(20s, GroupGone{}) == "finish(0, deadline)");
}

TEST_CASE_FIXTURE(Fixture, "when the lock is lost the group has its grace, but never beyond the margin") {
  step(0s, StartOrder{at(10s), {}});
  SUBCASE("with time enough") {
    CHECK(step(1s, StopOrder{}) == "TERM CONT");
    CHECK(wake() == "KILL");
    CHECK(now == 3s);
  }
  SUBCASE("with little time, since a late deadline was moved on") {
    CHECK(step(7700ms, StopOrder{}) == "TERM CONT");
    CHECK(wake() == "KILL");
    CHECK(now == 9700ms);
  }
  SUBCASE("and the command's status is told with the reason") {
    step(1s, StopOrder{});
    CHECK(step(1100ms, CommandEnded{SIGTERM}) == "KILL");
    CHECK(step(1100ms, GroupGone{}) == "finish(15, stopped)");
  }
}

TEST_CASE_FIXTURE(Fixture, "without the holder the group is told to end at once") {
  step(0s, StartOrder{at(10s), {}});
  CHECK(step(1s, HolderGone{}) == "TERM CONT");
  CHECK(step(2s, StopOrder{}) == "");
  CHECK(wake() == "KILL");
  CHECK(now == 3s);
  step(3s, CommandEnded{SIGKILL});
  CHECK(step(3s, GroupGone{}) == "finish(9, orphaned)");
}

TEST_CASE_FIXTURE(Fixture, "signals go to the group while it lives, and not before it does") {
  CHECK(step(0s, SignalOrder{SIGUSR1}) == "");
  step(0s, StartOrder{at(10s), {}});
  CHECK(step(1s, SignalOrder{SIGTERM}) == "TERM");
  CHECK(step(1s, SignalOrder{SIGTERM}) == "TERM");
  CHECK(guardian.next_deadline() == at(7750ms));  // it was not told to end by us
  step(2s, StopOrder{});
  CHECK(step(2s, SignalOrder{SIGUSR1}) == "signal " + std::to_string(SIGUSR1));
  step(2s, CommandEnded{0});
  CHECK(step(2s, SignalOrder{SIGTERM}) == "");
}

TEST_CASE_FIXTURE(Fixture, "nothing is started that there is no time for, or nobody to hold the lock of") {
  SUBCASE("the deadline is near") { CHECK(step(7750ms, StartOrder{at(10s), {}}) == "finish(never started, deadline)"); }
  SUBCASE("the holder died first") {
    CHECK(step(1s, HolderGone{}) == "finish(never started, orphaned)");
    CHECK(step(2s, StartOrder{at(10s), {}}) == "");
  }
  SUBCASE("the lock was lost first") { CHECK(step(1s, StopOrder{}) == "finish(never started, stopped)"); }
}

TEST_CASE_FIXTURE(Fixture, "one command is started, once") {
  CHECK(step(0s, StartOrder{at(10s), {}}) == "start");
  CHECK(step(0s, StartOrder{at(10s), {}}) == "");
}

}  // namespace lockstep::guardian_test
