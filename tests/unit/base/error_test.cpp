#include "protocol/base/error.hpp"

#include <doctest/doctest.h>

#include <set>

namespace lockstep::error_test {

TEST_CASE("every error has one row, one name and one number") {
  std::set<std::string_view> names;
  std::set<int> codes;
  for (const ErrorInfo& info : error_table()) {
    CHECK(names.insert(info.name).second);
    CHECK(codes.insert(static_cast<int>(info.code)).second);
    CHECK_FALSE(info.meaning.empty());
    CHECK_FALSE(info.way_out.empty());
  }
}

TEST_CASE("what a client may retry is never called definite") {
  CHECK(error_info(ErrorCode::kUnavailable).certainty == Certainty::kIndefinite);
  CHECK(error_info(ErrorCode::kBusy).certainty == Certainty::kThisCopy);
  CHECK(error_info(ErrorCode::kNoLeader).certainty == Certainty::kThisCopy);
}

}  // namespace lockstep::error_test
