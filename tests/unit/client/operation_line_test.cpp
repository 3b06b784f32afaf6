// Goal: of the operations on one lock one is under way at a time, in order, and no other waits for it.
// Method: by hand, and random lines compared with the rule itself, applied to all that is in line.
#include <doctest/doctest.h>

#include <algorithm>
#include <map>

#include "protocol/base/random.hpp"
#include "protocol/client_core/operation_line.hpp"

namespace lockstep::operation_line_test {

using namespace lockstep::client_core;

namespace {

RequestId id(std::uint64_t value) { return RequestId(value); }
RunOnce preempt(const std::string& name) { return {locks::Preempt{name}}; }
RunOnce acquire(std::vector<std::string> names) { return {locks::Acquire{std::move(names)}}; }
// What undoes an acquisition.
RunOnce undo(const std::string& name) { return {locks::Release{name}, RequestNumber(), AcquisitionId(1)}; }

// All that may go, in order, each started as soon as it is found.
std::vector<std::uint64_t> start_all(OperationLine& line, bool only_ends = false) {
  std::vector<std::uint64_t> started;
  for (RequestId next = line.next({}, only_ends); next; next = line.next(next, only_ends)) {
    line.start(next);
    started.push_back(next.value());
  }
  line.check_invariants();
  return started;
}

}  // namespace

TEST_CASE("operations on one lock go one after another, and others do not wait for them") {
  OperationLine line;
  line.add(id(1), preempt("a"));
  line.add(id(2), preempt("a"));
  line.add(id(3), preempt("b"));
  line.add(id(4), preempt("a"));
  CHECK(start_all(line) == std::vector<std::uint64_t>{1, 3});
  CHECK(line.is_in_use(locks::Preempt{"a"}));
  line.remove(id(1));
  CHECK(start_all(line) == std::vector<std::uint64_t>{2});
  line.remove(id(2));
  CHECK(start_all(line) == std::vector<std::uint64_t>{4});
  line.remove(id(4));
  line.remove(id(3));
  CHECK_FALSE(line.is_in_use(locks::Acquire{{"a", "b"}}));
  line.check_invariants();
}

TEST_CASE("what waits for one of its names holds up nobody at its others") {
  OperationLine line;
  line.add(id(1), preempt("a"));
  line.start(id(1));
  line.add(id(2), acquire({"a", "b"}));
  line.add(id(3), preempt("b"));
  CHECK(start_all(line) == std::vector<std::uint64_t>{3});
  line.remove(id(1));
  CHECK(start_all(line).empty());  // the second waits for "b" now
  line.remove(id(3));
  CHECK(start_all(line) == std::vector<std::uint64_t>{2});
}

TEST_CASE("what ends something may go although nothing new may") {
  OperationLine line;
  line.add(id(1), preempt("a"));
  line.add(id(2), undo("a"));
  line.add(id(3), {locks::Close{}});
  line.add(id(4), {locks::Cancel{WaiterId(9)}});
  line.add(id(5), {locks::Release{"b"}});  // a call's own
  CHECK(start_all(line, true) == std::vector<std::uint64_t>{2, 3, 4});
  CHECK(start_all(line) == std::vector<std::uint64_t>{5});
  line.remove(id(2));
  CHECK(start_all(line) == std::vector<std::uint64_t>{1});
}

TEST_CASE("what is removed while it waits, or while others wait behind it, holds up nobody") {
  OperationLine line;
  for (std::uint64_t i = 1; i <= 4; ++i) line.add(id(i), preempt("a"));
  CHECK(line.next({}, false) == id(1));
  line.start(id(1));
  CHECK_FALSE(line.next({}, false));
  line.remove(id(3));
  line.remove(id(1));
  CHECK(line.next({}, false) == id(2));
  line.remove(id(2));  // it was ready, and never sent
  CHECK(line.next({}, false) == id(4));
  line.check_invariants();
}

TEST_CASE("a release is known before and while it is sent") {
  OperationLine line;
  CHECK_FALSE(line.has_release_of("a"));
  line.add(id(1), {locks::Release{"a"}});
  CHECK(line.has_release_of("a"));
  line.start(id(1));
  CHECK(line.has_release_of("a"));
  line.add(id(2), {locks::ForceRelease{"b", ""}});
  CHECK_FALSE(line.has_release_of("b"));  // another's lock, for all that is known
  line.remove(id(1));
  CHECK_FALSE(line.has_release_of("a"));
}

TEST_CASE("an earlier process may have left two operations on one lock under way") {
  OperationLine line;
  for (const std::uint64_t i : {1U, 2U}) {
    line.add(id(i), preempt("a"));
    line.start(id(i));
  }
  line.add(id(3), preempt("a"));
  line.remove(id(1));
  CHECK_FALSE(line.next({}, false));
  line.remove(id(2));
  CHECK(line.next({}, false) == id(3));
}

TEST_CASE("whatever comes and goes, what may go is what the rule says") {
  Random random(1);
  std::size_t started = 0;
  for (int run = 0; run < 200; ++run) {
    OperationLine line;
    std::map<RequestId, RunOnce> waiting;
    std::map<RequestId, RunOnce> under_way;
    RequestId last;
    const auto draw = [&] {
      const auto name = [&] { return std::string(1, static_cast<char>('a' + random.below(4))); };
      if (random.one_in(4)) return undo(name());
      std::vector<std::string> names = {name(), name(), name()};
      std::sort(names.begin(), names.end());
      names.erase(std::unique(names.begin(), names.end()), names.end());
      return acquire(std::move(names));
    };
    const auto is_free = [&](const RunOnce& operation) {
      const auto names = names_in(operation.operation);
      return std::none_of(under_way.begin(), under_way.end(), [&](const auto& entry) {
        const auto used = names_in(entry.second.operation);
        return std::find_first_of(names.begin(), names.end(), used.begin(), used.end()) != names.end();
      });
    };
    for (int step = 0; step < 60; ++step) {
      switch (random.below(4)) {
        case 0:
        case 1:
          last = last.next();
          waiting.emplace(last, draw());
          line.add(last, waiting.at(last));
          break;
        case 2: {  // one is answered, or given up
          auto& from = random.one_in(3) || under_way.empty() ? waiting : under_way;
          if (from.empty()) break;
          const auto one = std::next(from.begin(), static_cast<std::ptrdiff_t>(random.below(from.size())));
          line.remove(one->first);
          from.erase(one);
          break;
        }
        default: {
          const bool only_ends = random.one_in(2);
          std::size_t numbers = random.below(3);
          std::vector<RequestId> found;
          for (RequestId next = line.next({}, only_ends); next && numbers-- > 0; next = line.next(next, only_ends)) {
            line.start(next);
            found.push_back(next);
          }
          std::vector<RequestId> expected;
          for (auto entry = waiting.begin(); entry != waiting.end() && expected.size() < found.size();) {
            const bool may = (entry->second.ends() || !only_ends) && is_free(entry->second);
            if (!may) {
              ++entry;
              continue;
            }
            expected.push_back(entry->first);
            under_way.insert(waiting.extract(entry++));
          }
          REQUIRE(found == expected);
          started += found.size();
        }
      }
      line.check_invariants();
      for (const auto& [one, operation] : waiting) {
        REQUIRE(line.is_in_use(operation.operation) == !is_free(operation));
      }
    }
    // In the end all that is free is found.
    for (const auto& [one, operation] : std::exchange(under_way, {})) line.remove(one);
    for (RequestId next = line.next({}, false); next; next = line.next(next, false)) {
      REQUIRE(is_free(waiting.at(next)));
      line.start(next);
      under_way.insert(waiting.extract(next));
    }
    for (const auto& entry : waiting) REQUIRE_FALSE(is_free(entry.second));
  }
  CHECK(started > 1000);
}

}  // namespace lockstep::operation_line_test
