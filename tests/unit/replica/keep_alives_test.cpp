// Renewals on their way: with which barrier they go, and what each asker is told.
#include "protocol/replica/keep_alives.hpp"

#include <doctest/doctest.h>

#include "protocol/wire/limits.hpp"
#include "tests/support/show_numbers.hpp"

namespace lockstep::keep_alives_test {

using raft::Renewal;

namespace {

constexpr Duration kInterval = std::chrono::milliseconds(50);
constexpr Duration kLifetime = std::chrono::seconds(10);

constexpr Time at(int ms) { return Time(std::chrono::seconds(1000) + std::chrono::milliseconds(ms)); }

Asker asker(std::uint64_t which) { return {ConnectionId(which), CallNumber(which)}; }

KeepAlives nothing(std::size_t max_size = 1000, std::size_t per_barrier = 1000) {
  return {kInterval, kLifetime, max_size, per_barrier};
}

// One barrier with the renewals of sessions 1 to `count`, sent at 0.
KeepAlives sent(std::uint64_t count) {
  KeepAlives renewals = nothing();
  for (std::uint64_t n = 1; n <= count; ++n) renewals.add(at(0), asker(n), SessionId(n));
  renewals.barrier_sent(at(0), CallNumber(7));
  return renewals;
}

using Numbers = std::vector<std::uint64_t>;

template <typename Result>
Numbers askers(const std::vector<Result>& results) {
  Numbers numbers;
  for (const Result& result : results) numbers.push_back(result.asker.connection.value());
  return numbers;
}
Numbers askers(const std::vector<Asker>& results) {
  Numbers numbers;
  for (const Asker& one : results) numbers.push_back(one.connection.value());
  return numbers;
}

}  // namespace

TEST_CASE("a renewal makes a barrier due at once, and travels with it") {
  KeepAlives renewals = nothing();
  CHECK_FALSE(renewals.barrier_is_due(at(0)));
  CHECK(renewals.next_barrier() == Time::max());
  renewals.add(at(0), asker(1), SessionId(11));
  renewals.add(at(0), asker(2), SessionId(12));
  CHECK(renewals.barrier_is_due(at(0)));
  CHECK(renewals.renewals() == std::vector{SessionId(11), SessionId(12)});
  renewals.barrier_sent(at(0), CallNumber(1));
  CHECK(renewals.renewals().empty());
  CHECK_FALSE(renewals.barrier_is_due(at(1000)));
}

TEST_CASE("at most one barrier an interval leaves for the sake of renewals") {
  KeepAlives renewals = sent(1);
  renewals.add(at(10), asker(2), SessionId(2));
  CHECK_FALSE(renewals.barrier_is_due(at(49)));
  CHECK(renewals.next_barrier() == at(50));
  CHECK(renewals.barrier_is_due(at(50)));
}

TEST_CASE("a barrier that leaves anyway takes them along, and one without any changes nothing") {
  KeepAlives renewals = sent(1);
  renewals.barrier_sent(at(20), CallNumber(8));  // with nothing
  renewals.add(at(30), asker(2), SessionId(2));
  CHECK(renewals.next_barrier() == at(50));
  renewals.barrier_sent(at(30), CallNumber(9));
  CHECK(renewals.next_barrier() == Time::max());
  renewals.barrier_answered(CallNumber(9), LogIndex(1), {Renewal::kRenewed});
  CHECK(askers(renewals.take_answered(LogIndex(1))) == Numbers{2});
}

TEST_CASE("an answer is given when its index is applied here, each with its own verdict (L2)") {
  KeepAlives renewals = sent(3);
  CHECK(renewals.take_answered(LogIndex(100)).empty());
  renewals.barrier_answered(CallNumber(7), LogIndex(8), {Renewal::kDead, Renewal::kRenewed, Renewal::kUnknown});
  CHECK(renewals.take_answered(LogIndex(7)).empty());
  CHECK(renewals.size() == 3);
  const auto answered = renewals.take_answered(LogIndex(8));
  REQUIRE(askers(answered) == Numbers{1, 2, 3});
  CHECK(answered[0].verdict == Renewal::kDead);
  CHECK(answered[1].verdict == Renewal::kRenewed);
  CHECK(answered[2].verdict == Renewal::kUnknown);
  CHECK(answered[1].session == SessionId(2));
  CHECK(renewals.size() == 0);
  CHECK(renewals.take_answered(LogIndex(100)).empty());
}

TEST_CASE("only the answer to its own barrier counts for a renewal") {
  KeepAlives renewals = sent(1);
  renewals.barrier_answered(CallNumber(6), LogIndex(1), {Renewal::kRenewed});
  CHECK(renewals.take_answered(LogIndex(100)).empty());
  renewals.add(at(50), asker(2), SessionId(2));
  renewals.barrier_sent(at(50), CallNumber(8));
  renewals.barrier_answered(CallNumber(8), LogIndex(1), {Renewal::kRenewed});
  CHECK(askers(renewals.take_answered(LogIndex(100))) == Numbers{2});
  CHECK(renewals.size() == 1);
}

TEST_CASE("an answer with more or fewer verdicts than questions says nothing for certain") {
  KeepAlives renewals = sent(2);
  renewals.barrier_answered(CallNumber(7), LogIndex(1), {Renewal::kRenewed});
  for (const KeepAlives::Answered& one : renewals.take_answered(LogIndex(1))) CHECK(one.verdict == Renewal::kUnknown);
}

TEST_CASE("with a leader the renewals under way are lost; those that wait go to the next (L3)") {
  KeepAlives renewals = sent(2);
  renewals.add(at(10), asker(3), SessionId(3));
  CHECK(askers(renewals.leader_changed()) == Numbers{1, 2});
  CHECK(renewals.size() == 1);
  CHECK(renewals.renewals() == std::vector{SessionId(3)});  // and never the first two again
  renewals.barrier_answered(CallNumber(7), LogIndex(1), {Renewal::kRenewed, Renewal::kRenewed});
  CHECK(renewals.take_answered(LogIndex(100)).empty());
}

TEST_CASE("what a quorum has confirmed outlives its leader") {
  KeepAlives renewals = sent(1);
  renewals.barrier_answered(CallNumber(7), LogIndex(8), {Renewal::kRenewed});
  CHECK(renewals.leader_changed().empty());
  CHECK(askers(renewals.take_answered(LogIndex(8))) == Numbers{1});
}

TEST_CASE("a renewal has its time, and it is told whether any leader may have it") {
  KeepAlives renewals = sent(1);
  renewals.add(at(10), asker(2), SessionId(2));
  CHECK(renewals.next_deadline() == at(0) + kLifetime);
  CHECK(renewals.take_timed_out(at(0) + kLifetime - Duration(1)).empty());
  const auto first = renewals.take_timed_out(at(0) + kLifetime);
  REQUIRE(askers(first) == Numbers{1});
  CHECK(first[0].code == ErrorCode::kUnavailable);
  const auto second = renewals.take_timed_out(at(10) + kLifetime);
  REQUIRE(askers(second) == Numbers{2});
  CHECK(second[0].code == ErrorCode::kNoLeader);
  CHECK(renewals.size() == 0);
  CHECK(renewals.next_deadline() == Time::max());
}

TEST_CASE("one that was answered but whose index is never applied here has its time, too") {
  KeepAlives renewals = sent(1);
  renewals.barrier_answered(CallNumber(7), LogIndex(8), {Renewal::kRenewed});
  CHECK(askers(renewals.take_timed_out(at(0) + kLifetime)) == Numbers{1});
  CHECK(renewals.take_answered(LogIndex(100)).empty());
}

TEST_CASE("a late answer belongs to those that are left, not to those that were given up") {
  KeepAlives renewals = nothing();
  renewals.add(at(0), asker(1), SessionId(1));
  renewals.add(at(5), asker(2), SessionId(2));
  renewals.barrier_sent(at(5), CallNumber(7));
  CHECK(askers(renewals.take_timed_out(at(0) + kLifetime)) == Numbers{1});
  renewals.barrier_answered(CallNumber(7), LogIndex(1), {Renewal::kDead, Renewal::kRenewed});
  const auto answered = renewals.take_answered(LogIndex(1));
  REQUIRE(askers(answered) == Numbers{2});
  CHECK(answered[0].verdict == Renewal::kRenewed);
}

TEST_CASE("a sign of life travels like a renewal, and nobody is told") {
  KeepAlives renewals = nothing();
  renewals.add_sign_of_life(at(0), SessionId(5));
  CHECK(renewals.barrier_is_due(at(0)));
  CHECK(renewals.renewals() == std::vector{SessionId(5)});
  renewals.barrier_sent(at(0), CallNumber(7));
  renewals.barrier_answered(CallNumber(7), LogIndex(1), {Renewal::kRenewed});
  CHECK(renewals.take_answered(LogIndex(1)).empty());
  CHECK(renewals.size() == 0);
  renewals.add_sign_of_life(at(0), SessionId(5));
  CHECK(renewals.take_timed_out(at(0) + kLifetime).empty());
  CHECK(renewals.size() == 0);
}

TEST_CASE("a node has so many renewals under way, and no more") {
  KeepAlives renewals = nothing(2);
  CHECK(renewals.add(at(0), asker(1), SessionId(1)));
  renewals.barrier_sent(at(0), CallNumber(7));
  CHECK(renewals.add(at(0), asker(2), SessionId(2)));
  CHECK_FALSE(renewals.add(at(0), asker(3), SessionId(3)));
  renewals.add_sign_of_life(at(0), SessionId(4));
  CHECK(renewals.size() == 2);
  renewals.leader_changed();
  CHECK(renewals.add(at(0), asker(3), SessionId(3)));
}

TEST_CASE("a barrier carries as many as a message may, the oldest; the others take the next") {
  KeepAlives renewals = nothing(1000, 3);
  for (std::uint64_t n = 1; n <= 5; ++n) renewals.add(at(0), asker(n), SessionId(n));
  CHECK(renewals.renewals() == std::vector{SessionId(1), SessionId(2), SessionId(3)});
  renewals.barrier_sent(at(0), CallNumber(7));
  CHECK(renewals.renewals() == std::vector{SessionId(4), SessionId(5)});
}

TEST_CASE("a barrier whose renewals all timed out is forgotten, and its answer too") {
  KeepAlives renewals = sent(2);
  renewals.add(at(10), asker(3), SessionId(3));
  renewals.barrier_sent(at(10), CallNumber(8));
  CHECK(askers(renewals.take_timed_out(at(0) + kLifetime)) == Numbers{1, 2});
  renewals.check_invariants();
  renewals.barrier_answered(CallNumber(7), LogIndex(1), {Renewal::kRenewed, Renewal::kRenewed});
  CHECK(renewals.take_answered(LogIndex(1)).empty());
  CHECK(askers(renewals.leader_changed()) == Numbers{3});
  renewals.check_invariants();
  CHECK(renewals.next_deadline() == Time::max());
}

TEST_CASE("an answer that does not speak of every renewal says nothing of any") {
  KeepAlives renewals = sent(2);
  renewals.barrier_answered(CallNumber(7), LogIndex(1), {Renewal::kRenewed});
  for (const auto& answered : renewals.take_answered(LogIndex(1))) CHECK(answered.verdict == Renewal::kUnknown);
  CHECK(renewals.size() == 0);
}

}  // namespace lockstep::keep_alives_test
