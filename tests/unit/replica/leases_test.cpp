// The leader's clock of leases alone: healthy time, and what it never does.
#include "protocol/replica/leases.hpp"

#include <doctest/doctest.h>

#include "tests/support/show_numbers.hpp"

namespace lockstep::leases_test {
namespace {

constexpr Duration kTick = std::chrono::milliseconds(50);
constexpr Duration kTtl = std::chrono::seconds(3);

constexpr Time at(Duration time) { return Time(std::chrono::seconds(1000)) + time; }
constexpr Duration ms(int count) { return std::chrono::milliseconds(count); }

const SessionId kOne(1);
const SessionId kTwo(2);

using Sessions = std::vector<SessionId>;

Leases begun() {
  Leases leases(kTick);
  leases.begin(at(ms(0)));
  return leases;
}

// Ticks every 50 ms from `from` on until something expires. When that was, and what.
std::pair<Duration, Sessions> first_to_expire(Leases& leases, Duration from, bool healthy = true) {
  for (Duration now = from; now < from + std::chrono::minutes(1); now += kTick) {
    leases.advance(at(now), healthy);
    if (Sessions expired = leases.take_expired(); !expired.empty()) return {now, expired};
  }
  return {Duration::max(), {}};
}

}  // namespace

TEST_CASE("a lease runs out after its duration, once, and not much later") {
  Leases leases = begun();
  leases.start(kOne, kTtl);
  const auto [when, expired] = first_to_expire(leases, kTick);
  CHECK(expired == Sessions{kOne});
  CHECK(when >= kTtl);
  CHECK(when <= kTtl + 3 * kTick);
  CHECK(first_to_expire(leases, when + kTick).second.empty());
}

// The client's margin is a fiftieth of the TTL, which may be less than a tick (L3).
TEST_CASE("a lease that begins between two ticks is not shorter for it") {
  for (const Duration begins : {ms(1), ms(49), ms(99), ms(3000)}) {
    Leases leases = begun();
    leases.start(kOne, kTtl);
    leases.start(kTwo, kTtl);
    leases.renew(kOne);
    Leases later = leases;
    later.start(SessionId(3), kTtl);  // at `begins`, with no tick since 0
    Duration now = begins;
    Sessions expired;
    while (std::find(expired.begin(), expired.end(), SessionId(3)) == expired.end()) {
      now += ms(1);
      later.advance(at(now), true);
      for (const SessionId session : later.take_expired()) expired.push_back(session);
    }
    CHECK(now - begins >= kTtl);
  }
}

TEST_CASE("a leader that was stopped for an hour has not seen an hour of silence (L5)") {
  Leases leases = begun();
  leases.start(kOne, kTtl);
  leases.advance(at(std::chrono::hours(1)), true);
  CHECK(leases.take_expired().empty());
  const auto [when, expired] = first_to_expire(leases, std::chrono::hours(1) + kTick);
  CHECK(when >= std::chrono::hours(1) + kTtl - 2 * kTick);  // two ticks counted
  CHECK(expired == Sessions{kOne});
}

TEST_CASE("time in which no quorum answered, or peers were not heard out, does not count (L5)") {
  Leases leases = begun();
  leases.start(kOne, kTtl);
  CHECK(first_to_expire(leases, kTick, false).second.empty());
  const Duration from = std::chrono::minutes(2);
  CHECK(first_to_expire(leases, from).first >= from + kTtl - 2 * kTick);
}

TEST_CASE("many calls within one tick count no more than the time that passed (L5)") {
  Leases leases = begun();
  leases.start(kOne, kTtl);
  for (int i = 0; i < 100'000; ++i) leases.advance(at(ms(i / 50)), true);  // two seconds
  CHECK(leases.take_expired().empty());
}

TEST_CASE("a renewal starts the whole lease again; of an unknown session it starts nothing (L2)") {
  Leases leases = begun();
  leases.start(kOne, kTtl);
  leases.start(kTwo, kTtl);
  for (Duration now = kTick; now <= ms(2000); now += kTick) leases.advance(at(now), true);
  leases.renew(kOne);
  leases.renew(SessionId(99));
  CHECK_FALSE(leases.is_known(SessionId(99)));
  const auto [when, expired] = first_to_expire(leases, ms(2050));
  CHECK(expired == Sessions{kTwo});
  CHECK(when < ms(4000));
  const auto [later, others] = first_to_expire(leases, when + kTick);
  CHECK(others == Sessions{kOne});
  CHECK(later >= ms(2000) + kTtl);
}

TEST_CASE("a session whose Expire was appended is neither renewed nor started again (L4)") {
  Leases leases = begun();
  leases.start(kOne, ms(100));
  const Duration when = first_to_expire(leases, kTick).first;
  CHECK(leases.is_expiring(kOne));
  leases.renew(kOne);
  leases.start(kOne, ms(100));
  CHECK(leases.is_expiring(kOne));
  CHECK(first_to_expire(leases, when + kTick).second.empty());
  CHECK(leases.next_deadline() == Time::max());
}

TEST_CASE("an Expire for which there was no room is asked for again") {
  Leases leases = begun();
  leases.start(kOne, ms(100));
  const Duration when = first_to_expire(leases, kTick).first;
  leases.put_back(kOne);
  CHECK_FALSE(leases.is_expiring(kOne));
  CHECK(first_to_expire(leases, when + kTick) == std::pair{when + kTick, Sessions{kOne}});
}

TEST_CASE("a lease put back can still be renewed: nothing was appended") {
  Leases leases = begun();
  leases.start(kOne, ms(100));
  const Duration when = first_to_expire(leases, kTick).first;
  leases.put_back(kOne);
  leases.renew(kOne);
  CHECK(first_to_expire(leases, when + kTick).first >= when + ms(100));
}

TEST_CASE("the leases that ran out longest ago come first") {
  Leases leases = begun();
  leases.start(kOne, ms(200));
  leases.start(kTwo, ms(100));
  for (int i = 1; i <= 10; ++i) leases.advance(at(i * kTick), true);
  CHECK(leases.take_expired() == Sessions{kTwo, kOne});
}

TEST_CASE("what is forgotten never expires, and a new beginning forgets all (L6)") {
  Leases leases = begun();
  leases.start(kOne, ms(100));
  leases.forget(kOne);
  leases.forget(kOne);
  CHECK(first_to_expire(leases, kTick).second.empty());
  leases.start(kTwo, ms(100));
  leases.begin(at(std::chrono::minutes(2)));
  CHECK_FALSE(leases.is_known(kTwo));
  CHECK(first_to_expire(leases, std::chrono::minutes(3)).second.empty());
}

TEST_CASE("the clock wants to be woken at every tick while a lease runs, since a step counts for little (L5)") {
  Leases leases = begun();
  CHECK(leases.next_deadline() == Time::max());
  leases.start(kOne, kTtl);
  CHECK(leases.next_deadline() == at(kTick));
  leases.advance(at(ms(70)), false);
  CHECK(leases.next_deadline() == at(ms(70)) + kTick);
}

}  // namespace lockstep::leases_test
