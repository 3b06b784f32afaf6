// The answers against the log: what was said, and what was done.
#include <algorithm>
#include <map>
#include <set>

#include "protocol/base/error.hpp"
#include "tests/torture/checker.hpp"
#include "tests/torture/evidence.hpp"
#include "tests/torture/replay.hpp"

namespace lockstep::torture {
namespace {

using Calls = std::vector<const Call*>;

template <typename T>
const T* operation_of(const Ran* ran) {
  return ran == nullptr ? nullptr : std::get_if<T>(&ran->operation);
}

bool names_it(const Call& call, const std::string& name) {
  return std::find(call.names.begin(), call.names.end(), name) != call.names.end();
}

// Refusals that only an entry of the request itself can have given.
bool is_of_the_state(const std::string& error) {
  static const std::set<std::string> kNames{"already_held",   "already_waiting",        "deadlock",
                                            "mode_mismatch",  "permits_mismatch",       "too_many_waiters",
                                            "too_many_locks", "too_many_session_locks", "waited_for"};
  return kNames.contains(error);
}

// A lease that ended without an answer.
struct Loss {
  Nanoseconds promised = 0;  // up to then it was certain; 0: the client was never told
  Nanoseconds told = 0;      // of the loss
};

// By client.
std::map<int, std::vector<Loss>> losses_in(const History& history) {
  std::map<int, std::vector<Loss>> losses;
  std::map<int, Nanoseconds> promised;
  for (const LeaseNote* note : lease_notes_in_order(history)) {
    if (note->safe_until) promised[note->client] = *note->safe_until;
    if (note->lost == "unreachable") losses[note->client].push_back({promised[note->client], note->at});
  }
  return losses;
}

class Judge {
 public:
  explicit Judge(const History& history)
      : history_(history),
        progress_(history),
        calls_(calls_by_client(history)),
        losses_(losses_in(history)),
        reads_(reads_by_index(history)),
        replay_(history.entries,
                [&](std::uint64_t index, locks::NaiveMachine& machine) { judge_reads(index, machine); }) {
    for (const ClientInfo& client : history.clients) {
      ids_[client.client] = client.id;
      numbers_[client.id] = client.client;
    }
  }

  std::vector<Violation> run() {
    for (auto read = reads_.upper_bound(replay_.last()); read != reads_.end(); ++read) {
      add("wrong answer", describe(*read->second) + "; but the log ends at " + std::to_string(replay_.last()));
    }
    for (const Call& call : history_.calls) {
      if (call.answer && !is_read(call.verb)) judge_answer(call);
    }
    for (const Grant& grant : replay_.grants()) {
      if (!is_explained(grant)) {
        add("ran although it did not",
            "the log grants " + tell(grant) + ", which no call asked for that may have got it");
      }
      if (grant.reason) judge_end(grant);
    }
    for (const Hold& hold : holds_of(history_)) judge_lease(hold);
    return std::move(violations_);
  }

 private:
  static std::multimap<std::uint64_t, const Call*> reads_by_index(const History& history) {
    std::multimap<std::uint64_t, const Call*> reads;
    for (const Call& call : history.calls) {
      const bool answered = call.answer && call.answer->result != Result::kError;
      if (answered && is_read(call.verb)) reads.emplace(call.answer->index, &call);
    }
    return reads;
  }

  void add(const char* rule, std::string text) {
    if (violations_.size() < kMostViolations) violations_.push_back({rule, std::move(text)});
  }
  std::string tell(const Grant& grant) const {
    const auto number = numbers_.find(grant.client);
    return grant.name + " to client " + (number == numbers_.end() ? grant.client : std::to_string(number->second)) +
           " with token " + std::to_string(grant.token);
  }

  // ---- Reads: the state at the index of the answer

  void judge_reads(std::uint64_t index, locks::NaiveMachine& machine) {
    const auto [first, last] = reads_.equal_range(index);
    for (auto read = first; read != last; ++read) {
      const Call& call = *read->second;
      const bool right = call.verb == Verb::kVerify ? verifies(call, machine) : shows(call, machine);
      if (!right) add("wrong answer", describe(call) + "; the replay shows another state at that index");
    }
  }

  static bool verifies(const Call& call, locks::NaiveMachine& machine) {
    bool current = false;
    std::uint64_t newest = 0;
    for (const auto* hold : machine.holds_of(call.names.front())) {
      current = current || hold->token.value() == call.asked_token;
      newest = std::max(newest, hold->token.value());
    }
    return current ? call.is(Result::kCurrent) : call.is(Result::kNotCurrent) && call.answer->token == newest;
  }

  static bool shows(const Call& call, locks::NaiveMachine& machine) {
    std::vector<locks::LockView> expected;
    for (const std::string& name : machine.names()) {
      const bool asked = call.verb == Verb::kList ? name.starts_with(call.names.front()) : name == call.names.front();
      if (asked) expected.push_back(plain(machine.view(name)));
    }
    return expected == call.answer->locks;
  }

  // ---- Commands: what the entry of the answer said

  void judge_answer(const Call& call) {
    switch (call.answer->result) {
      case Result::kGranted: return judge_granted(call);
      case Result::kHeld: return judge_held(call);
      case Result::kReleased: return judge_released(call);
      case Result::kNotHolder: return judge_not_holder(call);
      case Result::kClosed: return judge_closed(call);
      case Result::kNotGranted: return judge_not_granted(call);
      case Result::kError:
        if (call.answer->definite && is_of_the_state(call.answer->error)) judge_refused(call);
        return;
      default: return;
    }
  }

  void wrong(const Call& call, const std::string& expected) {
    add("wrong answer", describe(call) + "; the replay: " + expected);
  }

  const Ran* ran_for(const Call& call) {
    const Ran* ran = replay_.answered_at(call.answer->index);
    if (ran != nullptr && ran->client == ids_[call.client]) return ran;
    wrong(call, "the entry at that index is no request of this client");
    return nullptr;
  }

  void judge_granted(const Call& call) {
    for (const std::string& name : call.names) {
      if (replay_.grant(ids_[call.client], name, call.answer->token) != nullptr) continue;
      wrong(call, "the entry of that token did not grant " + name + " to this client");
    }
  }

  void judge_held(const Call& call) {
    const Ran* ran = ran_for(call);
    if (ran == nullptr) return;
    const auto* asked = operation_of<locks::Preempt>(ran);
    const auto* held = std::get_if<locks::Held>(&ran->result);
    const bool right = asked != nullptr && asked->name == call.names.front() && held != nullptr &&
                       to_string(held->owner) == call.answer->owner && held->token.value() == call.answer->token;
    if (!right) wrong(call, held == nullptr ? "not held" : "held with token " + std::to_string(held->token.value()));
  }

  void judge_released(const Call& call) {
    const Ran* ran = replay_.answered_at(call.answer->index);
    const auto* asked = operation_of<locks::Release>(ran);
    const bool right = asked != nullptr && ran->client == ids_[call.client] && asked->name == call.names.front() &&
                       std::holds_alternative<locks::Released>(ran->result);
    if (!right) add("lost release", describe(call) + "; the replay: nothing of this client was released at that index");
  }

  void judge_not_holder(const Call& call) {
    const Ran* ran = ran_for(call);
    if (ran == nullptr) return;
    const auto* asked = operation_of<locks::Release>(ran);
    const auto* refused = std::get_if<locks::NotHolder>(&ran->result);
    const bool right = asked != nullptr && asked->name == call.names.front() && refused != nullptr &&
                       (refused->owner ? to_string(*refused->owner) : std::string()) == call.answer->owner;
    if (!right) wrong(call, "another answer to that release");
  }

  void judge_closed(const Call& call) {
    if (!ran_between<locks::Close>(call, [](const locks::Close&) { return true; })) {
      wrong(call, "this client closed no session between the call and its answer");
    }
  }

  // It stood in line, or was told at once that there is no place.
  void judge_not_granted(const Call& call) {
    if (!ran_between<locks::Acquire>(call,
                                     [&](const locks::Acquire& acquire) { return acquire.names == call.names; })) {
      wrong(call, "no such request of this client ran between the call and its answer");
    }
  }

  // Some request of the client, after what was known at the call and not after what its answer knew, if that is told.
  template <typename T, typename Condition>
  bool ran_between(const Call& call, Condition condition) {
    const std::uint64_t known = progress_.index_before(call.called);
    const std::uint64_t last = call.answer->index == 0 ? replay_.last() : call.answer->index;
    const auto& ran = replay_.ran_by(ids_[call.client]);
    return std::any_of(ran.begin(), ran.end(), [&](const Ran* one) {
      const T* asked = operation_of<T>(one);
      return asked != nullptr && one->index > known && one->index <= last && condition(*asked);
    });
  }

  // Its index is not told: some request of this client after the call was refused so.
  void judge_refused(const Call& call) {
    const std::uint64_t known = progress_.index_before(call.called);
    for (const Ran* ran : replay_.ran_by(ids_[call.client])) {
      const auto* refused = std::get_if<locks::Refused>(&ran->result);
      if (ran->index <= known || refused == nullptr || error_info(refused->code).name != call.answer->error) continue;
      const auto* acquire = operation_of<locks::Acquire>(ran);
      const auto* preempt = operation_of<locks::Preempt>(ran);
      const bool same = (acquire != nullptr && acquire->names == call.names) ||
                        (preempt != nullptr && preempt->name == call.names.front());
      if (same && claimed_refusals_.insert(ran->index).second) return;
    }
    wrong(call, "no such request of this client was refused so after the call");
  }

  // ---- What was done: somebody asked for it who was not told that it was not done

  static bool asks_for(const Call& call, const Grant& grant) {
    return (call.verb == Verb::kPreempt || call.verb == Verb::kAcquire) && names_it(call, grant.name);
  }
  static bool is_granted_by(const Call& call, const Grant& grant) {
    return call.is(Result::kGranted) && call.answer->token == grant.token;
  }
  bool may_be_granted_by(const Call& call, const Grant& grant) const {
    return call.is_indefinite() && progress_.index_before(call.called) < grant.token;
  }

  bool is_explained(const Grant& grant) {
    const auto number = numbers_.find(grant.client);
    if (number == numbers_.end()) return false;
    const Call* undecided = nullptr;
    for (const Call* call : calls_[number->second]) {
      if (!asks_for(*call, grant)) continue;
      if (is_granted_by(*call, grant)) return true;
      const auto used = undecided_tokens_.find(call);
      const bool free = used == undecided_tokens_.end() || used->second == grant.token;
      if (may_be_granted_by(*call, grant) && free) undecided = call;  // the last one: the ones before had their chance
    }
    if (undecided != nullptr) undecided_tokens_[undecided] = grant.token;  // one call is granted once
    return undecided != nullptr;
  }

  // Some call of the client that began before the entry.
  template <typename Condition>
  bool did(const Grant& grant, Condition condition) {
    const auto number = numbers_.find(grant.client);
    if (number == numbers_.end()) return false;
    const Calls& calls = calls_[number->second];
    return std::any_of(calls.begin(), calls.end(), [&](const Call* call) {
      return condition(*call) && progress_.index_before(call->called) < grant.ended;
    });
  }

  void judge_end(const Grant& grant) {
    using locks::EndReason;
    bool explained = false;
    if (grant.reason == EndReason::kReleased) {
      explained = did(grant, [&](const Call& call) {
        // What a client cannot know to have got, the library gives back by itself.
        const bool undone = (call.verb == Verb::kAcquire || call.verb == Verb::kPreempt) && call.is_indefinite();
        const bool released = call.verb == Verb::kRelease && (call.is_indefinite() || call.is(Result::kReleased));
        return (undone || released) && names_it(call, grant.name);
      });
    } else if (grant.reason == EndReason::kClosed) {
      explained = was_lost(grant) || did(grant, [](const Call& call) {
                    return call.verb == Verb::kClose && (call.is_indefinite() || call.is(Result::kClosed));
                  });
    } else if (grant.reason == EndReason::kExpired) {
      explained = true;  // judge_lease looks at when
    }
    if (explained) return;
    add("ran although it did not", "the log ends the grant of " + tell(grant) + " at index " +
                                       std::to_string(grant.ended) + ", which nobody asked for that may have got it");
  }

  // A client gives up by itself a session that no answer came to in time: one in which it had asked for the grant, and
  // not before the last moment up to which it had been promised its lease. (Of the loss it is told some time after it.)
  bool was_lost(const Grant& grant) {
    const auto number = numbers_.find(grant.client);
    if (number == numbers_.end()) return false;
    for (const Loss& loss : losses_[number->second]) {
      const bool before_entry = progress_.index_before(loss.promised) < grant.ended;
      if (before_entry && asked_before(loss.told, grant, calls_[number->second])) return true;
    }
    return false;
  }

  bool asked_before(Nanoseconds moment, const Grant& grant, const Calls& calls) const {
    return std::any_of(calls.begin(), calls.end(), [&](const Call* call) {
      return call->called < moment && asks_for(*call, grant) &&
             (is_granted_by(*call, grant) || may_be_granted_by(*call, grant));
    });
  }

  // No lease runs out before the moment up to which its client counts on it.
  void judge_lease(const Hold& hold) {
    const Grant* grant = replay_.grant(ids_[hold.call->client], hold.name, hold.token);
    if (grant == nullptr || grant->reason != locks::EndReason::kExpired) return;
    const Nanoseconds seen = progress_.seen_by(grant->ended);
    if (seen >= hold.promised) return;
    add("early expiry", describe(*hold.call) + ", promised until " + at_time(hold.promised) +
                            "; but its expiry at index " + std::to_string(grant->ended) + " had been seen at " +
                            at_time(seen));
  }

  const History& history_;
  Progress progress_;
  std::map<int, Calls> calls_;
  std::map<int, std::vector<Loss>> losses_;
  std::multimap<std::uint64_t, const Call*> reads_;
  std::vector<Violation> violations_;  // before the replay, which adds to it
  Replay replay_;
  std::map<int, std::string> ids_;
  std::map<std::string, int> numbers_;
  std::map<const Call*, std::uint64_t> undecided_tokens_;
  std::set<std::uint64_t> claimed_refusals_;
};

}  // namespace

std::vector<Violation> check_replay(const History& history) {
  if (history.entries.empty()) return {};
  return Judge(history).run();
}

}  // namespace lockstep::torture
