// The log as a sequence of (index, term): the checks of Raft sections 5.3 and 5.4.1.
#include "protocol/raft/log.hpp"

#include <doctest/doctest.h>

namespace lockstep::log_test {

using namespace lockstep::raft;

namespace {

Log log_of(const std::vector<std::uint64_t>& terms) {
  Log log;
  for (const std::uint64_t term : terms) log.append({Term(term), {}, Noop{}});
  return log;
}

}  // namespace

TEST_CASE("index 0 stands before the first entry, has term 0 and always matches") {
  for (const Log& log : {Log(), log_of({1, 2})}) {
    CHECK(log.term_at(LogIndex(0)) == Term(0));
    CHECK(log.matches(LogIndex(0), Term(0)));
    CHECK_FALSE(log.contains(LogIndex(0)));
  }
}

TEST_CASE("an entry matches only at its index and with its term (section 5.3)") {
  const Log log = log_of({1, 2, 2});
  CHECK(log.matches(LogIndex(2), Term(2)));
  CHECK_FALSE(log.matches(LogIndex(2), Term(1)));
  CHECK_FALSE(log.matches(LogIndex(4), Term(2)));
}

TEST_CASE("a log is up to date if its last term is higher, or the same and it is no shorter (section 5.4.1)") {
  const Log log = log_of({1, 2, 2});
  CHECK(log.is_up_to_date(LogIndex(3), Term(2)));
  CHECK(log.is_up_to_date(LogIndex(4), Term(2)));
  CHECK(log.is_up_to_date(LogIndex(1), Term(3)));
  CHECK_FALSE(log.is_up_to_date(LogIndex(2), Term(2)));
  CHECK_FALSE(log.is_up_to_date(LogIndex(9), Term(1)));
}

TEST_CASE("the last place where logs may agree is the last one whose term is not above the one asked (R7)") {
  const Log log = log_of({1, 2, 2, 5, 5, 7});
  CHECK(log.last_not_above(LogIndex(6), Term(6)) == LogIndex(5));
  CHECK(log.last_not_above(LogIndex(6), Term(5)) == LogIndex(5));
  CHECK(log.last_not_above(LogIndex(4), Term(4)) == LogIndex(3));
  CHECK(log.last_not_above(LogIndex(99), Term(9)) == LogIndex(6));
  CHECK(log.last_not_above(LogIndex(6), Term(0)) == LogIndex(0));
}

TEST_CASE("truncation drops an entry and all that follow it") {
  Log log = log_of({1, 2, 2, 3});
  log.truncate_from(LogIndex(2));
  CHECK(log.last_index() == LogIndex(1));
  CHECK(log.last_term() == Term(1));
}

TEST_CASE("a slice holds what follows, up to a size, but at least one entry") {
  Log log = log_of({1, 1, 1, 1});
  CHECK(log.slice(LogIndex(1), SIZE_MAX).size() == 3);
  CHECK(log.slice(LogIndex(1), 1).size() == 1);
  CHECK(log.slice(LogIndex(0), 2 * size_of(log.at(LogIndex(1)))).size() == 2);
  CHECK(log.slice(LogIndex(4), SIZE_MAX).empty());
}

}  // namespace lockstep::log_test
