// The requests of clients: what is answered at once, what waits, and what becomes a command.

#include <sodium/crypto_hash_sha256.h>

#include "protocol/replica/age.hpp"
#include "protocol/replica/replica.hpp"
#include "protocol/wire/codec.hpp"

namespace lockstep {
namespace {

locks::SecretHash hash_of(const wire::Secret& secret) {
  locks::SecretHash hash;
  static_assert(std::tuple_size_v<locks::SecretHash> == crypto_hash_sha256_BYTES);
  crypto_hash_sha256(hash.data(), secret.data(), secret.size());
  return hash;
}

}  // namespace

void Replica::on(Now now, const ClientRequest& event) {
  const Asker asker{event.connection, event.request.call};
  const bool needs_cluster = !std::holds_alternative<wire::Status>(event.request.body);
  if (!raft_ && needs_cluster) {
    reply_error(asker, ErrorCode::kNoLeader, "the cluster has not formed yet: not all initial members are up");
    return;
  }
  std::visit([&](const auto& body) { on_request(now, asker, body); }, event.request.body);
}

// The secret goes no further than this node: the log has its hash (L1).
void Replica::on_request(Now now, Asker asker, const wire::OpenSession& open) {
  if (open.ttl_ms != 0 && (open.ttl_ms < wire::kMinTtlMs || open.ttl_ms > wire::kMaxTtlMs)) {
    reply_error(asker, ErrorCode::kInvalidTtl);
    return;
  }
  take_command(now, asker,
               locks::Open{open.client, hash_of(open.secret), open.nonce, open.ttl_ms, open.replaces, open.note});
}

void Replica::on_request(Now now, Asker asker, const locks::Execute& execute) { take_command(now, asker, execute); }

void Replica::on_request(Now now, Asker asker, const wire::Check& check) { take_read(now, asker, check); }

void Replica::on_request(Now now, Asker asker, const wire::List& list) { take_read(now, asker, list); }

void Replica::on_request(Now now, Asker asker, const wire::History& history) { take_read(now, asker, history); }

void Replica::on_request(Now now, Asker asker, const wire::Sessions& sessions) { take_read(now, asker, sessions); }

void Replica::on_request(Now now, Asker asker, const wire::KeepAlive& keep_alive) {
  if (!keep_alives_.add(now.time, asker, keep_alive.session)) reply_busy(asker);
}

// Whoever asks what became of its request lives: so a client that does nothing but wait keeps its place.
void Replica::on_request(Now now, Asker asker, const wire::Wait& wait) {
  keep_alives_.add_sign_of_life(now.time, wait.session);
  if (is_full_of_polls()) return reply_busy(asker);
  waits_.add({asker, wait, end_of_poll(now, wait.up_to_ms)}, now.time + options_.request_lifetime);
}

void Replica::on_request(Now now, Asker asker, const wire::Watch& watch) {
  if (is_full_of_polls()) return reply_busy(asker);
  watches_.add({asker, watch, end_of_poll(now, watch.up_to_ms)}, now.time + options_.request_lifetime);
}

void Replica::on_request(Now now, Asker asker, const wire::Status&) { reply(asker, status(now.time)); }

void Replica::take_command(Now now, Asker asker, const locks::Command& command) {
  if (!pending_.add(now.time, locks::key_of(command), wire::encode(command), asker)) reply_busy(asker);
}

template <typename What>
void Replica::take_read(Now now, Asker asker, const What& what) {
  Read read{asker, what, now.time + options_.request_lifetime};
  if constexpr (requires { what.mode; }) {
    if (what.mode == wire::ReadMode::kLinearizable) return reads_.wait_for_barrier(std::move(read));
  }
  reads_.wait_for_index(what.at_least, std::move(read));  // answered in this step if that is applied
}

bool Replica::is_full_of_polls() const { return waits_.size() + watches_.size() >= options_.max_polls; }

Time Replica::end_of_poll(Now now, std::uint32_t up_to_ms) {
  return now.time + std::chrono::milliseconds(std::min(up_to_ms, wire::kMaxPollMs));
}

// "After a start: no answer until applied reaches a commit index heard from a live leader", else a node
// that was away for a day would answer with yesterday's owners.
bool Replica::may_answer_reads() const {
  const auto heard = raft_->first_commit_heard();
  return heard && applied_ >= *heard;
}

// Whatever can be answered as far as entries are applied now.
void Replica::answer_clients(Now now) {
  if (!may_answer_reads()) return;
  for (const Read& read : reads_.take_ready(applied_)) answer_read(now, read);
  for (const KeepAlives::Answered& renewal : keep_alives_.take_answered(applied_)) answer_renewal(renewal);
  for (WaitPoll& wait : waits_.take_ready(applied_)) answer_or_hold(now, std::move(wait));
  for (WatchPoll& watch : watches_.take_ready(applied_)) answer_or_hold(now, std::move(watch));
}

void Replica::answer_read(Now now, const Read& read) {
  std::visit([&](const auto& what) { reply(read.asker, answer_to(now, what)); }, read.what);
}

wire::ResponseBody Replica::answer_to(Now now, const wire::Check& check) const {
  return wire::CheckAnswer{state_.check(check.name), in_ms(reads_.age(now.time))};
}

wire::ResponseBody Replica::answer_to(Now now, const wire::List& list) const {
  auto page = state_.list(list.prefix, list.after, std::min<std::size_t>(list.limit, wire::kMaxListPage));
  return wire::ListAnswer{std::move(page.items), page.more, in_ms(reads_.age(now.time))};
}

wire::ResponseBody Replica::answer_to(Now, const wire::History& history) const {
  auto page = state_.history(history.name, history.after, std::min<std::size_t>(history.limit, wire::kMaxHistoryPage));
  return wire::HistoryAnswer{std::move(page.items), page.more};
}

wire::ResponseBody Replica::answer_to(Now, const wire::Sessions& sessions) const {
  auto page = state_.sessions(sessions.after, std::min<std::size_t>(sessions.limit, wire::kMaxSessionsPage));
  return wire::SessionsAnswer{std::move(page.items), page.more};
}

// A session may have ended since the leader renewed it.
void Replica::answer_renewal(const KeepAlives::Answered& renewal) {
  const locks::Session* session = state_.sessions().find(renewal.session);
  if (renewal.verdict == raft::Renewal::kUnknown) {
    reply_error(renewal.asker, ErrorCode::kUnavailable, "the session's lease was running out");
  } else if (session == nullptr) {
    reply_error(renewal.asker, state_.why_ended(renewal.session));
  } else if (renewal.verdict == raft::Renewal::kRenewed) {
    reply(renewal.asker, wire::KeptAlive{session->forced_at});
  } else {
    reply_error(renewal.asker, ErrorCode::kUnavailable, "the leader did not know the session");
  }
}

// --- long polls ---

void Replica::answer_or_hold(Now now, WaitPoll wait) {
  const auto state = state_.waiter_state(wait.what.session, wait.what.waiter);
  const bool stands_in_line = state && std::holds_alternative<locks::Queued>(*state);
  if (stands_in_line && now.time < wait.ends) {
    waits_.hold(std::move(wait));
  } else {
    answer(wait);
  }
}

void Replica::answer(const WaitPoll& wait) {
  if (const auto state = state_.waiter_state(wait.what.session, wait.what.waiter)) {
    std::visit([&](const auto& what) { reply(wait.asker, what); }, *state);
  } else if (state_.sessions().find(wait.what.session) == nullptr) {
    reply_error(wait.asker, state_.why_ended(wait.what.session));
  } else {
    reply_error(wait.asker, ErrorCode::kWaiterGone);
  }
}

void Replica::answer_or_hold(Now now, WatchPoll watch) {
  if (auto answer = watches_.answer(watch.what, state_, applied_)) {
    reply(watch.asker, *std::move(answer));
  } else if (now.time < watch.ends) {
    watches_.hold(std::move(watch));
  } else {
    answer_without_change(watch);
  }
}

void Replica::answer_without_change(const WatchPoll& watch) {
  wire::WatchAnswer answer;
  answer.index = applied_;
  reply(watch.asker, std::move(answer));
}

// --- time, and what goes out ---

// A command that was never handed to a leader certainly did not run from this copy; of one that was,
// nobody here knows. A long poll that was looked at is answered as things stand.
void Replica::expire_requests(Now now) {
  for (const PendingRequests::Expired& expired : pending_.expire(now.time)) {
    const ErrorCode code = expired.handed_on ? ErrorCode::kUnavailable : ErrorCode::kNoLeader;
    for (const Asker& asker : expired.askers) reply_error(asker, code);
  }
  for (const KeepAlives::Expired& expired : keep_alives_.take_expired(now.time)) {
    reply_error(expired.asker, expired.sent ? ErrorCode::kUnavailable : ErrorCode::kNoLeader);
  }
  for (const Read& read : reads_.take_expired(now.time)) reply_error(read.asker, ErrorCode::kUnavailable);
  for (const Asker asker : waits_.take_given_up(now.time)) reply_error(asker, ErrorCode::kUnavailable);
  for (const Asker asker : watches_.take_given_up(now.time)) reply_error(asker, ErrorCode::kUnavailable);
  for (const WaitPoll& wait : waits_.take_over(now.time)) answer(wait);
  for (const WatchPoll& watch : watches_.take_over(now.time)) answer_without_change(watch);
}

void Replica::reply_busy(Asker asker) {
  reply_error(asker, ErrorCode::kBusy, "this node holds as many unfinished requests as it may");
}

void Replica::reply(Asker asker, wire::ResponseBody body) {
  output_.replies.push_back({asker.connection, {asker.call, applied_, std::move(body)}});
}

void Replica::reply_error(Asker asker, ErrorCode code, std::string detail) {
  reply(asker, wire::Error{code, std::move(detail), SessionId()});
}

}  // namespace lockstep
