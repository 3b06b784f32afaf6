// Appends ahead of a gap: kept within a bound, given back in order (R7).
#include "protocol/raft/ahead_buffer.hpp"

#include <doctest/doctest.h>

#include "tests/support/show_numbers.hpp"

namespace lockstep::ahead_buffer_test {

using namespace lockstep::raft;

namespace {

constexpr std::size_t kNoBound = 1024 * 1024;

Append after(std::uint64_t previous, std::size_t entries = 1) {
  Append append;
  append.previous_index = LogIndex(previous);
  append.entries.assign(entries, Entry{Term(1), WallTime{}, Command{"x"}});
  return append;
}

const std::size_t kOne = size_of(after(1).entries.front());

}  // namespace

TEST_CASE("Appends come back in their order, as soon as what is verified reaches them (R7)") {
  AheadBuffer ahead;
  ahead.keep(after(9), LogIndex(3), kNoBound);
  ahead.keep(after(5, 2), LogIndex(3), kNoBound);
  CHECK(ahead.bytes() == 3 * kOne);
  CHECK_FALSE(ahead.take_next(LogIndex(4)));
  const auto first = ahead.take_next(LogIndex(5));
  REQUIRE(first);
  CHECK(first->previous_index == LogIndex(5));
  CHECK_FALSE(ahead.take_next(LogIndex(7)));  // 8 and 9 are missing
  CHECK(ahead.take_next(LogIndex(12)));
  CHECK(ahead.bytes() == 0);
  CHECK_FALSE(ahead.take_next(LogIndex(12)));
}

TEST_CASE("what begins at or before the verified index, or has no entries, is not kept") {
  AheadBuffer ahead;
  ahead.keep(after(3), LogIndex(3), kNoBound);
  ahead.keep(after(7, 0), LogIndex(3), kNoBound);
  CHECK(ahead.appends().empty());
}

TEST_CASE("an Append that came before is kept once") {
  AheadBuffer ahead;
  for (int i = 0; i < 3; ++i) ahead.keep(after(5), LogIndex(3), kNoBound);
  CHECK(ahead.appends().size() == 1);
  CHECK(ahead.bytes() == kOne);
  ahead.check_invariants();
}

TEST_CASE("what does not fit is left to be fetched later (R7)") {
  AheadBuffer ahead;
  ahead.keep(after(5, 2), LogIndex(3), 3 * kOne);
  ahead.keep(after(9, 2), LogIndex(3), 3 * kOne);
  CHECK(ahead.appends().size() == 1);
  ahead.keep(after(9, 1), LogIndex(3), 3 * kOne);
  CHECK(ahead.bytes() == 3 * kOne);
  ahead.check_invariants();
}

}  // namespace lockstep::ahead_buffer_test
