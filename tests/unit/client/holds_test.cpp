#include <doctest/doctest.h>

#include "protocol/client_core/endpoints.hpp"
#include "protocol/client_core/holds.hpp"

namespace lockstep::holds_test {

using namespace lockstep::client_core;
using namespace std::chrono_literals;

TEST_CASE("what was granted is held with its token until it is released") {
  Holds holds;
  holds.hold({"a", "b"}, FencingToken(7));
  CHECK(holds.token_of("a") == FencingToken(7));
  holds.released("a");
  CHECK_FALSE(holds.token_of("a"));
  CHECK(holds.held() == std::map<std::string, FencingToken>{{"b", FencingToken(7)}});
  CHECK_FALSE(holds.loss_of("a"));  // given back is not lost
}

TEST_CASE("only the grant that was taken is lost to an operator") {
  Holds holds;
  holds.hold({"a"}, FencingToken(7));
  CHECK_FALSE(holds.taken("a", FencingToken(6)));  // an earlier one
  CHECK(holds.token_of("a") == FencingToken(7));
  CHECK(holds.taken("a", FencingToken(7)));
  CHECK_FALSE(holds.taken("a", FencingToken(7)));
}

TEST_CASE("what was lost stays lost until it is granted again or the next loss") {
  Holds holds;
  holds.hold({"a", "b"}, FencingToken(7));
  CHECK(holds.lose_all(LossReason::kExpired) == std::vector<OwnedLock>{{"a", FencingToken(7)}, {"b", FencingToken(7)}});
  CHECK(holds.held().empty());
  CHECK(holds.loss_of("a") == LossReason::kExpired);
  holds.hold({"a"}, FencingToken(9));
  CHECK_FALSE(holds.loss_of("a"));
  CHECK(holds.loss_of("b") == LossReason::kExpired);
  holds.check_invariants();
  CHECK(holds.lose_all(LossReason::kForced) == std::vector<OwnedLock>{{"a", FencingToken(9)}});
  CHECK_FALSE(holds.loss_of("b"));
}

TEST_CASE("after a Close was sent a grant that comes late is not held") {
  Holds holds;
  holds.hold({"a"}, FencingToken(7));
  CHECK(holds.give_up());
  CHECK_FALSE(holds.give_up());  // once
  holds.lose_all(LossReason::kClosed);
  holds.hold({"b"}, FencingToken(8));
  CHECK(holds.held().empty());
  CHECK(holds.loss_of("b") == LossReason::kClosed);
  holds.check_invariants();
  CHECK(holds.end_session());
  CHECK_FALSE(holds.end_session());
  holds.hold({"b"}, FencingToken(9));
  CHECK(holds.token_of("b") == FencingToken(9));
}

TEST_CASE("a grant that is older than an operator's hand is verified, once") {
  Holds holds;
  CHECK(holds.was_forced(LogIndex(20)));
  CHECK_FALSE(holds.was_forced(LogIndex(20)));
  CHECK_FALSE(holds.was_forced(LogIndex(19)));
  holds.hold({"a"}, FencingToken(21));
  CHECK_FALSE(holds.must_verify());
  holds.hold({"b"}, FencingToken(15));  // its answer was long under way
  CHECK(holds.must_verify());
  CHECK_FALSE(holds.must_verify());
  holds.begin_session();
  holds.hold({"c"}, FencingToken(3));
  CHECK_FALSE(holds.must_verify());
}

// ---- Endpoints

TEST_CASE("the preferred endpoint changes when it fails, not when another does") {
  ClientOptions options;
  options.endpoints = 3;
  Endpoints endpoints(options);
  CHECK(endpoints.last_failure().empty());
  endpoints.failed(2, "no connection");
  CHECK(endpoints.preferred() == 0);
  CHECK(endpoints.last_failure() == "; the last problem was: no connection");
  CHECK(endpoints.problems() == std::vector<std::string>{"", "", "no connection"});
  endpoints.answered(2);
  CHECK(endpoints.problems() == std::vector<std::string>(3));
  endpoints.failed(std::nullopt, "no answer");
  CHECK(endpoints.preferred() == 0);
  for (const std::size_t next : {1U, 2U, 0U}) {
    endpoints.failed(endpoints.preferred(), "no answer");
    CHECK(endpoints.preferred() == next);
  }
}

TEST_CASE("an older grant that is heard of late takes nothing from a newer one") {
  Holds holds;
  holds.hold({"a"}, FencingToken(9));
  holds.hold({"a", "b"}, FencingToken(7));
  CHECK(holds.token_of("a") == FencingToken(9));
  CHECK(holds.token_of("b") == FencingToken(7));
}

TEST_CASE("pauses double up to the limit, and half of each is certain") {
  ClientOptions options;
  options.backoff_min = 10ms;
  options.backoff_max = 100ms;
  Endpoints endpoints(options);
  const Duration longest[] = {10ms, 20ms, 40ms, 80ms, 100ms, 100ms};
  for (std::uint32_t failures = 0; failures < 6; ++failures) {
    for (int i = 0; i < 100; ++i) {
      const Duration pause = endpoints.backoff(failures);
      CHECK(pause >= longest[failures] / 2);
      CHECK(pause <= longest[failures]);
    }
  }
  CHECK(endpoints.backoff(1'000'000) <= 100ms);
}

}  // namespace lockstep::holds_test
