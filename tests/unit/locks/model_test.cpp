// A randomized comparison with the naive machine. Small numbers of clients, names, sessions and request
// numbers make collisions of every kind frequent. Every answer, every view, every change and the whole
// history must agree, and what must hold in any state is looked at on its own.
#include <doctest/doctest.h>

#include <tuple>

#include "machine.hpp"
#include "protocol/base/random.hpp"
#include "protocol/locks/deadlock.hpp"
#include "random_commands.hpp"
#include "tests/support/naive_machine.hpp"

namespace lockstep::model_test {

using namespace lockstep::locks;

namespace {

// Texts for people are not the naive machine's to know.
Result without_detail(Result result) {
  if (auto* refused = std::get_if<Refused>(&result)) refused->detail.clear();
  return result;
}

void compare_views(const StateMachine& state, NaiveMachine& naive, const std::vector<WaiterId>& waiters) {
  REQUIRE(state.session_count() == naive.sessions.size());
  const std::set<std::string> names = naive.names();
  REQUIRE(state.lock_count() == names.size());
  const auto is_as_expected = [&](const std::string& name) { return state.check(name) == naive.view(name); };
  REQUIRE(std::all_of(names.begin(), names.end(), is_as_expected));
  REQUIRE(state.list("", "", 1000).items.size() == names.size());
  REQUIRE(state.holds("", "", 1000).items.size() == naive.holds.size());
  const auto sessions = state.sessions(SessionId(), 1000).items;
  REQUIRE(sessions.size() == naive.sessions.size());
  for (const SessionView& session : sessions) {
    REQUIRE(naive.find(session.session) != nullptr);
    const auto agree = [&](WaiterId waiter) {
      return state.waiter_state(session.session, waiter) == naive.waiter_state(session.session, waiter);
    };
    REQUIRE(std::all_of(waiters.begin(), waiters.end(), agree));
  }
}

auto order_of(const LockChange& change) { return std::make_tuple(change.name, change.token, change.owner); }

void compare_changes(std::vector<LockChange> changes, std::vector<LockChange> expected) {
  const auto has_ended = [](const LockChange& change) { return change.ended.has_value(); };
  REQUIRE(std::is_partitioned(changes.begin(), changes.end(), has_ended));  // nothing ends after the first grant
  const auto before = [](const LockChange& a, const LockChange& b) { return order_of(a) < order_of(b); };
  std::sort(changes.begin(), changes.end(), before);
  std::sort(expected.begin(), expected.end(), before);
  REQUIRE(changes == expected);
}

// What must hold in any state, and from one entry to the next, whatever the model says.
class Rules {
 public:
  void check(const StateMachine& state, const std::vector<LockChange>& changes) {
    for (const LockChange& change : changes) check_token(change);
    const auto& locks = state.locks().in_order();
    const auto keeps = [&](const NamedLock& lock) { return keeps_the_rules(state, lock.second); };
    REQUIRE(std::all_of(locks.begin(), locks.end(), keeps));
  }

 private:
  void check_token(const LockChange& change) {
    if (change.ended) return;
    const auto last = last_grant_.find(change.name);
    if (last != last_grant_.end()) {
      const bool exclusive = change.mode == Mode::kExclusive || last->second.mode == Mode::kExclusive;
      REQUIRE((exclusive ? change.token > last->second.token : change.token >= last->second.token));
    }
    last_grant_[change.name] = change;
  }

  static bool keeps_the_rules(const StateMachine& state, const LockRow& lock) {
    if (lock.holds.empty() && lock.queue.empty()) return false;
    if (lock.mode == Mode::kExclusive && lock.holds.size() > 1) return false;
    if (lock.mode == Mode::kPermit && lock.holds.size() > lock.permits) return false;
    const auto lives = [&](SessionId session) { return state.sessions().find(session) != nullptr; };
    const WaiterId first = lock.queue.empty() ? WaiterId(~0ULL) : lock.queue.front().id;
    const bool fair = std::all_of(lock.holds.begin(), lock.holds.end(), [&](const auto& hold) {
      return lives(hold.first) && hold.second.waiter < first;  // first in, first out
    });
    WaiterId last;
    const bool in_line = std::all_of(lock.queue.begin(), lock.queue.end(), [&](const Waiter* waiter) {
      return lives(waiter->request.session) && waiter->id > std::exchange(last, waiter->id);
    });
    return fair && in_line;
  }

  std::map<std::string, LockChange> last_grant_;
};

struct Seen {
  std::map<std::size_t, int> results;
  std::map<ErrorCode, int> refusals;
  std::map<EndReason, int> ends;
  int ignored = 0;
  int granted_waiters = 0;
  int shared_groups = 0;
  int several_at_once = 0;

  void note(const std::optional<Result>& result, const std::vector<LockChange>& changes) {
    for (const LockChange& change : changes) {
      if (change.ended) ++ends[*change.ended];
    }
    if (!result) {
      ++ignored;
      return;
    }
    ++results[result->index()];
    if (const auto* refused = std::get_if<Refused>(&*result)) ++refusals[refused->code];
    const auto grants = std::count_if(changes.begin(), changes.end(), [](const auto& c) { return !c.ended; });
    const bool by_itself = std::holds_alternative<Granted>(*result) || std::holds_alternative<SessionOpened>(*result);
    if (grants == 0 || by_itself) return;
    ++granted_waiters;
    if (grants > 1) ++several_at_once;
    std::map<std::string, int> of_name;
    for (const LockChange& change : changes) of_name[change.name] += !change.ended;
    for (const auto& [name, count] : of_name) shared_groups += count > 1;
  }
};

Seen compare_runs(std::uint64_t seed, const StateLimits& limits, std::uint64_t unrest, int operations) {
  StateMachine state(limits);
  NaiveMachine naive(limits);
  RandomCommands commands(seed, unrest);
  Rules rules;
  Seen seen;
  LogIndex index(1);
  for (int i = 0; i < operations; ++i) {
    index = index.next();
    const WallTime time{std::chrono::milliseconds(i)};
    const Command command = commands.next(index);
    const auto outcome = state.apply(index, time, command);
    const auto expected = naive.apply(index, time, command);
    CAPTURE(seed);
    CAPTURE(i);
    const std::vector<LockChange> changes = state.take_changes();
    compare_changes(changes, naive.changes);
    rules.check(state, changes);
    REQUIRE(outcome.has_value() == expected.has_value());
    seen.note(expected, changes);
    if (i % 64 == 0) compare_views(state, naive, commands.waiters());
    if (i % 2048 == 0) {
      REQUIRE(state.hash() == state.recomputed_hash());
      state = StateMachine(state);  // a copy is as good
    }
    if (!outcome) continue;
    REQUIRE(without_detail(outcome->result) == *expected);
    REQUIRE(outcome->key == key_of(command));
    commands.learned(command, outcome->result);
  }
  std::vector<HistoryEvent> last = naive.history;
  if (last.size() > kKeptHistory) last.erase(last.begin(), last.end() - static_cast<std::ptrdiff_t>(kKeptHistory));
  std::vector<HistoryEvent> history;
  for (auto page = state.history("", 0, 1000);; page = state.history("", page.items.back().position, 1000)) {
    history.insert(history.end(), page.items.begin(), page.items.end());
    if (!page.more) break;
  }
  REQUIRE(history == last);
  return seen;
}

}  // namespace

TEST_CASE("100,000 random commands are answered as the naive machine answers them, in unrest") {
  const StateLimits limits{.locks = 8, .sessions = 6, .locks_per_session = 3, .waiters_per_lock = 3};
  Seen seen = compare_runs(1, limits, 20, 100'000);
  // The comparison is worth something only if it met every kind of answer.
  for (std::size_t kind = 0; kind < std::variant_size_v<Result>; ++kind) CHECK(seen.results[kind] > 0);
  for (const ErrorCode code :
       {ErrorCode::kSessionExpired, ErrorCode::kSessionSuperseded, ErrorCode::kSessionConflict, ErrorCode::kWrongSecret,
        ErrorCode::kNumberReused, ErrorCode::kTooManyUnacknowledged, ErrorCode::kTooManyLocks,
        ErrorCode::kTooManySessionLocks, ErrorCode::kTooManySessions, ErrorCode::kAlreadyHeld,
        ErrorCode::kAlreadyWaiting, ErrorCode::kWaitedFor, ErrorCode::kModeMismatch, ErrorCode::kPermitsMismatch,
        ErrorCode::kWaiterGone, ErrorCode::kNoSuchSession, ErrorCode::kSessionClosed, ErrorCode::kSessionForced}) {
    CAPTURE(error_info(code).name);
    CHECK(seen.refusals[code] > 0);
  }
  for (const EndReason reason :
       {EndReason::kReleased, EndReason::kExpired, EndReason::kForced, EndReason::kSuperseded, EndReason::kClosed}) {
    CHECK(seen.ends[reason] > 0);
  }
  CHECK(seen.ignored > 0);
}

TEST_CASE("100,000 random commands are answered as the naive machine answers them, with long lines of waiters") {
  const StateLimits limits{.locks = 20, .sessions = 12, .locks_per_session = 8, .waiters_per_lock = 5};
  Seen seen = compare_runs(2, limits, 1, 100'000);
  CHECK(seen.refusals[ErrorCode::kDeadlock] > 1000);
  CHECK(seen.refusals[ErrorCode::kTooManyWaiters] > 100);
  CHECK(seen.granted_waiters > 1000);
  CHECK(seen.several_at_once > 100);
  CHECK(seen.shared_groups > 100);
}

TEST_CASE("short random runs under many limits agree too") {
  for (std::uint64_t seed = 2; seed < 62; ++seed) {
    Random limits(seed);
    const auto draw = [&] { return static_cast<std::uint32_t>(1 + limits.below(14)); };
    compare_runs(seed, StateLimits{draw(), draw(), draw(), draw()}, seed % 4 * 5 + 1, 2'000);
  }
}

namespace {

// Whether `step` is true of the state in which `request` is about to wait.
bool is_true(const StateMachine& state, const CycleStep& step, const Acquire& acquire, SessionId asker) {
  const NamedLock* lock = state.locks().find(step.name);
  if (lock == nullptr || lock->second.permits > 1) return false;
  WaiterId waiter(~0ULL);
  if (step.session != asker ||
      std::find(acquire.names.begin(), acquire.names.end(), step.name) == acquire.names.end()) {
    for (const Waiter* queued : lock->second.queue) {
      if (queued->request.session == step.session) waiter = queued->id;
    }
    if (waiter == WaiterId(~0ULL)) return false;
  }
  if (step.holds) return lock->second.holds.contains(step.blocker);
  for (const Waiter* queued : lock->second.queue) {
    if (queued->request.session == step.blocker && queued->id < waiter) return true;
  }
  return false;
}

}  // namespace

TEST_CASE("every deadlock that is found is a real cycle, and none is missed") {
  int found = 0;
  int searched = 0;
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    Random random(seed);
    StateMachine state;
    NaiveMachine naive{StateLimits{}};
    LogIndex index(1);
    std::vector<SessionId> sessions;
    const auto apply = [&](const Command& command) {
      index = index.next();
      naive.apply(index, WallTime{}, command);
      return state.apply(index, WallTime{}, command);
    };
    for (std::uint8_t i = 0; i < 6; ++i) {
      apply(open_as(i, 1));
      sessions.push_back(session_opened_by(index));
    }
    for (std::uint64_t i = 1; i <= 60; ++i) {
      const SessionId asker = sessions[random.below(sessions.size())];
      std::set<std::string> names;
      while (names.empty() || random.one_in(3)) names.insert(std::string(1, static_cast<char>('a' + random.below(8))));
      Acquire acquire{{names.begin(), names.end()}, Mode::kExclusive, 0, true, random.one_in(4)};
      if (random.one_in(3)) acquire.mode = Mode::kShared;
      const bool expected = naive.closes_cycle(asker, acquire);
      const LockRequest request{asker, acquire.thread, acquire.mode, 0};
      const auto cycle = find_deadlock(state.locks(), acquire.names, request);
      CAPTURE(seed);
      CAPTURE(i);
      ++searched;
      REQUIRE(cycle.has_value() == expected);
      if (cycle) {
        ++found;
        REQUIRE(cycle->front().session == asker);
        REQUIRE(cycle->back().blocker == asker);
        for (std::size_t step = 0; step < cycle->size(); ++step) {
          REQUIRE(is_true(state, (*cycle)[step], acquire, asker));
          if (step != 0) REQUIRE((*cycle)[step].session == (*cycle)[step - 1].blocker);
        }
      }
      apply(Execute{asker, RequestNumber(i), RequestNumber(i), acquire});
      if (random.one_in(3)) apply(Execute{asker, RequestNumber(i + 1), RequestNumber(i), Release{*names.begin()}});
    }
  }
  CHECK(searched == 300 * 60);
  CHECK(found > 1000);
}

}  // namespace lockstep::model_test
