// R3: what counts as durable while writes complete late and logs are truncated meanwhile.
#include "protocol/raft/durability.hpp"

#include <doctest/doctest.h>

#include <vector>

#include "protocol/base/random.hpp"
#include "tests/support/show_numbers.hpp"

namespace lockstep::durability_test {

using namespace lockstep::raft;

namespace {

constexpr Time at(int ms) { return Time(std::chrono::milliseconds(ms)); }

void start(Durability& durability, std::uint64_t write, std::uint64_t first, std::uint64_t last, Time now = Time()) {
  durability.started(WriteId(write), LogIndex(first), LogIndex(last), now);
}

}  // namespace

TEST_CASE("the log is durable as far as its writes are done") {
  Durability durability(LogIndex(3));
  start(durability, 1, 4, 6);
  start(durability, 2, 7, 7);
  CHECK(durability.index() == LogIndex(3));
  durability.persisted(WriteId(1));
  CHECK(durability.index() == LogIndex(6));
  durability.persisted(WriteId(2));
  CHECK(durability.index() == LogIndex(7));
}

TEST_CASE("a write counts only when those asked before it are done: no gap is skipped") {
  Durability durability(LogIndex(3));
  start(durability, 1, 4, 6);
  start(durability, 2, 7, 7);
  durability.persisted(WriteId(2));
  CHECK(durability.index() == LogIndex(3));
  durability.persisted(WriteId(1));
  CHECK(durability.index() == LogIndex(7));
}

TEST_CASE("a truncation lowers the durable index at once (R3)") {
  Durability durability(LogIndex(9));
  durability.truncated_from(LogIndex(5));
  CHECK(durability.index() == LogIndex(4));
}

TEST_CASE("a late completion does not count for entries that were replaced meanwhile (R3)") {
  Durability durability(LogIndex(3));
  start(durability, 1, 4, 6);
  durability.truncated_from(LogIndex(5));
  start(durability, 2, 5, 8);
  durability.persisted(WriteId(1));
  CHECK(durability.index() == LogIndex(4));  // entry 4 of it was not replaced
  durability.persisted(WriteId(2));
  CHECK(durability.index() == LogIndex(8));
}

TEST_CASE("a late completion of a write that was replaced as a whole counts for nothing (R3)") {
  Durability durability(LogIndex(5));
  start(durability, 1, 6, 7);
  durability.truncated_from(LogIndex(4));
  start(durability, 2, 4, 7);
  durability.persisted(WriteId(1));
  CHECK(durability.index() == LogIndex(3));
}

TEST_CASE("unknown and repeated completions change nothing") {
  Durability durability(LogIndex(3));
  start(durability, 5, 4, 6);
  durability.persisted(WriteId(4));
  durability.persisted(WriteId(6));
  CHECK(durability.index() == LogIndex(3));
  durability.persisted(WriteId(5));
  durability.truncated_from(LogIndex(5));
  durability.persisted(WriteId(5));
  CHECK(durability.index() == LogIndex(4));
}

TEST_CASE("a write without entries makes none durable") {
  Durability durability(LogIndex(3));
  start(durability, 1, 0, 0);
  durability.persisted(WriteId(1));
  CHECK(durability.index() == LogIndex(3));
}

TEST_CASE("the disk owes since its oldest unfinished write (R14)") {
  Durability durability(LogIndex(0));
  CHECK_FALSE(durability.waiting_since());
  start(durability, 1, 1, 1, at(10));
  start(durability, 2, 2, 2, at(20));
  CHECK(durability.waiting_since() == at(10));
  durability.persisted(WriteId(1));
  CHECK(durability.waiting_since() == at(20));
  durability.persisted(WriteId(2));
  CHECK_FALSE(durability.waiting_since());
}

// Against a disk that does what it is asked in order: what counts as durable is always on it, and when
// it owes nothing, all is. Values stand for entries; no two are alike.
TEST_CASE("what counts as durable is on the disk, whatever was truncated and however late (R3)") {
  struct Write {
    WriteId id;
    std::size_t first;
    std::vector<int> entries;
  };
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    CAPTURE(seed);
    Random random(seed);
    Durability durability{LogIndex()};
    std::vector<int> log;
    std::vector<int> disk;
    std::vector<Write> asked;
    int next_value = 0;
    WriteId last_write;
    for (int step = 0; step < 200; ++step) {
      if (random.one_in(2)) {
        std::size_t first = log.size();
        if (!log.empty() && random.one_in(3)) {
          first = random.below(log.size());
          log.resize(first);
          durability.truncated_from(LogIndex(first + 1));
        }
        for (std::uint64_t n = 1 + random.below(3); n > 0; --n) log.push_back(++next_value);
        last_write = last_write.next();
        durability.started(last_write, LogIndex(first + 1), LogIndex(log.size()), Time());
        asked.push_back({last_write, first, {log.begin() + static_cast<std::ptrdiff_t>(first), log.end()}});
      } else if (!asked.empty()) {
        disk.resize(asked.front().first);
        disk.insert(disk.end(), asked.front().entries.begin(), asked.front().entries.end());
        durability.persisted(asked.front().id);
        asked.erase(asked.begin());
      }
      const std::size_t durable = durability.index().value();
      REQUIRE(durable <= log.size());
      REQUIRE(durable <= disk.size());
      REQUIRE(std::equal(log.begin(), log.begin() + static_cast<std::ptrdiff_t>(durable), disk.begin()));
      if (asked.empty()) REQUIRE(durable == log.size());
    }
  }
}

}  // namespace lockstep::durability_test
