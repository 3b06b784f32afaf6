// A randomized comparison with a second, naive state machine: plain maps and linear searches, written
// from the rules and not from the production code. Small numbers of clients, names, sessions and
// request numbers make collisions of every kind frequent. Every answer and every view must agree.
#include <doctest/doctest.h>

#include <algorithm>
#include <list>
#include <map>

#include "machine.hpp"
#include "protocol/base/random.hpp"

using namespace lockstep;
using namespace lockstep::locks;

namespace {

struct NaiveSession {
  Open open;
  SessionId id;
  LogIndex last_used;
  std::uint64_t acknowledged = 0;
  std::map<std::uint64_t, std::pair<Operation, Result>> answers;
};

struct NaiveLock {
  SessionId session;
  FencingToken token;
  WallTime since;
};

class NaiveMachine {
 public:
  explicit NaiveMachine(const StateLimits& limits) : limits_(limits) {}

  std::optional<Result> apply(LogIndex index, WallTime time, const Command& command) {
    if (const auto* request = std::get_if<Open>(&command)) return open(index, *request);
    return execute(index, time, std::get<Execute>(command));
  }

  std::map<std::string, NaiveLock> locks;
  std::list<NaiveSession> sessions;

  ClientId owner(const NaiveLock& lock) { return find(lock.session)->open.client; }

 private:
  NaiveSession* find(SessionId id) {
    for (auto& session : sessions) {
      if (session.id == id) return &session;
    }
    return nullptr;
  }

  NaiveSession* living(const ClientId& client) {
    for (auto& session : sessions) {
      if (session.open.client == client) return &session;
    }
    return nullptr;
  }

  std::size_t held_by(SessionId id) const {
    return static_cast<std::size_t>(
        std::count_if(locks.begin(), locks.end(), [&](const auto& lock) { return lock.second.session == id; }));
  }

  void end(SessionId id, bool superseded) {
    const NaiveSession& session = *find(id);
    ended_.push_back({id, session.open.client, superseded});
    if (ended_.size() > kKeptEndedSessions) ended_.pop_front();
    sessions.remove_if([&](const NaiveSession& s) { return s.id == id; });
  }

  Result open(LogIndex index, const Open& open) {
    NaiveSession* current = living(open.client);
    if (current && current->open.nonce == open.nonce && current->open.secret_hash == open.secret_hash) {
      current->last_used = index;
      return SessionOpened{current->id};
    }
    SessionId last = current ? current->id : SessionId();
    if (!current) {
      for (const auto& ended : ended_) {
        if (ended.client == open.client) last = ended.id;
      }
    }
    if (last && open.replaces != last) return Refused{ErrorCode::kSessionConflict, last};
    const SessionId id = session_opened_by(index);
    if (current) {
      if (current->open.secret_hash != open.secret_hash) return refusal(ErrorCode::kWrongSecret);
      end(last, true);
      for (auto& [name, lock] : locks) {
        if (lock.session == last) lock = {id, token_granted_by(index), lock.since};
      }
    } else if (sessions.size() >= limits_.sessions) {
      const NaiveSession* victim = nullptr;
      for (const auto& session : sessions) {
        if (held_by(session.id) == 0 && (!victim || session.last_used < victim->last_used)) victim = &session;
      }
      if (!victim) return refusal(ErrorCode::kTooManySessions);
      end(victim->id, false);
    }
    sessions.push_back(NaiveSession{open, id, index, 0, {}});
    return SessionOpened{id};
  }

  std::optional<Result> execute(LogIndex index, WallTime time, const Execute& request) {
    NaiveSession* session = find(request.session);
    if (!session) {
      for (const auto& ended : ended_) {
        if (ended.id == request.session && ended.superseded) return refusal(ErrorCode::kSessionSuperseded);
      }
      return refusal(ErrorCode::kSessionExpired);
    }
    session->last_used = index;
    session->acknowledged = std::max(session->acknowledged, request.acknowledged_below.value());
    const std::uint64_t number = request.number.value();
    if (number < session->acknowledged) return std::nullopt;
    if (number >= session->acknowledged + 64) return refusal(ErrorCode::kTooManyUnacknowledged);
    const auto known = session->answers.find(number);
    if (known != session->answers.end()) {
      if (known->second.first == request.operation) return known->second.second;
      return refusal(ErrorCode::kNumberReused);
    }
    const Result result = run(index, time, request);
    session->answers[number] = {request.operation, result};
    return result;
  }

  Result run(LogIndex index, WallTime time, const Execute& request) {
    if (const auto* preempt = std::get_if<Preempt>(&request.operation)) {
      if (const auto held = locks.find(preempt->name); held != locks.end()) {
        return Held{owner(held->second), held->second.token, held->second.since};
      }
      if (locks.size() >= limits_.locks) return refusal(ErrorCode::kTooManyLocks);
      if (held_by(request.session) >= limits_.locks_per_session) return refusal(ErrorCode::kTooManySessionLocks);
      locks[preempt->name] = {request.session, token_granted_by(index), time};
      return Granted{token_granted_by(index)};
    }
    const auto held = locks.find(std::get<Release>(request.operation).name);
    if (held == locks.end()) return NotHolder{};
    if (held->second.session != request.session) return NotHolder{owner(held->second)};
    locks.erase(held);
    return Released{};
  }

  struct Ended {
    SessionId id;
    ClientId client;
    bool superseded;
  };
  StateLimits limits_;
  std::list<Ended> ended_;
};

// Draws commands that are near the current state: mostly of sessions that live or lately did.
class Commands {
 public:
  explicit Commands(std::uint64_t seed) : random_(seed) {}

  Command next(LogIndex index) { return random_.one_in(8) ? Command(open()) : Command(execute(index)); }

  void learned(SessionId session) {
    if (std::find(sessions_.begin(), sessions_.end(), session) != sessions_.end()) return;
    sessions_.push_back(session);
    if (sessions_.size() > 24) sessions_.erase(sessions_.begin());
  }

 private:
  SessionId some_session() { return sessions_.empty() ? SessionId() : sessions_[random_.below(sessions_.size())]; }

  Open open() {
    Open open;
    open.client = client(static_cast<std::uint8_t>(random_.below(12)));
    open.secret_hash = secret(random_.one_in(20) ? 1 : 0);
    open.nonce = random_.below(4);
    open.replaces = random_.one_in(4) ? SessionId() : some_session();
    return open;
  }

  Execute execute(LogIndex index) {
    Execute request;
    request.session = random_.one_in(50) ? SessionId(random_.below(index.value())) : some_session();
    std::uint64_t& next = numbers_[request.session];
    const std::uint64_t number = random_.one_in(3) ? random_.below(next + 3) : next++;
    request.number = RequestNumber(random_.one_in(200) ? number + random_.below(80) : number);
    request.acknowledged_below = RequestNumber(random_.one_in(2) ? 0 : random_.below(next + 1));
    const std::string name = "lock " + std::to_string(random_.below(10));
    if (random_.one_in(2)) {
      request.operation = Preempt{name};
    } else {
      request.operation = Release{name};
    }
    return request;
  }

  Random random_;
  std::vector<SessionId> sessions_;
  std::map<SessionId, std::uint64_t> numbers_;
};

void compare_views(const StateMachine& state, NaiveMachine& naive) {
  REQUIRE(state.hash() == state.recomputed_hash());
  REQUIRE(state.lock_count() == naive.locks.size());
  REQUIRE(state.session_count() == naive.sessions.size());
  for (const auto& [name, lock] : naive.locks) {
    REQUIRE(state.check(name) == LockView{name, naive.owner(lock), lock.token, lock.since});
  }
  REQUIRE(state.list("", "", 1000).size() == naive.locks.size());
}

struct Seen {
  std::map<std::size_t, int> results;
  std::map<ErrorCode, int> refusals;
  int ignored = 0;

  void note(const std::optional<Result>& result) {
    if (!result) {
      ++ignored;
      return;
    }
    ++results[result->index()];
    if (const auto* refused = std::get_if<Refused>(&*result)) ++refusals[refused->code];
  }
};

Seen compare_runs(std::uint64_t seed, const StateLimits& limits, int operations) {
  StateMachine state(limits);
  NaiveMachine naive(limits);
  Commands commands(seed);
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
    REQUIRE(outcome.has_value() == expected.has_value());
    seen.note(expected);
    if (!outcome) continue;
    REQUIRE(outcome->result == *expected);
    REQUIRE(outcome->key == key_of(command));
    if (const auto* opened = std::get_if<SessionOpened>(&outcome->result)) commands.learned(opened->session);
    if (i % 64 == 0) compare_views(state, naive);
  }
  return seen;
}

}  // namespace

TEST_CASE("100,000 random commands are answered as the naive machine answers them") {
  Seen seen = compare_runs(1, StateLimits{.locks = 8, .sessions = 6, .locks_per_session = 3}, 100'000);
  // The comparison is worth something only if it met every kind of answer.
  for (std::size_t kind = 0; kind < std::variant_size_v<Result>; ++kind) CHECK(seen.results[kind] > 0);
  for (const ErrorCode code :
       {ErrorCode::kSessionExpired, ErrorCode::kSessionSuperseded, ErrorCode::kSessionConflict, ErrorCode::kWrongSecret,
        ErrorCode::kNumberReused, ErrorCode::kTooManyUnacknowledged, ErrorCode::kTooManyLocks,
        ErrorCode::kTooManySessionLocks, ErrorCode::kTooManySessions}) {
    CAPTURE(error_info(code).name);
    CHECK(seen.refusals[code] > 0);
  }
  CHECK(seen.ignored > 0);
}

TEST_CASE("short random runs under many limits agree too") {
  for (std::uint64_t seed = 2; seed < 42; ++seed) {
    Random limits(seed);
    const auto draw = [&] { return static_cast<std::uint32_t>(1 + limits.below(12)); };
    compare_runs(seed, StateLimits{.locks = draw(), .sessions = draw(), .locks_per_session = draw()}, 2'000);
  }
}
