// A leader's backlog: what it has appended and published that is not committed yet (R14).
#include "protocol/raft/backlog.hpp"

#include <doctest/doctest.h>

#include "tests/support/aborts.hpp"
#include "tests/support/show_numbers.hpp"

namespace lockstep::backlog_test {

using namespace lockstep::raft;

namespace {

Entry entry(std::size_t bytes) { return {Term(1), WallTime{}, Command{std::string(bytes, 'x')}}; }

Log log_of(const std::vector<std::size_t>& bytes) {
  std::vector<Entry> entries;
  for (const std::size_t each : bytes) entries.push_back(entry(each));
  return Log(std::move(entries));
}

}  // namespace

TEST_CASE("a new leader counts what it found uncommitted, as published") {
  const Log log = log_of({1, 10, 100});
  const Backlog backlog(log, LogIndex(1));
  CHECK(backlog.bytes() == size_of(entry(10)) + size_of(entry(100)));
  CHECK(backlog.published() == LogIndex(3));
  CHECK(backlog.frames() == 0);
  backlog.check_invariants(log, LogIndex(1));
}

TEST_CASE("what is appended is counted until it is committed, and so are broadcasts of it (R14)") {
  Log log = log_of({1});
  Backlog backlog(log, LogIndex(1));
  for (const std::size_t bytes : {10U, 20U, 30U}) {
    backlog.appended(entry(bytes));
    log.append(entry(bytes));
  }
  backlog.published_through(LogIndex(2), LogIndex(1));
  backlog.published_through(LogIndex(4), LogIndex(1));
  CHECK(backlog.frames() == 2);
  backlog.committed(log, LogIndex(1), LogIndex(3));
  CHECK(backlog.bytes() == size_of(entry(30)));
  CHECK(backlog.frames() == 1);  // the second has an entry that is not committed
  backlog.check_invariants(log, LogIndex(3));
  backlog.committed(log, LogIndex(3), LogIndex(4));
  CHECK(backlog.bytes() == 0);
  CHECK(backlog.frames() == 0);
}

TEST_CASE("what followers fetched and a quorum has is published without being waited for") {
  Log log = log_of({1});
  Backlog backlog(log, LogIndex(1));
  backlog.appended(entry(10));
  log.append(entry(10));
  backlog.committed(log, LogIndex(1), LogIndex(2));
  backlog.published_through(LogIndex(2), LogIndex(2));
  CHECK(backlog.published() == LogIndex(2));
  CHECK(backlog.frames() == 0);
}

TEST_CASE("what the log no longer has need not be published") {
  Backlog backlog(log_of({1}), LogIndex(1));
  backlog.skip_through(LogIndex(5));
  CHECK(backlog.published() == LogIndex(5));
  backlog.skip_through(LogIndex(3));
  CHECK(backlog.published() == LogIndex(5));
}

TEST_CASE("an entry that was not counted breaks the backlog's invariant (R14)") {
  Log log = log_of({1});
  const Backlog backlog(log, LogIndex(1));
  log.append(entry(10));
  CHECK(test::aborts([&] { backlog.check_invariants(log, LogIndex(1)); }));
  CHECK(test::aborts([&] { Backlog(backlog).committed(log, LogIndex(1), LogIndex(2)); }));
}

}  // namespace lockstep::backlog_test
