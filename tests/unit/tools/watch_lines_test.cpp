#include "tools/lockstep/answers/watch_lines.hpp"

#include <doctest/doctest.h>

namespace lockstep::watch_lines_test {
namespace {

LockEvent granted(std::uint64_t index, const std::string& name) {
  return {LogIndex(index), name, LockMode::kExclusive, ClientId{}, FencingToken(index), {}};
}
LockEvent ended(std::uint64_t index, const std::string& name, std::uint64_t token, EndReason reason) {
  return {LogIndex(index), name, LockMode::kExclusive, ClientId{}, FencingToken(token), reason};
}

WatchPage page(std::vector<LockEvent> changes, std::vector<LockEvent> locks, const WatchCursor& next) {
  WatchPage answer;
  answer.changes = std::move(changes);
  answer.locks = std::move(locks);
  answer.next = next;
  answer.more = !next.after.empty();
  return answer;
}

std::string texts(const std::vector<Report>& lines) {
  std::string all;
  for (const Report& line : lines) all += line.text + "\n";
  return all;
}

constexpr const char* kBy = " by 00000000-0000-0000-0000-000000000000 ";

}  // namespace

TEST_CASE("the state first, then changes") {
  WatchLines lines;
  WatchPage first = page({}, {granted(4, "a")}, {LogIndex(9)});
  first.reset = true;
  const auto state = lines.of({}, first);
  CHECK(texts(state) ==
        std::string("the state at 9\nheld a") + kBy + "(token 4)\nthat is the state at 9; changes follow:\n");
  CHECK(state[0].json.dump() == R"({"event":"reset","index":9})");
  CHECK(state[1].json["event"] == "state");
  const auto changes =
      lines.of({LogIndex(9)}, page({ended(10, "a", 4, EndReason::kExpired), granted(11, "a")}, {}, {LogIndex(11)}));
  CHECK(texts(changes) == std::string("10 expired a") + kBy + "(token 4)\n11 granted a" + kBy + "(token 11)\n");
  CHECK(changes[0].json["reason"] == "expired");
  CHECK(changes[0].json["event"] == "ended");
  CHECK(lines.of({LogIndex(11)}, page({}, {}, {LogIndex(12)})).empty());
}

TEST_CASE("a state in many pages is complete once, and no change of it is told twice") {
  WatchLines lines;
  WatchPage first = page({}, {granted(4, "b")}, {LogIndex(9), "b"});
  first.reset = true;
  CHECK(lines.of({}, first).size() == 2);
  // Meanwhile b was given back, and c and d were granted; the next page has c as it is now.
  const auto second =
      lines.of({LogIndex(9), "b"}, page({ended(10, "b", 4, EndReason::kReleased), granted(11, "c"), granted(12, "d")},
                                        {granted(11, "c")}, {LogIndex(12), "c"}));
  REQUIRE(second.size() == 2);
  CHECK(second[0].json["name"] == "b");
  CHECK(second[1].json["event"] == "state");
  const auto last = lines.of({LogIndex(12), "c"}, page({}, {granted(12, "d")}, {LogIndex(13)}));
  REQUIRE(last.size() == 2);
  CHECK(last[1].json.dump() == R"({"event":"complete","index":13})");
}

TEST_CASE("an index that is too long ago is named, and the full state comes") {
  WatchLines lines;
  WatchPage answer = page({}, {}, {LogIndex(9)});
  answer.reset = true;
  const auto shown = lines.of({LogIndex(2)}, answer);
  CHECK(shown[0].text == "index 2 is too long ago; the state at 9");
  CHECK(shown[0].json["too_old"] == 2);
  CHECK(shown.back().json["event"] == "complete");
  CHECK(shown.back().text == "no locks at 9; changes follow:");
}

TEST_CASE("from an index that is known, only the changes after it are shown") {
  WatchLines lines;
  CHECK(texts(lines.of({LogIndex(5)}, page({granted(6, "a")}, {}, {LogIndex(6)}))) ==
        std::string("6 granted a") + kBy + "(token 6)\n");
}

}  // namespace lockstep::watch_lines_test
