// A second, naive state machine, to compare the production one with: plain lists and linear searches, written
// from the rules and not from the production code. What it is asked to be is obvious, not fast. Texts for
// people are not its to know: the detail of a refusal is empty.
#pragma once

#include <algorithm>
#include <list>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "protocol/locks/state_machine.hpp"

namespace lockstep::locks {

struct NaiveSession {
  Open open;
  SessionId id;
  LogIndex last_used;
  WallTime opened{};
  LogIndex forced_at = {};
  std::uint64_t acknowledged = 0;
  std::map<std::uint64_t, std::pair<Operation, Result>> answers;
};

struct NaiveHold {
  std::string name;
  SessionId session;
  FencingToken token;
  WallTime since;    // for people
  WallTime granted;  // of this token
  Mode mode;
  std::uint32_t permits;
  std::uint64_t thread;
  WaiterId waiter;
};

struct NaiveWait {
  WaiterId id;
  SessionId session;
  Acquire request;
  WallTime since;
};

class NaiveMachine {
 public:
  explicit NaiveMachine(const StateLimits& limits, const Bounds& bounds = {}) : limits_(limits), bounds_(bounds) {}

  std::list<NaiveSession> sessions;
  std::list<NaiveHold> holds;
  std::list<NaiveWait> waits;  // by rising id
  std::vector<HistoryEvent> history;
  std::vector<LockChange> changes;  // of the last entry

  std::optional<Result> apply(LogIndex index, WallTime time, const Command& command) {
    index_ = index;
    time_ = time;
    changes.clear();
    const std::size_t waited = waits.size();
    std::optional<Result> result;
    if (const auto* request = std::get_if<Open>(&command)) result = open(*request);
    if (const auto* request = std::get_if<Execute>(&command)) result = execute(*request);
    if (const auto* request = std::get_if<Expire>(&command)) expire(*request);
    const bool ended = !changes.empty() && changes.front().ended.has_value();
    if (ended || waits.size() < waited) grant_whoever_is_next();
    return result;
  }

  const StateLimits& limits() const { return limits_; }
  NaiveSession* find(SessionId id) {
    for (auto& session : sessions) {
      if (session.id == id) return &session;
    }
    return nullptr;
  }
  ClientId client_of(SessionId id) { return find(id)->open.client; }

  std::vector<NaiveHold*> holds_of(const std::string& name) {
    std::vector<NaiveHold*> found;
    for (auto& hold : holds) {
      if (hold.name == name) found.push_back(&hold);
    }
    std::sort(found.begin(), found.end(), [](auto* a, auto* b) { return a->session < b->session; });
    return found;
  }
  std::vector<NaiveWait*> waits_of(const std::string& name) {
    std::vector<NaiveWait*> found;
    for (auto& wait : waits) {
      if (has(wait.request.names, name)) found.push_back(&wait);
    }
    return found;
  }
  std::set<std::string> names() const {
    std::set<std::string> all;
    for (const auto& hold : holds) all.insert(hold.name);
    for (const auto& wait : waits) all.insert(wait.request.names.begin(), wait.request.names.end());
    return all;
  }

  // As it is shown, of each kind only the first few.
  LockView view(const std::string& name) {
    LockView view = whole_view(name);
    view.holders.resize(std::min(view.holders.size(), bounds_.shown_holders));
    view.waiters.resize(std::min(view.waiters.size(), bounds_.shown_waiters));
    return view;
  }

  LockView whole_view(const std::string& name) {
    LockView view{name, {}, 0, {}, 0, {}, 0};
    for (const NaiveWait* wait : waits_of(name)) {
      if (view.waiters.empty()) std::tie(view.mode, view.permits) = std::tie(wait->request.mode, wait->request.permits);
      const Open& open = find(wait->session)->open;
      view.waiters.push_back({open.client, wait->session, wait->id, wait->request.mode, wait->since, open.note});
    }
    for (const NaiveHold* hold : holds_of(name)) {
      std::tie(view.mode, view.permits) = std::tie(hold->mode, hold->permits);
      const Open& open = find(hold->session)->open;
      view.holders.push_back({open.client, hold->session, hold->token, hold->since, open.note});
    }
    view.holder_count = view.holders.size();
    view.waiter_count = view.waiters.size();
    return view;
  }

  SessionView session_view(const NaiveSession& session) {
    SessionView view{session.id, session.open.client, session.open.ttl_ms, session.opened, session.open.note, 0, 0};
    for (const NaiveHold& hold : holds) view.locks += hold.session == session.id ? 1 : 0;
    for (const NaiveWait& wait : waits) view.waits += wait.session == session.id ? 1 : 0;
    return view;
  }

  std::optional<WaiterState> waiter_state(SessionId session, WaiterId id) {
    for (const NaiveHold& hold : holds) {
      if (hold.waiter == id && hold.session == session) return Granted{hold.token};
    }
    for (const NaiveWait& wait : waits) {
      if (wait.id != id || wait.session != session) continue;
      std::uint64_t position = 1;
      for (const std::string& name : wait.request.names) {
        const auto queue = waits_of(name);
        const auto place = std::find_if(queue.begin(), queue.end(), [&](const NaiveWait* w) { return w->id == id; });
        position = std::max(position, static_cast<std::uint64_t>(place - queue.begin()) + 1);
      }
      return Queued{id, position, *obstacle(wait.request, session, id)};
    }
    return std::nullopt;
  }

  // The first of its names that is not to be had by a request before which `earlier` stand in line.
  std::optional<Held> obstacle(const Acquire& request, SessionId session, WaiterId before) {
    for (const std::string& name : request.names) {
      if (auto held = conflict(name, request.mode, session)) return held;
      for (const NaiveWait* first : waits_of(name)) {
        if (before && first->id >= before) break;
        return Held{client_of(first->session), FencingToken(), first->since, name, find(first->session)->open.note};
      }
    }
    return std::nullopt;
  }

  // Every edge of the graph of waits, without a thought: does it lead from this request back to it?
  bool closes_cycle(SessionId session, const Acquire& request) {
    using Thread = std::pair<SessionId, std::uint64_t>;
    std::map<Thread, std::set<Thread>> edges;
    const auto add_edges = [&](const Thread& from, const Acquire& wanted, WaiterId before) {
      for (const std::string& name : wanted.names) {
        if (wanted.permits > 1) continue;
        for (const NaiveHold* hold : holds_of(name)) {
          const bool both_share = hold->mode == Mode::kShared && wanted.mode == Mode::kShared;
          if (!both_share) edges[from].insert({hold->session, hold->thread});
        }
        for (const NaiveWait* earlier : waits_of(name)) {
          if (before && earlier->id >= before) break;
          edges[from].insert({earlier->session, earlier->request.thread});
        }
      }
    };
    for (const NaiveWait& wait : waits) add_edges({wait.session, wait.request.thread}, wait.request, wait.id);
    const Thread start{session, request.thread};
    add_edges(start, request, WaiterId());
    std::set<Thread> reached;
    std::vector<Thread> open(edges[start].begin(), edges[start].end());
    while (!open.empty()) {
      const Thread next = open.back();
      open.pop_back();
      if (!reached.insert(next).second) continue;
      open.insert(open.end(), edges[next].begin(), edges[next].end());
    }
    return reached.contains(start);
  }

 private:
  static Refused refusal(ErrorCode code, SessionId current = SessionId()) { return Refused{code, current, {}}; }
  static bool has(const std::vector<std::string>& all, const std::string& one) {
    return std::find(all.begin(), all.end(), one) != all.end();
  }

  std::size_t claims(SessionId id) {
    std::size_t count = 0;
    for (const auto& hold : holds) count += hold.session == id;
    for (const auto& wait : waits) count += wait.session == id ? wait.request.names.size() : 0;
    return count;
  }

  // A holder that leaves no room for one more in this mode.
  std::optional<Held> conflict(const std::string& name, Mode mode, SessionId asker) {
    const auto now = holds_of(name);
    if (now.empty()) return std::nullopt;
    if (mode == Mode::kShared && now[0]->mode == Mode::kShared) return std::nullopt;
    if (mode == Mode::kPermit && now[0]->mode == Mode::kPermit && now.size() < now[0]->permits) return std::nullopt;
    const NaiveHold* named = now[0];
    for (const NaiveHold* hold : now) {
      if (hold->session == asker) named = hold;
    }
    const NaiveSession& owner = *find(named->session);
    return Held{owner.open.client, named->token, named->since, name, owner.open.note};
  }

  void grant(const std::string& name, SessionId session, const Acquire& request, WaiterId waiter) {
    const FencingToken token = token_granted_by(index_);
    holds.push_back({name, session, token, time_, time_, request.mode, request.permits, request.thread, waiter});
    changes.push_back({index_, name, request.mode, client_of(session), token, std::nullopt});
  }

  void record_end(const NaiveHold& hold, EndReason reason, std::optional<ClientId> by, const std::string& why) {
    const ClientId client = client_of(hold.session);
    history.push_back(
        {history.size() + 1, hold.name, hold.mode, client, hold.token, hold.granted, time_, reason, by, why});
    changes.push_back({index_, hold.name, hold.mode, client, hold.token, reason});
  }

  void end_hold(const std::string& name, SessionId session, EndReason reason, std::optional<ClientId> by = {},
                const std::string& why = {}) {
    for (auto hold = holds.begin(); hold != holds.end(); ++hold) {
      if (hold->name != name || hold->session != session) continue;
      record_end(*hold, reason, by, why);
      holds.erase(hold);
      return;
    }
  }

  void end_session(SessionId id, EndReason reason, std::optional<ClientId> by = {}, const std::string& why = {}) {
    waits.remove_if([&](const NaiveWait& wait) { return wait.session == id; });
    for (const std::string& name : names()) end_hold(name, id, reason, by, why);
    forget_session(id, reason);
  }

  void forget_session(SessionId id, EndReason reason) {
    ended_.push_back({0, id, client_of(id), reason});
    if (ended_.size() > bounds_.ended_sessions) ended_.erase(ended_.begin());
    sessions.remove_if([&](const NaiveSession& session) { return session.id == id; });
  }

  // From the oldest on, again and again, until nobody can be helped.
  void grant_whoever_is_next() {
    for (auto wait = waits.begin(); wait != waits.end();) {
      if (obstacle(wait->request, wait->session, wait->id)) {
        ++wait;
        continue;
      }
      const NaiveWait granted = *wait;
      waits.erase(wait);
      for (const std::string& name : granted.request.names) grant(name, granted.session, granted.request, granted.id);
      wait = waits.begin();
    }
  }

  Result open(const Open& open) {
    NaiveSession* current = nullptr;
    SessionId last;
    for (const EndedSession& ended : ended_) {
      if (ended.client == open.client) last = ended.id;
    }
    for (auto& session : sessions) {
      if (session.open.client == open.client) current = &session;
    }
    if (current) last = current->id;
    if (current && current->open.nonce == open.nonce && current->open.secret_hash == open.secret_hash) {
      current->last_used = index_;
      return SessionOpened{current->id};
    }
    if (last && open.replaces != last) return refusal(ErrorCode::kSessionConflict, last);
    const SessionId id = session_opened_by(index_);
    if (current) {
      if (current->open.secret_hash != open.secret_hash) return refusal(ErrorCode::kWrongSecret);
      waits.remove_if([&](const NaiveWait& wait) { return wait.session == last; });
      sessions.push_back(NaiveSession{open, id, index_, time_, {}, 0, {}});
      move_holds(last, id);
      forget_session(last, EndReason::kSuperseded);
      return SessionOpened{id};
    }
    if (sessions.size() >= limits_.sessions) {
      const NaiveSession* victim = nullptr;
      for (const auto& session : sessions) {
        if (claims(session.id) != 0 || session.open.ttl_ms != 0) continue;
        if (!victim || session.last_used < victim->last_used) victim = &session;
      }
      if (!victim) return refusal(ErrorCode::kTooManySessions);
      forget_session(victim->id, EndReason::kEvicted);
    }
    sessions.push_back(NaiveSession{open, id, index_, time_, {}, 0, {}});
    return SessionOpened{id};
  }

  void move_holds(SessionId from, SessionId to) {
    const FencingToken token = token_granted_by(index_);
    for (const std::string& name : names()) {
      for (NaiveHold* hold : holds_of(name)) {
        if (hold->session != from) continue;
        record_end(*hold, EndReason::kSuperseded, {}, {});
        changes.push_back({index_, name, hold->mode, client_of(to), token, std::nullopt});
        *hold = {name, to, token, hold->since, time_, hold->mode, hold->permits, 0, WaiterId()};
      }
    }
  }

  void expire(const Expire& expire) {
    if (!find(expire.session)) return;
    if (!expire.waits_only) return end_session(expire.session, EndReason::kExpired);
    waits.remove_if([&](const NaiveWait& wait) { return wait.session == expire.session; });
  }

  std::optional<Result> execute(const Execute& request) {
    NaiveSession* session = find(request.session);
    if (!session) return after_the_end(request);
    session->last_used = index_;
    session->acknowledged = std::max(session->acknowledged, request.acknowledged_below.value());
    const std::uint64_t number = request.number.value();
    if (number < session->acknowledged) return std::nullopt;
    if (number >= session->acknowledged + bounds_.unacknowledged) return refusal(ErrorCode::kTooManyUnacknowledged);
    const auto known = session->answers.find(number);
    if (known != session->answers.end()) {
      if (known->second.first == request.operation) return known->second.second;
      return refusal(ErrorCode::kNumberReused);
    }
    const Result result =
        std::visit([&](const auto& operation) { return run(request.session, operation); }, request.operation);
    if (NaiveSession* still = find(request.session)) still->answers[number] = {request.operation, result};
    return result;
  }

  Result after_the_end(const Execute& request) {
    const auto ended = std::find_if(ended_.begin(), ended_.end(),
                                    [&](const EndedSession& candidate) { return candidate.id == request.session; });
    if (ended == ended_.end()) return refusal(ErrorCode::kSessionExpired);
    if (ended->how == EndReason::kSuperseded) return refusal(ErrorCode::kSessionSuperseded);
    if (ended->how == EndReason::kForced) return refusal(ErrorCode::kSessionForced);
    if (ended->how == EndReason::kClosed) {
      if (std::holds_alternative<Close>(request.operation)) return Closed{};
      return refusal(ErrorCode::kSessionClosed);
    }
    return refusal(ErrorCode::kSessionExpired);
  }

  std::optional<Result> limit(SessionId session, const std::vector<std::string>& wanted) {
    std::set<std::string> all = names();
    all.insert(wanted.begin(), wanted.end());
    if (all.size() > std::max<std::size_t>(limits_.locks, names().size())) return refusal(ErrorCode::kTooManyLocks);
    if (claims(session) + wanted.size() > limits_.locks_per_session) return refusal(ErrorCode::kTooManySessionLocks);
    return std::nullopt;
  }

  Result run(SessionId session, const Preempt& preempt) {
    const Acquire as_acquire{{preempt.name}, Mode::kExclusive, 0, false, 0};
    if (auto held = conflict(preempt.name, Mode::kExclusive, session)) return *held;
    if (!waits_of(preempt.name).empty()) return refusal(ErrorCode::kWaitedFor);
    if (auto refused = limit(session, as_acquire.names)) return *refused;
    grant(preempt.name, session, as_acquire, WaiterId());
    return Granted{token_granted_by(index_)};
  }

  Result run(SessionId session, const Release& release) {
    const auto now = holds_of(release.name);
    if (now.empty()) return NotHolder{};
    for (const NaiveHold* hold : now) {
      if (hold->session != session) continue;
      end_hold(release.name, session, EndReason::kReleased);
      return Released{};
    }
    return NotHolder{client_of(now[0]->session)};
  }

  std::optional<Result> misuse(SessionId session, const Acquire& acquire) {
    for (const std::string& name : acquire.names) {
      std::optional<std::uint32_t> permits;
      for (const NaiveHold* hold : holds_of(name)) {
        if (hold->session == session) return refusal(ErrorCode::kAlreadyHeld);
        permits = hold->permits;
      }
      for (const NaiveWait* wait : waits_of(name)) {
        if (wait->session == session) return refusal(ErrorCode::kAlreadyWaiting);
        permits = wait->request.permits;
      }
      if (!permits || *permits == acquire.permits) continue;
      const bool both_semaphores = *permits != 0 && acquire.permits != 0;
      return refusal(both_semaphores ? ErrorCode::kPermitsMismatch : ErrorCode::kModeMismatch);
    }
    return std::nullopt;
  }

  Result run(SessionId session, const Acquire& acquire) {
    if (auto refused = misuse(session, acquire)) return *refused;
    const auto blocked = obstacle(acquire, session, WaiterId());
    if (blocked && !acquire.wait) {
      if (blocked->token) return *blocked;
      return refusal(ErrorCode::kWaitedFor);
    }
    if (auto refused = limit(session, acquire.names)) return *refused;
    if (!blocked) {
      for (const std::string& name : acquire.names) grant(name, session, acquire, WaiterId());
      return Granted{token_granted_by(index_)};
    }
    std::size_t position = 1;
    for (const std::string& name : acquire.names) {
      if (waits_of(name).size() >= limits_.waiters_per_lock) return refusal(ErrorCode::kTooManyWaiters);
      position = std::max(position, waits_of(name).size() + 1);
    }
    if (closes_cycle(session, acquire)) return refusal(ErrorCode::kDeadlock);
    waits.push_back({waiter_queued_by(index_), session, acquire, time_});
    return Queued{waiter_queued_by(index_), position, *blocked};
  }

  Result run(SessionId session, const Cancel& cancel) {
    for (auto wait = waits.begin(); wait != waits.end(); ++wait) {
      if (wait->id != cancel.waiter || wait->session != session) continue;
      waits.erase(wait);
      return Cancelled{};
    }
    for (const NaiveHold& hold : holds) {
      if (hold.waiter && hold.waiter == cancel.waiter && hold.session == session) return Granted{hold.token};
    }
    return refusal(ErrorCode::kWaiterGone);
  }

  Result run(SessionId session, const Close&) {
    end_session(session, EndReason::kClosed);
    return Closed{};
  }

  Result run(SessionId session, const ForceRelease& release) {
    if (holds_of(release.name).empty()) return NotHolder{};
    while (!holds_of(release.name).empty()) {
      find(holds_of(release.name)[0]->session)->forced_at = index_;
      end_hold(release.name, holds_of(release.name)[0]->session, EndReason::kForced, client_of(session), release.why);
    }
    return Released{};
  }

  Result run(SessionId session, const CloseSession& close) {
    if (!find(close.target)) return refusal(ErrorCode::kNoSuchSession);
    end_session(close.target, EndReason::kForced, client_of(session), close.why);
    return Closed{};
  }

  StateLimits limits_;
  Bounds bounds_;
  LogIndex index_;
  WallTime time_;
  std::vector<EndedSession> ended_;  // those that are remembered, the oldest end first
};

}  // namespace lockstep::locks
