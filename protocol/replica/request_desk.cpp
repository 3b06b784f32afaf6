// The way of a request through the desk: taken, held in its table, answered or timed out.
#include "protocol/replica/request_desk.hpp"

#include <sodium/crypto_hash_sha256.h>

#include <algorithm>
#include <concepts>
#include <type_traits>
#include <utility>

#include "protocol/base/invariant.hpp"
#include "protocol/replica/read_answers.hpp"
#include "protocol/wire/codec.hpp"
#include "protocol/wire/message_rules.hpp"

namespace lockstep {
namespace {

// How often a node sends a barrier for the sake of renewals alone.
constexpr Duration kRenewalInterval = std::chrono::milliseconds(50);

locks::SecretHash hash_of(const wire::Secret& secret) {
  locks::SecretHash hash;
  static_assert(std::tuple_size_v<locks::SecretHash> == crypto_hash_sha256_BYTES);
  crypto_hash_sha256(hash.data(), secret.data(), secret.size());
  return hash;
}

// A refusal by the state machine is an error to the client; every other result goes as it is.
wire::ResponseBody body_of(const locks::Result& result) {
  const auto to_body = [](const auto& outcome) -> wire::ResponseBody {
    if constexpr (std::is_same_v<decltype(outcome), const locks::Refused&>) {
      return wire::ErrorAnswer{outcome.code, outcome.detail, outcome.current_session};
    } else {
      return outcome;
    }
  };
  return std::visit(to_body, result);
}

template <typename Body>
constexpr bool kIsRead = std::constructible_from<wire::ReadRequest, Body>;

}  // namespace

RequestDesk::RequestDesk(const DeskOptions& options)
    : options_(options),
      pending_(options.request_lifetime, options.bounds.max_pending_bytes),
      reads_(options.barrier_interval, options.barrier_patience, options.bounds.max_barriers),
      keep_alives_(kRenewalInterval, options.request_lifetime, options.bounds.max_polls,
                   options.bounds.barrier_renewals),
      watches_(options.bounds) {}

// ---- What clients ask

void RequestDesk::take(Now now, const AppliedState& state, Asker asker, const wire::RequestBody& body) {
  if (auto violation = wire::find_violation(body)) {
    return reply_error(state, asker, violation->code, to_string(*violation));
  }
  std::visit(
      [&]<typename Body>(const Body& what) {
        if constexpr (kIsRead<Body>) {
          take_read(now, asker, what);
        } else if constexpr (std::same_as<Body, locks::Execute>) {
          take_command(now, state, asker, what);
        } else if constexpr (std::same_as<Body, wire::StatusRequest>) {
          INVARIANT(false, "a status is the node's to give");
        } else {
          take(now, state, asker, what);
        }
      },
      body);
}

// The secret goes no further than this node: the log has its hash (L1).
void RequestDesk::take(Now now, const AppliedState& state, Asker asker, const wire::OpenSession& open) {
  const locks::Open command{open.client, hash_of(open.secret), open.nonce, open.ttl_ms, open.replaces, open.note};
  take_command(now, state, asker, command);
}

void RequestDesk::take(Now now, const AppliedState& state, Asker asker, const wire::KeepAlive& keep_alive) {
  if (!keep_alives_.add(now.time, asker, keep_alive.session)) reply_busy(state, asker);
}

// A client that asks what became of its request lives. So one that does nothing but wait keeps its place.
void RequestDesk::take(Now now, const AppliedState& state, Asker asker, const wire::Wait& wait) {
  keep_alives_.add_sign_of_life(now.time, wait.session);
  if (is_full_of_polls()) return reply_busy(state, asker);
  const Time ends = now.time + std::chrono::milliseconds(wait.up_to_ms);
  waits_.add({asker, wait, ends}, now.time + options_.request_lifetime);
}

void RequestDesk::take(Now now, const AppliedState& state, Asker asker, const wire::WatchRequest& watch) {
  if (is_full_of_polls()) return reply_busy(state, asker);
  const Time ends = now.time + std::chrono::milliseconds(watch.up_to_ms);
  watches_.add({asker, watch, ends}, now.time + options_.request_lifetime);
}

void RequestDesk::take_command(Now now, const AppliedState& state, Asker asker, const locks::Command& command) {
  if (!pending_.add(now.time, locks::key_of(command), wire::encode(command), asker)) reply_busy(state, asker);
}

void RequestDesk::take_read(Now now, Asker asker, wire::ReadRequest what) {
  const bool is_linearizable = wire::mode_of(what) == wire::ReadMode::kLinearizable;
  const LogIndex at_least = wire::at_least_of(what);
  Read read{asker, std::move(what), now.time + options_.request_lifetime};
  if (is_linearizable) return reads_.wait_for_barrier(std::move(read));
  reads_.wait_for_index(at_least, std::move(read));  // answered in this step if that is applied
}

// ---- What happened

void RequestDesk::applied(const AppliedState& state, const AppliedEntry& entry,
                          const std::vector<locks::SettledWaiter>& settled, std::vector<locks::LockChange> changes) {
  if (entry.outcome) {
    for (const Asker& asker : pending_.complete(entry.outcome->key))
      reply(state, asker, body_of(entry.outcome->result));
  }
  for (const locks::SettledWaiter& waiter : settled) {
    for (const WaitPoll& wait : waits_.settle(waiter.id)) answer(state, wait);
  }
  watches_.record(std::move(changes));
}

// Commands are handed on once more, and answered from their sessions' tables. A watcher starts from the full state.
// What waits in line is looked at.
void RequestDesk::state_replaced(Now now, const AppliedState& state) {
  watches_.restart(state.applied);
  for (WaitPoll& wait : waits_.take_held()) answer_or_hold(now, state, std::move(wait));
}

void RequestDesk::leader_changed(const AppliedState& state, bool is_known) {
  reads_.leader_changed();
  for (const Asker asker : keep_alives_.leader_changed()) reply_error(state, asker, ErrorCode::kUnavailable);
  if (is_known) pending_.hand_on_again();
}

void RequestDesk::barrier_answered(const raft::BarrierAnswer& answer) {
  reads_.barrier_answered(answer.number, answer.index);
  keep_alives_.barrier_answered(answer.number, answer.index, answer.renewals);
}

// ---- What is to go to the leader

// Of a request that an earlier leader may have, "this copy was not taken" might not be true. That one waits on, for its
// entry, for room, or for its time.
void RequestDesk::no_room_for(const AppliedState& state, const PendingRequests::Due& command) {
  if (command.handed_on_before) {
    pending_.was_refused(command.key);
  } else {
    for (const Asker& asker : pending_.complete(command.key)) reply_error(state, asker, ErrorCode::kBusy);
  }
}

void RequestDesk::barrier_sent(Time now, CallNumber number) {
  reads_.barrier_sent(now, number);
  keep_alives_.barrier_sent(now, number);
}

// ---- What goes back to clients

void RequestDesk::answer_ready(Now now, const AppliedState& state) {
  for (const Read& read : reads_.take_ready(state.applied)) {
    reply(state, read.asker, answer_read(read.what, state.machine, reads_.age(now.time)));
  }
  for (const KeepAlives::Answered& renewal : keep_alives_.take_answered(state.applied)) answer_renewal(state, renewal);
  for (WaitPoll& wait : waits_.take_ready(state.applied)) answer_or_hold(now, state, std::move(wait));
  for (WatchPoll& watch : watches_.take_ready(state.applied)) answer_or_hold(now, state, std::move(watch));
}

// A session may have ended since the leader renewed it.
void RequestDesk::answer_renewal(const AppliedState& state, const KeepAlives::Answered& renewal) {
  const locks::Session* session = state.machine.sessions().find(renewal.session);
  if (renewal.verdict == raft::Renewal::kUnknown) {
    reply_error(state, renewal.asker, ErrorCode::kUnavailable, "the session's lease was running out");
  } else if (session == nullptr) {
    reply_error(state, renewal.asker, state.machine.why_ended(renewal.session));
  } else if (renewal.verdict == raft::Renewal::kRenewed) {
    reply(state, renewal.asker, wire::KeptAlive{session->forced_at});
  } else {
    reply_error(state, renewal.asker, ErrorCode::kUnavailable, "the leader did not know the session");
  }
}

void RequestDesk::answer_or_hold(Now now, const AppliedState& state, WaitPoll wait) {
  const auto waiter = state.machine.waiter_state(wait.what.session, wait.what.waiter);
  const bool stands_in_line = waiter && std::holds_alternative<locks::Queued>(*waiter);
  if (stands_in_line && now.time < wait.ends) {
    waits_.hold(std::move(wait));
  } else {
    answer(state, wait);
  }
}

void RequestDesk::answer(const AppliedState& state, const WaitPoll& wait) {
  if (const auto waiter = state.machine.waiter_state(wait.what.session, wait.what.waiter)) {
    std::visit([&](const auto& what) { reply(state, wait.asker, what); }, *waiter);
  } else if (state.machine.sessions().find(wait.what.session) == nullptr) {
    reply_error(state, wait.asker, state.machine.why_ended(wait.what.session));
  } else {
    reply_error(state, wait.asker, ErrorCode::kWaiterGone);
  }
}

void RequestDesk::answer_or_hold(Now now, const AppliedState& state, WatchPoll watch) {
  if (auto answer = watches_.answer(watch.what, state.machine, state.applied)) {
    reply(state, watch.asker, *std::move(answer));
  } else if (now.time < watch.ends) {
    watches_.hold(std::move(watch));
  } else {
    answer_without_change(state, watch);
  }
}

void RequestDesk::answer_without_change(const AppliedState& state, const WatchPoll& watch) {
  wire::WatchAnswer answer;
  answer.index = state.applied;
  reply(state, watch.asker, std::move(answer));
}

// A command that was never handed to a leader certainly did not run from this copy. Of one that was, nobody here knows.
// A long poll that was looked at is answered as things stand.
void RequestDesk::time_out(Now now, const AppliedState& state) {
  const auto answer_all = [&](const std::vector<TimedOut>& timed_out) {
    for (const TimedOut& late : timed_out) reply_error(state, late.asker, late.code);
  };
  answer_all(pending_.take_timed_out(now.time));
  answer_all(keep_alives_.take_timed_out(now.time));
  answer_all(reads_.take_timed_out(now.time));
  answer_all(waits_.take_timed_out(now.time));
  answer_all(watches_.take_timed_out(now.time));
  for (const WaitPoll& wait : waits_.take_ended(now.time)) answer(state, wait);
  for (const WatchPoll& watch : watches_.take_ended(now.time)) answer_without_change(state, watch);
}

Time RequestDesk::next_deadline() const {
  return std::min({pending_.next_deadline(), keep_alives_.next_deadline(), reads_.next_deadline(),
                   waits_.next_deadline(), watches_.next_deadline()});
}

std::size_t RequestDesk::size() const {
  return pending_.size() + reads_.size() + keep_alives_.size() + waits_.size() + watches_.size();
}

std::vector<std::string_view> RequestDesk::what_is_left() const {
  std::vector<std::string_view> left;
  if (!pending_.is_idle()) left.emplace_back("commands");
  if (!reads_.is_idle()) left.emplace_back("reads");
  if (!keep_alives_.is_idle()) left.emplace_back("renewals");
  if (!waits_.is_idle()) left.emplace_back("waits");
  if (!watches_.is_idle()) left.emplace_back("watches");
  if (!replies_.empty()) left.emplace_back("replies");
  return left;
}

std::vector<ClientReply> RequestDesk::take_replies() { return std::exchange(replies_, {}); }

void RequestDesk::reply_busy(const AppliedState& state, Asker asker) {
  reply_error(state, asker, ErrorCode::kBusy, "this node is at its limit of unfinished requests");
}

void RequestDesk::reply(const AppliedState& state, Asker asker, wire::ResponseBody body) {
  replies_.push_back({asker.connection, {asker.call, state.applied, std::move(body)}});
}

void RequestDesk::reply_error(const AppliedState& state, Asker asker, ErrorCode code, std::string detail) {
  reply(state, asker, wire::ErrorAnswer{code, std::move(detail), SessionId()});
}

void RequestDesk::check_invariants() const {
  pending_.check_invariants();
  reads_.check_invariants();
  keep_alives_.check_invariants();
  waits_.check_invariants();
  watches_.check_invariants();
  INVARIANT(keep_alives_.size() <= options_.bounds.max_polls, "renewals under way are bounded");
}

}  // namespace lockstep
