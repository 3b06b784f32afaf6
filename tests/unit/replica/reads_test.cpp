// Checks that wait: for an index, for a barrier, and how old the state may be.
#include "protocol/replica/reads.hpp"

#include <doctest/doctest.h>

#include "tests/support/show_numbers.hpp"

namespace lockstep::reads_test {
namespace {

constexpr Duration kInterval = std::chrono::milliseconds(500);
constexpr Duration kPatience = std::chrono::milliseconds(200);
constexpr std::size_t kMaxBarriers = 64;

constexpr Time at(int ms) { return Time(std::chrono::seconds(1000) + std::chrono::milliseconds(ms)); }

Read read(std::uint64_t which, LogIndex at_least = LogIndex(), Time expires = Time::max()) {
  return {
      {ConnectionId(which), CallNumber(which)}, wire::CheckRequest{"name", wire::ReadMode::kLocal, at_least}, expires};
}

std::vector<std::uint64_t> which(const std::vector<Read>& reads) {
  std::vector<std::uint64_t> connections;
  for (const Read& one : reads) connections.push_back(one.asker.connection.value());
  return connections;
}

std::vector<std::uint64_t> which(const std::vector<TimedOut>& timed_out) {
  std::vector<std::uint64_t> connections;
  for (const TimedOut& one : timed_out) connections.push_back(one.asker.connection.value());
  return connections;
}

using Which = std::vector<std::uint64_t>;

}  // namespace

TEST_CASE("a read is ready when its index is applied, in order of index") {
  Reads reads(kInterval, kPatience, kMaxBarriers);
  reads.wait_for_index(LogIndex(7), read(1));
  reads.wait_for_index(LogIndex(5), read(2));
  reads.wait_for_index(LogIndex(9), read(3));
  CHECK(reads.take_ready(LogIndex(4)).empty());
  CHECK(which(reads.take_ready(LogIndex(7))) == Which{2, 1});
  CHECK(which(reads.take_ready(LogIndex(100))) == Which{3});
  CHECK(reads.size() == 0);
}

TEST_CASE("a linearizable read waits for a barrier sent after it came, then for the barrier's index") {
  Reads reads(kInterval, kPatience, kMaxBarriers);
  reads.wait_for_barrier(read(1));
  CHECK(reads.take_ready(LogIndex(100)).empty());
  CHECK(reads.barrier_is_due(at(0)));
  reads.barrier_sent(at(0), CallNumber(1));
  CHECK_FALSE(reads.barrier_is_due(at(1)));
  CHECK(reads.take_ready(LogIndex(100)).empty());
  reads.barrier_answered(CallNumber(1), LogIndex(8));
  CHECK(reads.take_ready(LogIndex(7)).empty());
  CHECK(which(reads.take_ready(LogIndex(8))) == Which{1});
}

TEST_CASE("reads that come while a barrier is under way share the next one, and never use this one") {
  Reads reads(kInterval, kPatience, kMaxBarriers);
  reads.wait_for_barrier(read(1));
  reads.barrier_sent(at(0), CallNumber(1));
  reads.wait_for_barrier(read(2));
  reads.wait_for_barrier(read(3));
  CHECK_FALSE(reads.barrier_is_due(at(1)));
  reads.barrier_answered(CallNumber(1), LogIndex(8));
  CHECK(which(reads.take_ready(LogIndex(100))) == Which{1});
  CHECK(reads.barrier_is_due(at(1)));
  reads.barrier_sent(at(1), CallNumber(2));
  reads.barrier_answered(CallNumber(2), LogIndex(8));
  CHECK(which(reads.take_ready(LogIndex(100))) == Which{2, 3});
}

TEST_CASE("a linearizable read also waits for the index its client has seen") {
  Reads reads(kInterval, kPatience, kMaxBarriers);
  reads.wait_for_barrier(read(1, LogIndex(12)));
  reads.barrier_sent(at(0), CallNumber(1));
  reads.barrier_answered(CallNumber(1), LogIndex(8));
  CHECK(reads.take_ready(LogIndex(11)).empty());
  CHECK(reads.take_ready(LogIndex(12)).size() == 1);
}

TEST_CASE("a barrier without an answer is sent again when patience is over, under a number of its own") {
  Reads reads(kInterval, kPatience, kMaxBarriers);
  reads.wait_for_barrier(read(1));
  reads.barrier_sent(at(0), CallNumber(1));
  CHECK(reads.next_barrier() == at(200));
  CHECK_FALSE(reads.barrier_is_due(at(199)));
  CHECK(reads.barrier_is_due(at(200)));
  reads.wait_for_barrier(read(2));
  reads.barrier_sent(at(200), CallNumber(2));
  // The old answer: it cannot serve read 2, which came after its question.
  reads.barrier_answered(CallNumber(1), LogIndex(8));
  CHECK(which(reads.take_ready(LogIndex(100))) == Which{1});
  reads.barrier_answered(CallNumber(2), LogIndex(9));
  CHECK(which(reads.take_ready(LogIndex(100))) == Which{2});
}

TEST_CASE("a barrier's late answer serves the reads that came before it, so a slow path starves nobody") {
  Reads reads(kInterval, kPatience, kMaxBarriers);
  reads.wait_for_barrier(read(1));
  reads.barrier_sent(at(0), CallNumber(1));
  reads.wait_for_barrier(read(2));
  reads.barrier_sent(at(200), CallNumber(2));
  reads.wait_for_barrier(read(3));
  reads.barrier_sent(at(400), CallNumber(3));
  CHECK(reads.size() == 3);
  reads.barrier_answered(CallNumber(1), LogIndex(8));
  CHECK(which(reads.take_ready(LogIndex(100))) == Which{1});
  CHECK(reads.age(at(500)) == std::chrono::milliseconds(500));
  reads.barrier_answered(CallNumber(3), LogIndex(8));  // overtook the second, whose reads it may serve too
  CHECK(which(reads.take_ready(LogIndex(100))) == Which{2, 3});
  reads.barrier_answered(CallNumber(2), LogIndex(9));
  CHECK(reads.take_ready(LogIndex(100)).empty());
  CHECK(reads.size() == 0);
}

TEST_CASE("barriers without answers are bounded in number, and no read is lost with them") {
  Reads reads(kInterval, kPatience, kMaxBarriers);
  for (int i = 1; i <= 100; ++i) {
    reads.wait_for_barrier(read(static_cast<std::uint64_t>(i)));
    reads.barrier_sent(at(200 * i), CallNumber(static_cast<std::uint64_t>(i)));
  }
  CHECK(reads.size() == 100);
  reads.barrier_answered(CallNumber(36), LogIndex(8));
  CHECK(reads.take_ready(LogIndex(100)).empty());  // forgotten
  reads.barrier_answered(CallNumber(37), LogIndex(8));
  CHECK(reads.take_ready(LogIndex(100)).size() == 37);
}

TEST_CASE("when the leader changes, the barrier under way is lost and its reads wait for the next") {
  Reads reads(kInterval, kPatience, kMaxBarriers);
  reads.wait_for_barrier(read(1));
  reads.barrier_sent(at(0), CallNumber(1));
  reads.leader_changed();
  reads.barrier_answered(CallNumber(1), LogIndex(8));
  CHECK(reads.take_ready(LogIndex(100)).empty());
  CHECK(reads.barrier_is_due(at(1)));
  reads.barrier_sent(at(1), CallNumber(2));
  reads.barrier_answered(CallNumber(2), LogIndex(9));
  CHECK(reads.take_ready(LogIndex(100)).size() == 1);
}

TEST_CASE("the age counts from when the barrier was sent, once its index is applied") {
  Reads reads(kInterval, kPatience, kMaxBarriers);
  CHECK_FALSE(reads.age(at(0)));
  reads.barrier_sent(at(0), CallNumber(1));
  reads.barrier_answered(CallNumber(1), LogIndex(8));
  reads.take_ready(LogIndex(7));
  CHECK_FALSE(reads.age(at(100)));
  reads.take_ready(LogIndex(8));
  CHECK(reads.age(at(100)) == std::chrono::milliseconds(100));
}

TEST_CASE("an older barrier whose index is applied later does not make the state older") {
  Reads reads(kInterval, kPatience, kMaxBarriers);
  reads.barrier_sent(at(0), CallNumber(1));
  reads.barrier_answered(CallNumber(1), LogIndex(8));
  reads.barrier_sent(at(500), CallNumber(2));
  reads.barrier_answered(CallNumber(2), LogIndex(9));
  reads.take_ready(LogIndex(8));
  CHECK(reads.age(at(600)) == std::chrono::milliseconds(600));
  reads.take_ready(LogIndex(9));
  CHECK(reads.age(at(600)) == std::chrono::milliseconds(100));
}

TEST_CASE("a barrier is due every interval for the sake of the age") {
  Reads reads(kInterval, kPatience, kMaxBarriers);
  CHECK(reads.barrier_is_due(at(0)));
  reads.barrier_sent(at(0), CallNumber(1));
  reads.barrier_answered(CallNumber(1), LogIndex(1));
  CHECK_FALSE(reads.barrier_is_due(at(499)));
  CHECK(reads.next_barrier() == at(500));
  CHECK(reads.barrier_is_due(at(500)));
}

TEST_CASE("every read that waits times out, whatever it waits for") {
  Reads reads(kInterval, kPatience, kMaxBarriers);
  reads.wait_for_barrier(read(1, LogIndex(), at(1000)));
  reads.barrier_sent(at(0), CallNumber(1));
  reads.wait_for_barrier(read(2, LogIndex(), at(1500)));
  reads.wait_for_index(LogIndex(9), read(3, LogIndex(), at(900)));
  reads.wait_for_index(LogIndex(9), read(4, LogIndex(), at(3000)));
  CHECK(reads.next_deadline() == at(900));
  CHECK(reads.take_timed_out(at(899)).empty());
  CHECK(which(reads.take_timed_out(at(1000))) == Which{3, 1});
  CHECK(reads.next_deadline() == at(1500));
  CHECK(which(reads.take_timed_out(at(2000))) == Which{2});
  reads.check_invariants();
  CHECK(which(reads.take_ready(LogIndex(9))) == Which{4});
  reads.check_invariants();
}

TEST_CASE("the answer to a barrier comes too late for the reads of it that timed out") {
  Reads reads(kInterval, kPatience, kMaxBarriers);
  reads.wait_for_barrier(read(1, LogIndex(), at(900)));
  reads.wait_for_barrier(read(2, LogIndex(), at(2000)));
  reads.barrier_sent(at(0), CallNumber(1));
  CHECK(which(reads.take_timed_out(at(900))) == Which{1});
  reads.check_invariants();
  reads.barrier_answered(CallNumber(1), LogIndex(3));
  CHECK(which(reads.take_ready(LogIndex(3))) == Which{2});
  CHECK(reads.size() == 0);
}

TEST_CASE("of a barrier that is lost with its leader only the reads that are left join the next") {
  Reads reads(kInterval, kPatience, kMaxBarriers);
  reads.wait_for_barrier(read(1, LogIndex(), at(900)));
  reads.wait_for_barrier(read(2, LogIndex(), at(2000)));
  reads.barrier_sent(at(0), CallNumber(1));
  reads.take_timed_out(at(900));
  reads.leader_changed();
  reads.check_invariants();
  CHECK(reads.barrier_is_due(at(901)));
  reads.barrier_sent(at(901), CallNumber(2));
  reads.barrier_answered(CallNumber(2), LogIndex(4));
  CHECK(which(reads.take_ready(LogIndex(4))) == Which{2});
}

}  // namespace lockstep::reads_test
