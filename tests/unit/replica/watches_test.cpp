// Watching: every change in order and without a gap, whole entries, or the full state anew.
#include "protocol/replica/watches.hpp"

#include <set>

#include "tests/support/show_numbers.hpp"
#include "tests/unit/locks/machine.hpp"

namespace lockstep::watches_test {

using locks::LockChange;

namespace {

constexpr Time at(int ms) { return Time(std::chrono::seconds(1000) + std::chrono::milliseconds(ms)); }
constexpr Time kNever = Time::max();

wire::WatchRequest watch(const std::string& prefix, LogIndex from = LogIndex(), const std::string& after = "") {
  return {prefix, from, after, 0};
}
WatchPoll poll(std::uint64_t who, wire::WatchRequest what, Time ends = kNever) {
  return {{ConnectionId(who), CallNumber(who)}, std::move(what), ends};
}

using Numbers = std::vector<std::uint64_t>;

Numbers who(const std::vector<WatchPoll>& polls) {
  Numbers numbers;
  for (const WatchPoll& one : polls) numbers.push_back(one.asker.connection.value());
  return numbers;
}

std::vector<std::string> names(const std::vector<LockChange>& changes) {
  std::vector<std::string> result;
  for (const LockChange& change : changes) result.push_back(change.name);
  return result;
}

using Names = std::vector<std::string>;

// A node's state and what it tells of it.
struct Node : locks::Machine {
  Watches watches;
  SessionId a = session_of(1);
  SessionId b = session_of(2);

  explicit Node(std::size_t kept = 1000) : watches({.kept_changes = kept}) {}
  explicit Node(const DeskBounds& bounds) : watches(bounds) {}

  void take(SessionId session, std::vector<std::string> lock_names) {
    Machine::take(session, locks::exclusive(std::move(lock_names)));
    watches.record(state.take_changes());
  }
  void give_back(SessionId session, const std::string& name) {
    release(session, name);
    watches.record(state.take_changes());
  }
  void close(SessionId session) {
    ask(session, locks::Close{});
    watches.record(state.take_changes());
  }
  std::optional<wire::WatchAnswer> answer(const wire::WatchRequest& what) const {
    return watches.answer(what, state, index);
  }
};

// What a watcher makes of the answers: which lock is whose.
struct Watcher {
  std::string prefix;
  LogIndex from{};
  std::string after{};
  std::set<std::string> held{};

  bool ask(const Node& node) {
    const auto answer = node.answer(watch(prefix, from, after));
    if (!answer) return false;
    if (answer->reset) {
      held.clear();
      after.clear();
    }
    for (const LockChange& change : answer->changes) {
      if (answer->more && !after.empty() && change.name > after) continue;
      if (change.ended) {
        held.erase(change.name);
      } else {
        held.insert(change.name);
      }
    }
    for (const LockChange& change : answer->locks) held.insert(change.name);
    if (!answer->locks.empty()) after = answer->locks.back().name;
    if (!answer->more) after.clear();
    from = answer->index;
    return answer->more;
  }
};

}  // namespace

TEST_CASE("a watch from nothing begins with the full state of its prefix") {
  Node node;
  node.take(node.a, {"jobs/1", "jobs/2", "other"});
  const auto answer = node.answer(watch("jobs/"));
  REQUIRE(answer);
  CHECK(answer->reset);
  CHECK(answer->index == node.index);
  CHECK(names(answer->locks) == Names{"jobs/1", "jobs/2"});
  CHECK(answer->locks[0].token == node.granted_now());
  CHECK(answer->changes.empty());
  CHECK_FALSE(answer->more);
  CHECK(node.answer(watch("nothing/"))->reset);  // the full state of nothing is empty, and known at once
}

TEST_CASE("a watch goes on from its index with all that followed, in order, and nothing of other names") {
  Node node;
  node.take(node.a, {"jobs/1"});
  const LogIndex from = node.index;
  node.take(node.b, {"jobs/2"});
  node.take(node.b, {"other"});
  node.give_back(node.a, "jobs/1");
  node.take(node.b, {"another"});
  const auto answer = node.answer(watch("jobs/", from));
  REQUIRE(answer);
  CHECK_FALSE(answer->reset);
  CHECK(names(answer->changes) == Names{"jobs/2", "jobs/1"});
  CHECK_FALSE(answer->changes[0].ended);
  CHECK(answer->changes[1].ended == locks::EndReason::kReleased);
  CHECK(answer->index == node.index);
  CHECK(answer->locks.empty());
  CHECK_FALSE(node.answer(watch("jobs/", answer->index)));
}

TEST_CASE("a held watch is woken by a change of its prefix, by no other, and then has all since it asked") {
  Node node;
  node.take(node.a, {"x"});
  node.watches.hold(poll(1, watch("jobs/", node.index)));
  node.watches.hold(poll(2, watch("", node.index)));
  node.watches.hold(poll(3, watch("jobs/17", node.index)));
  node.take(node.a, {"other"});
  CHECK(who(node.watches.take_ready(node.index)) == Numbers{2});
  node.take(node.a, {"jobs/1"});
  node.take(node.a, {"jobs/2"});
  const auto ready = node.watches.take_ready(node.index);
  REQUIRE(who(ready) == Numbers{1});
  const auto answer = node.answer(ready[0].what);
  REQUIRE(answer);
  CHECK(names(answer->changes) == Names{"jobs/1", "jobs/2"});
  node.take(node.a, {"jobs/17"});
  CHECK(who(node.watches.take_ready(node.index)) == Numbers{3});
  CHECK(node.watches.size() == 0);
}

TEST_CASE("a held watch is not too old, however much others changed meanwhile") {
  Node node(4);
  node.take(node.a, {"x"});
  node.watches.hold(poll(1, watch("jobs/", node.index)));
  for (int i = 0; i < 20; ++i) {
    node.take(node.b, {"other"});
    node.give_back(node.b, "other");
  }
  node.take(node.b, {"jobs/1"});
  const auto ready = node.watches.take_ready(node.index);
  REQUIRE(ready.size() == 1);
  const auto answer = node.answer(ready[0].what);
  REQUIRE(answer);
  CHECK_FALSE(answer->reset);
  CHECK(names(answer->changes) == Names{"jobs/1"});
}

TEST_CASE("a watch from an index that is not applied here yet waits for it, and is given up in the end") {
  Watches watches({.kept_changes = 10});
  watches.add(poll(1, watch("", LogIndex(8)), at(60'000)), at(10'000));
  CHECK(watches.take_ready(LogIndex(7)).empty());
  CHECK(watches.next_deadline() == at(10'000));
  CHECK(who(watches.take_ready(LogIndex(8))) == Numbers{1});
  watches.add(poll(2, watch("", LogIndex(9)), at(60'000)), at(10'000));
  CHECK(watches.take_timed_out(at(10'000)).size() == 1);
  CHECK(watches.size() == 0);
}

TEST_CASE("a held watch whose time is over is returned once, and not woken afterwards") {
  Node node;
  node.watches.hold(poll(1, watch("", node.index), at(500)));
  node.watches.hold(poll(2, watch("", node.index), at(900)));
  CHECK(node.watches.next_deadline() == at(500));
  CHECK(who(node.watches.take_ended(at(500))) == Numbers{1});
  node.take(node.a, {"x"});
  CHECK(who(node.watches.take_ready(node.index)) == Numbers{2});
  CHECK(node.watches.next_deadline() == Time::max());
}

TEST_CASE("a watch that goes on from too long ago begins anew") {
  Node node(4);
  node.take(node.a, {"x"});
  const LogIndex long_ago = node.index.previous();
  const LogIndex recent = node.index;
  for (const char* name : {"1", "2", "3", "4"}) node.take(node.a, {name});
  const auto answer = node.answer(watch("", long_ago));
  REQUIRE(answer);
  CHECK(answer->reset);
  CHECK(names(answer->locks) == Names{"1", "2", "3", "4", "x"});
  CHECK(names(node.answer(watch("", recent))->changes) == Names{"1", "2", "3", "4"});
}

TEST_CASE("an entry is forgotten whole: who has half of it begins anew") {
  RecentChanges recent(3);
  recent.add({{LogIndex(5), "a", {}, {}, {}, {}}, {LogIndex(5), "b", {}, {}, {}, {}}});
  recent.add({{LogIndex(6), "c", {}, {}, {}, {}}, {LogIndex(6), "d", {}, {}, {}, {}}});
  CHECK_FALSE(recent.after(LogIndex(4), "", 100));
  CHECK(names(recent.after(LogIndex(5), "", 100)->changes) == Names{"c", "d"});
}

TEST_CASE("changes of one entry are never split between answers") {
  RecentChanges recent(100);
  recent.add({{LogIndex(5), "a", {}, {}, {}, {}}, {LogIndex(5), "b", {}, {}, {}, {}}});
  recent.add({{LogIndex(7), "c", {}, {}, {}, {}}, {LogIndex(7), "d", {}, {}, {}, {}}});
  const auto part = recent.after(LogIndex(4), "", 3);
  REQUIRE(part);
  CHECK(names(part->changes) == Names{"a", "b"});
  CHECK(part->last == LogIndex(5));
  CHECK(names(recent.after(LogIndex(5), "", 2)->changes) == Names{"c", "d"});
  CHECK_FALSE(recent.after(LogIndex(5), "", 2)->last);
  CHECK_FALSE(recent.after(LogIndex(4), "", 1));  // not even the first entry fits
  CHECK(names(recent.after(LogIndex(4), "b", 1)->changes) == Names{"b"});
}

TEST_CASE("pages of the full state and the changes between them make the state, whatever happens meanwhile") {
  Node node(100'000);
  const std::string padding(200, '.');
  std::vector<std::string> all;
  for (int i = 0; i < 4000; ++i) all.push_back("jobs/" + std::to_string(10'000 + i) + padding);
  for (std::size_t i = 0; i < all.size(); i += 10) {
    node.take(node.a,
              {all.begin() + static_cast<std::ptrdiff_t>(i), all.begin() + static_cast<std::ptrdiff_t>(i + 10)});
  }
  Watcher watcher{"jobs/"};
  int pages = 1;
  for (std::size_t n = 0; watcher.ask(node); ++pages) {
    // One that was seen goes, one that was not, and both come back as another's; one is new.
    for (const std::string& name : {all[n], all[all.size() - 1 - n]}) {
      node.give_back(node.a, name);
      if (n % 2 == 0) node.take(node.b, {name});
    }
    node.take(node.b, {"jobs/" + std::to_string(n) + "new"});
    ++n;
    REQUIRE(pages < 100);
  }
  CHECK(pages > 2);
  watcher.ask(node);
  std::set<std::string> held;
  for (const auto& [name, lock] : node.state.locks().in_order()) held.insert(name);
  CHECK(watcher.held == held);
}

TEST_CASE("a page that would need more changes than an answer may have waits for the next: first the changes") {
  Node node(1'000'000);
  node.take(node.a, {"a"});
  node.take(node.b, {"z"});
  const LogIndex from = node.index;
  LogIndex index = from;
  for (std::size_t i = 0; i < wire::kMaxWatched + 1; ++i) {
    index = index.next();
    node.watches.record({{index, "b", locks::Mode::kExclusive, locks::client(2), token_granted_by(index), {}}});
  }
  const auto first = node.watches.answer(watch("", from, "a"), node.state, index);
  REQUIRE(first);
  CHECK_FALSE(first->reset);
  CHECK(first->changes.size() == wire::kMaxWatched);
  CHECK(first->index == index.previous());
  CHECK(first->locks.empty());
  CHECK(first->more);
  const auto second = node.watches.answer(watch("", first->index, "a"), node.state, index);
  REQUIRE(second);
  CHECK(names(second->locks) == Names{"z"});
  CHECK_FALSE(second->more);
  CHECK(second->index == index);
}

TEST_CASE("one entry can do much, and a watcher has all of it in one answer") {
  Node node;
  Names all;
  for (int i = 0; i < 160; ++i) all.push_back("jobs/" + std::to_string(1000 + i));
  for (std::size_t i = 0; i < all.size(); i += 16) {
    node.take(node.a,
              {all.begin() + static_cast<std::ptrdiff_t>(i), all.begin() + static_cast<std::ptrdiff_t>(i + 16)});
  }
  const LogIndex from = node.index;
  node.close(node.a);
  const auto answer = node.answer(watch("jobs/", from));
  REQUIRE(answer);
  CHECK(names(answer->changes) == all);
  CHECK(answer->changes.back().ended == locks::EndReason::kClosed);
}

}  // namespace lockstep::watches_test
