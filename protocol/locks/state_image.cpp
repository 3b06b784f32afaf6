// Takes the state apart into records, and proves records before a state is built from them.
#include "protocol/locks/state_image.hpp"

#include <algorithm>
#include <set>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "protocol/locks/state_machine.hpp"

namespace lockstep::locks {
namespace {

LockRecord record_of(const NamedLock& lock) {
  LockRecord record{lock.first, lock.second.mode, lock.second.permits, {}};
  record.holds.reserve(lock.second.holds.size());
  for (const auto& [session, hold] : lock.second.holds) {
    record.holds.push_back({session, hold.thread, hold.token, hold.since, hold.granted, hold.waiter});
  }
  return record;
}

WaiterRecord record_of(const Waiter& waiter) {
  WaiterRecord record{waiter.id, waiter.request, waiter.since, {}};
  for (const NamedLock* lock : waiter.locks) record.names.push_back(lock->first);
  return record;
}

std::string describe(const Session& session) { return "session " + std::to_string(session.id.value()); }
std::string describe(const EndedSession& ended) { return "ended session " + std::to_string(ended.id.value()); }
std::string describe(const LockRecord& lock) { return "lock \"" + lock.name + "\""; }
std::string describe(const WaiterRecord& waiter) { return "waiter " + std::to_string(waiter.id.value()); }
std::string describe(const HistoryEvent& event) { return "event " + std::to_string(event.position); }

// Each next() looks at one record, after all the records before it, and says what is wrong with it: empty if nothing.
class Check {
 public:
  Check(const StateImage& image, const Bounds& bounds)
      : image_(image), bounds_(bounds), applied_(image.last_applied.value()) {}

  std::string run() {
    look_at(image_.sessions);
    look_at(image_.ended);
    look_at(image_.locks);
    look_at(image_.waiters);
    look_at(image_.history);
    return std::move(violation_);
  }

 private:
  template <typename Record>
  void look_at(const std::vector<Record>& records) {
    for (const Record& record : records) {
      if (!violation_.empty()) return;
      const std::string_view wrong = next(record);
      if (!wrong.empty()) violation_ = describe(record) + " " + std::string(wrong);
    }
  }

  bool lives(SessionId session) const { return living_.contains(session); }

  std::string_view next(const Session& session) {
    const std::uint64_t id = session.id.value();
    if (session.id <= std::exchange(last_session_, session.id)) return "is out of order";
    if (id > applied_) return "was opened after the last entry";
    const std::uint64_t used = session.last_used.value();
    if (used < id || used > applied_) return "was last used by an entry that cannot have used it";
    if (!last_uses_.insert(session.last_used).second) return "was last used by the same entry as another";
    const std::uint64_t forced = session.forced_at.value();
    if (forced != 0 && (forced <= id || forced > applied_)) return "lost a lock in an entry that cannot have taken it";
    if (!living_of_.try_emplace(session.client, session.id).second)
      return "is not the only one of its client that lives";
    living_.insert(session.id);
    return answers_of(session);
  }

  std::string_view answers_of(const Session& session) const {
    RequestNumber at_least = session.acknowledged_below;
    for (const SavedAnswer& answer : session.answers) {
      if (answer.number < at_least) return "has answers out of order, or answers that were acknowledged";
      if (answer.number - session.acknowledged_below >= bounds_.unacknowledged) return "has answers too far ahead";
      at_least = answer.number.next();
    }
    return {};
  }

  std::string_view next(const EndedSession& ended) {
    if (!continues(image_.ended, ended, bounds_.ended_sessions))
      return "is out of order, or others are missing before it";
    if (!ended.id || ended.id.value() > applied_) return "was not opened by any entry so far";
    if (ended.position > applied_) return "ended after the last entry";  // one entry ends at most one
    if (ended.how == EndReason::kReleased) return "ended in a way in which no session ends";
    if (lives(ended.id)) return "lives";
    const auto living = living_of_.find(ended.client);
    if (living != living_of_.end() && living->second < ended.id)
      return "is later than the one of its client that lives";
    if (ended.id <= std::exchange(last_ended_of_[ended.client], ended.id)) {
      return "ended after a later one of its client, or twice";
    }
    if (!ended_.insert(ended.id).second) return "ended twice";
    return {};
  }

  std::string_view next(const LockRecord& lock) {
    if (lock.name <= last_name_) return "is out of order";
    last_name_ = lock.name;
    if (!is_possible(lock.mode, lock.permits)) return "has permits that do not go with its mode";
    if (lock.holds.empty()) return "is held by nobody";
    if (!has_room(lock.holds.size() - 1, lock.mode, lock.permits, lock.mode)) return "has more holders than it may";
    SessionId last;
    for (const HoldRecord& hold : lock.holds) {
      if (hold.session <= std::exchange(last, hold.session)) return "has its holders out of order";
      const std::string_view wrong = next(hold);
      if (!wrong.empty()) return wrong;
    }
    return {};
  }

  std::string_view next(const HoldRecord& hold) {
    if (!lives(hold.session)) return "is held by a session that does not live";
    const std::uint64_t token = hold.token.value();
    if (token < hold.session.value() || token > applied_) return "was granted by an entry that cannot have granted it";
    if (!hold.waiter) return {};
    const std::uint64_t waiter = hold.waiter.value();
    if (waiter <= hold.session.value() || waiter >= token) return "was granted to a request that cannot have waited";
    const auto [granted, added] = granted_.try_emplace(hold.waiter, hold.session, hold.token);
    if (granted->second != std::pair(hold.session, hold.token)) return "was granted to one waiter in two ways";
    return {};
  }

  // Those before it in its queues are the earlier records, so whoever meets a name first is the first in its queue.
  std::string_view next(const WaiterRecord& waiter) {
    if (waiter.id <= std::exchange(last_waiter_, waiter.id)) return "is out of order";
    if (waiter.id.value() > applied_) return "was queued after the last entry";
    if (granted_.contains(waiter.id)) return "was granted";
    const LockRequest& request = waiter.request;
    if (!lives(request.session)) return "is of a session that does not live";
    if (waiter.id.value() <= request.session.value()) return "was queued before its session was opened";
    if (!is_possible(request.mode, request.permits)) return "wants permits that do not go with its mode";
    if (waiter.names.empty() || waiter.names.size() > kMaxAcquireNames) return "waits for too many names or for none";
    bool is_kept_out = false;
    std::string_view last;
    for (const std::string& name : waiter.names) {
      if (name <= std::exchange(last, name)) return "has its names out of order";
      const std::string_view wrong = join(waiter, name, is_kept_out);
      if (!wrong.empty()) return wrong;
    }
    return is_kept_out ? std::string_view() : "waits for nothing that is not to be had";
  }

  std::string_view join(const WaiterRecord& waiter, const std::string& name, bool& is_kept_out) {
    const LockRequest& request = waiter.request;
    const LockRecord* lock = find_lock(name);
    const auto [line, is_first] = lines_.try_emplace(name, lock != nullptr ? lock->permits : request.permits);
    if (line->second != request.permits) return "waits for a name that has other permits";
    if (!waits_.emplace(request.session, name).second) return "waits for a name that its session waits for already";
    if (!is_first) is_kept_out = true;
    if (lock == nullptr) return {};
    if (is_holder(*lock, request.session)) return "waits for a name that its session holds";
    const auto is_later = [&](const HoldRecord& hold) { return hold.waiter > waiter.id; };
    if (is_first && std::any_of(lock->holds.begin(), lock->holds.end(), is_later)) return "was overtaken";
    if (!has_room(lock->holds.size(), lock->mode, lock->permits, request.mode)) is_kept_out = true;
    return {};
  }

  std::string_view next(const HistoryEvent& event) {
    if (!continues(image_.history, event, bounds_.history)) return "is out of order, or others are missing before it";
    if (!event.token || event.token.value() > applied_) return "was not granted by any entry so far";
    if (event.reason == EndReason::kEvicted) return "ended in a way in which no hold ends";
    if (event.by.has_value() != (event.reason == EndReason::kForced))
      return "was forced by nobody, or ended by an operator without force";
    return {};
  }

  static bool is_possible(Mode mode, std::uint32_t permits) {
    return (mode == Mode::kPermit) == (permits != 0) && permits <= kMaxPermits;
  }

  // Positions rise by one, from 1 on or, if as many are kept as may be, from anywhere.
  template <typename Record>
  static bool continues(const std::vector<Record>& records, const Record& record, std::size_t kept) {
    if (&record != &records.front()) return record.position == (&record - 1)->position + 1;
    return records.size() <= kept && (record.position == 1 || (record.position > 1 && records.size() == kept));
  }

  static bool is_holder(const LockRecord& lock, SessionId session) {
    const auto by_session = [](const HoldRecord& hold, SessionId wanted) { return hold.session < wanted; };
    const auto found = std::lower_bound(lock.holds.begin(), lock.holds.end(), session, by_session);
    return found != lock.holds.end() && found->session == session;
  }

  const LockRecord* find_lock(const std::string& name) const {
    const auto by_name = [](const LockRecord& lock, const std::string& wanted) { return lock.name < wanted; };
    const auto found = std::lower_bound(image_.locks.begin(), image_.locks.end(), name, by_name);
    return found != image_.locks.end() && found->name == name ? &*found : nullptr;
  }

  const StateImage& image_;
  const Bounds& bounds_;
  std::uint64_t applied_;
  std::string violation_;
  SessionId last_session_;
  std::unordered_set<SessionId> living_;
  std::unordered_map<ClientId, SessionId> living_of_;
  std::unordered_set<LogIndex> last_uses_;
  std::unordered_set<SessionId> ended_;
  std::unordered_map<ClientId, SessionId> last_ended_of_;
  std::string_view last_name_;
  std::unordered_map<WaiterId, std::pair<SessionId, FencingToken>> granted_;
  WaiterId last_waiter_;
  std::unordered_map<std::string_view, std::uint32_t> lines_;  // names that are waited for, and their permits
  std::set<std::pair<SessionId, std::string_view>> waits_;
};

}  // namespace

StateImage image_of(const StateMachine& state) {
  StateImage image;
  image.limits = state.limits();
  image.last_applied = state.last_applied();
  image.sessions.reserve(state.session_count());
  for (const SessionId id : state.sessions().in_order()) image.sessions.push_back(*state.sessions().find(id));
  image.ended.assign(state.sessions().ended().begin(), state.sessions().ended().end());
  image.locks.reserve(state.lock_count());
  for (const NamedLock& lock : state.locks().in_order()) {
    if (!lock.second.holds.empty()) image.locks.push_back(record_of(lock));
  }
  image.waiters.reserve(state.locks().waiter_count());
  for (const auto& [id, waiter] : state.locks().waiters()) image.waiters.push_back(record_of(waiter));
  image.history = state.history().all();
  return image;
}

std::string violation_in(const StateImage& image, const Bounds& bounds) { return Check(image, bounds).run(); }

}  // namespace lockstep::locks
