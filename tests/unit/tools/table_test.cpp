// Columns for a person: widths, ages, and whose a lock is.
#include "tools/lockstep/answers/table.hpp"

#include <doctest/doctest.h>

namespace lockstep::table_test {
namespace {

using namespace std::chrono_literals;

const ClientId kOwner = *parse_client_id("6ba7b810-9dad-11d1-80b4-00c04fd430c8");
constexpr WallTime kThen{std::chrono::milliseconds(1'767'225'600'007)};

}  // namespace

TEST_CASE("columns are as wide as their widest cell, and the last is as it is") {
  CHECK(aligned({{"A", "B", "C"}, {"long", "x", ""}, {"", "yy", "end"}}) ==
        std::vector<std::string>{"A     B   C", "long  x   ", "      yy  end"});
  CHECK(aligned({}).empty());
}

TEST_CASE("an age is told in its largest unit") {
  CHECK(ago(kThen, kThen) == "just now");
  CHECK(ago(kThen, kThen - 1h) == "just now");  // a clock that is ahead
  CHECK(ago(kThen, kThen + 59s) == "59 s ago");
  CHECK(ago(kThen, kThen + 60s) == "1 min ago");
  CHECK(ago(kThen, kThen + 3h + 59min) == "3 h ago");
  CHECK(ago(kThen, kThen + 24h) == "1 day ago");
  CHECK(ago(kThen, kThen + 49h) == "2 days ago");
  CHECK(when(kThen, kThen + 3min) == "2026-01-01 00:00:00 (3 min ago)");
}

TEST_CASE("the note comes before the id, and control characters are not shown") {
  SessionInfo session;
  session.session = SessionId(7);
  session.client = kOwner;
  session.ttl_ms = 10'000;
  session.since = kThen;
  session.note = "alice@b7\x1b[31m";
  session.locks = 2;
  const auto table = table_of(std::vector{session}, kThen + 3min);
  REQUIRE(table.size() == 2);
  CHECK(table[0] == "SESSION  CLIENT                       TTL   SINCE                            LOCKS  WAITS");
  CHECK(table[1] == "7        alice@b7\\x1b[31m (6ba7b810)  10 s  2026-01-01 00:00:00 (3 min ago)  2      0");
}

TEST_CASE("a lock is shown with its first holder, how many others, and who waits") {
  LockInfo lock;
  lock.name = "reports";
  lock.mode = LockMode::kPermit;
  lock.permits = 3;
  lock.holders.push_back({kOwner, SessionId(7), FencingToken(9), kThen, "alice"});
  lock.holder_count = 3;
  lock.waiter_count = 4;
  LockInfo free;
  free.name = "waited for";
  free.waiter_count = 1;
  const auto table = table_of(std::vector{lock, free}, kThen);
  REQUIRE(table.size() == 3);
  CHECK(table[1].find("alice (6ba7b810) and 2 others  9") != std::string::npos);
  CHECK(table[1].ends_with("(just now)  4"));
  CHECK(table[2].ends_with("1"));
}

TEST_CASE("a grant that is over is shown with how long it was held, and why it ended") {
  PastHold event;
  event.name = "a";
  event.client = kOwner;
  event.token = FencingToken(4);
  event.from = kThen;
  event.to = kThen + 90s;
  event.reason = EndReason::kForced;
  event.by = kOwner;
  event.why = "on fire";
  const auto table = table_of(std::vector{event}, {}, kThen + 90s);
  REQUIRE(table.size() == 2);
  CHECK(table[1].find("  4      1 min 30 s  ") != std::string::npos);
  CHECK(table[1].ends_with("forced by " + to_string(kOwner) + ": on fire"));
  const auto with_notes = table_of(std::vector{event}, {{kOwner, "alice\n"}}, kThen + 90s);
  CHECK(with_notes[1].starts_with("a     alice\\n (6ba7b810)  4"));
  CHECK(with_notes[1].ends_with("forced by alice\\n (6ba7b810): on fire"));
}

}  // namespace lockstep::table_test
