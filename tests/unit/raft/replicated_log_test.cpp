// The replicated log: what Appends, snapshots and the disk do to its positions (R2 to R5, S3).
#include "protocol/raft/replicated_log.hpp"

#include <doctest/doctest.h>

#include "tests/support/aborts.hpp"
#include "tests/support/show_numbers.hpp"

namespace lockstep::replicated_log_test {

using namespace lockstep::raft;

namespace {

Entry entry(std::uint64_t term) { return {Term(term), WallTime{}, Command{"x"}}; }

// Entry 1 is the configuration; the others have these terms.
ReplicatedLog log_of(const std::vector<std::uint64_t>& terms) {
  Restored restored;
  restored.entries.push_back({Term(1), WallTime{}, Configuration{}});
  for (const std::uint64_t term : terms) restored.entries.push_back(entry(term));
  return ReplicatedLog(restored);
}

Append append(std::uint64_t previous, std::uint64_t previous_term, const std::vector<std::uint64_t>& terms) {
  Append append;
  append.previous_index = LogIndex(previous);
  append.previous_term = Term(previous_term);
  for (const std::uint64_t term : terms) append.entries.push_back(entry(term));
  return append;
}

SnapshotHead head(std::uint64_t index, std::uint64_t term) {
  SnapshotHead head;
  head.index = LogIndex(index);
  head.term = Term(term);
  return head;
}

Write write_of(const ReplicatedLog& log, std::uint64_t id, std::uint64_t first) {
  return {WriteId(id), LogIndex(first), log.entries().slice(LogIndex(first - 1), SIZE_MAX), std::nullopt};
}

}  // namespace

TEST_CASE("what was restored is durable, and only entry 1 of it is known to be committed (R17)") {
  const ReplicatedLog log = log_of({1, 2});
  CHECK(log.durable_index() == LogIndex(3));
  CHECK(log.commit_index() == LogIndex(1));
  CHECK(log.verified_index() == LogIndex());
  CHECK(log.applicable_index() == LogIndex(1));
}

TEST_CASE("an accepted Append verifies the log up to its end, also where nothing was new (R2)") {
  ReplicatedLog log = log_of({1, 2, 2});
  CHECK(log.accept(append(1, 1, {1})) == std::nullopt);
  CHECK(log.verified_index() == LogIndex(2));
  CHECK(log.entries().last_index() == LogIndex(4));
  CHECK(log.accept(append(4, 2, {3, 3})) == LogIndex(5));
  CHECK(log.verified_index() == LogIndex(6));
  log.begin_term();
  CHECK(log.verified_index() == LogIndex());
}

TEST_CASE("a conflict drops the entry and all that follow it, and they stop counting as durable at once (R3, R5)") {
  ReplicatedLog log = log_of({1, 2, 2});
  CHECK(log.accept(append(2, 1, {3})) == LogIndex(3));
  CHECK(log.entries().last_index() == LogIndex(3));
  CHECK(log.entries().last_term() == Term(3));
  CHECK(log.durable_index() == LogIndex(2));
  log.check_invariants();
}

TEST_CASE("what is committed or verified is never replaced (R5)") {
  ReplicatedLog log = log_of({1, 2});
  log.commit_through(LogIndex(3));
  CHECK(test::aborts([&] { log.accept(append(2, 1, {3})); }));
  ReplicatedLog verified = log_of({1, 2});
  verified.accept(append(2, 1, {2}));
  CHECK(test::aborts([&] { verified.accept(append(2, 1, {3})); }));
}

TEST_CASE("an Append that does not go on from this log is not to be accepted") {
  ReplicatedLog log = log_of({1, 2});
  CHECK(test::aborts([&] { log.accept(append(3, 1, {2})); }));
  CHECK(test::aborts([&] { log.accept(append(4, 2, {2})); }));
}

TEST_CASE("a follower may acknowledge only what is verified and durable (R3)") {
  ReplicatedLog log = log_of({1, 1});
  CHECK(log.match_index() == LogIndex());
  log.accept(append(3, 1, {1, 1}));
  CHECK(log.match_index() == LogIndex(3));
  log.started(write_of(log, 1, 4), Time{});
  CHECK(log.match_index() == LogIndex(3));
  log.persisted(WriteId(1));
  CHECK(log.match_index() == LogIndex(5));
}

TEST_CASE("the commit index never falls, and is never beyond the log (R4)") {
  ReplicatedLog log = log_of({1, 2});
  log.commit_through(LogIndex(2));
  log.commit_through(LogIndex(1));
  CHECK(log.commit_index() == LogIndex(2));
  CHECK(test::aborts([&] { log.commit_through(LogIndex(4)); }));
  CHECK(test::aborts([&] { log.verify_through(LogIndex(4)); }));
}

TEST_CASE("what is committed can be applied only once this disk has it (R4)") {
  ReplicatedLog log = log_of({1});
  log.append(entry(2));
  log.started(write_of(log, 1, 3), Time{});
  log.commit_through(LogIndex(3));
  CHECK(log.applicable_index() == LogIndex(2));
  log.persisted(WriteId(1));
  CHECK(log.applicable_index() == LogIndex(3));
}

TEST_CASE("an installed snapshot takes the place of the whole log, and counts when it is durable (S3)") {
  ReplicatedLog log = log_of({1, 2, 2});
  log.commit_through(LogIndex(2));
  log.install(head(9, 4));
  CHECK(log.entries().base() == EntryId{LogIndex(9), Term(4)});
  CHECK(log.entries().last_index() == LogIndex(9));
  CHECK(log.commit_index() == LogIndex(9));
  CHECK(log.verified_index() == LogIndex(9));
  CHECK(log.durable_index() == LogIndex(2));  // what was committed is in the snapshot too
  CHECK(log.applicable_index() == LogIndex(2));
  Write write{WriteId(1), LogIndex(), {}, std::nullopt};
  write.snapshot = std::make_shared<const Snapshot>(Snapshot{head(9, 4), "state"});
  log.started(write, Time{});
  log.persisted(WriteId(1));
  CHECK(log.applicable_index() == LogIndex(9));
  log.check_invariants();
}

TEST_CASE("a write from before an install counts for nothing when it is done (S3, R3)") {
  ReplicatedLog log = log_of({1});
  log.accept(append(2, 1, {2, 2}));
  log.started(write_of(log, 1, 3), Time{});
  log.install(head(5, 3));
  log.persisted(WriteId(1));
  CHECK(log.durable_index() == LogIndex(1));
}

TEST_CASE("a snapshot never takes the place of newer state, and only what may be applied is dropped (S3, S6)") {
  ReplicatedLog log = log_of({1, 2});
  log.commit_through(LogIndex(2));
  CHECK(test::aborts([&] { log.install(head(2, 1)); }));
  CHECK(test::aborts([&] { log.drop_through(LogIndex(3)); }));
  log.drop_through(LogIndex(2));
  CHECK(log.entries().base() == EntryId{LogIndex(2), Term(1)});
  log.check_invariants();
}

TEST_CASE("a configuration behind entry 1 breaks the log's invariant (R17)") {
  ReplicatedLog log = log_of({1});
  log.append({Term(1), WallTime{}, Configuration{}});
  log.check_positions();
  CHECK(test::aborts([&] { log.check_invariants(); }));
}

}  // namespace lockstep::replicated_log_test
