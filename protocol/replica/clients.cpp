// The requests of clients: what is answered at once, what waits, and what becomes a command.

#include <sodium/crypto_hash_sha256.h>

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

// An age is a bound, so it is rounded up: an answer never claims to be newer than it is.
std::optional<std::uint64_t> in_ms(std::optional<Duration> age) {
  if (!age) return std::nullopt;
  return static_cast<std::uint64_t>(std::chrono::ceil<std::chrono::milliseconds>(*age).count());
}

}  // namespace

template <typename Body>
void Replica::on_request(Now, Asker asker, const Body&) {
  reply_error(asker, ErrorCode::kBadRequest, "this node does not answer requests of this kind yet");
}

void Replica::on(Now now, const ClientRequest& event) {
  const Asker asker{event.connection, event.request.call};
  std::visit([&](const auto& body) { on_request(now, asker, body); }, event.request.body);
}

// The secret goes no further than this node: the log has its hash (L1).
void Replica::on_request(Now now, Asker asker, const wire::OpenSession& open) {
  if (open.ttl_ms != 0) {
    reply_error(asker, ErrorCode::kInvalidTtl, "this version offers sessions of TTL 0 only");
    return;
  }
  take_command(now, asker, locks::Open{open.client, hash_of(open.secret), open.nonce, open.ttl_ms, open.replaces, open.note});
}

void Replica::on_request(Now now, Asker asker, const locks::Execute& execute) { take_command(now, asker, execute); }

void Replica::on_request(Now now, Asker asker, const wire::Check& check) { take_read(now, asker, check); }

void Replica::on_request(Now now, Asker asker, const wire::List& list) { take_read(now, asker, list); }

void Replica::on_request(Now now, Asker asker, const wire::Status&) { reply(asker, status(now.time)); }

void Replica::take_command(Now now, Asker asker, const locks::Command& command) {
  if (!raft_) {
    reply_error(asker, ErrorCode::kNoLeader, "the cluster has not formed yet: not all initial members are up");
  } else if (!pending_.add(now.time, locks::key_of(command), wire::encode(command), asker)) {
    reply_error(asker, ErrorCode::kBusy, "this node holds as many unfinished requests as it may");
  }
}

template <typename What>
void Replica::take_read(Now now, Asker asker, const What& what) {
  if (!raft_) {
    reply_error(asker, ErrorCode::kNoLeader, "the cluster has not formed yet: not all initial members are up");
    return;
  }
  Read read{asker, what, now.time + options_.request_lifetime};
  if (what.mode == wire::ReadMode::kLinearizable) {
    reads_.wait_for_barrier(std::move(read));
  } else {
    reads_.wait_for_index(what.at_least, std::move(read));  // answered in this step if that is applied
  }
}

// "After a start: no answer until applied reaches a commit index heard from a live leader", else a node
// that was away for a day would answer with yesterday's owners.
bool Replica::may_answer_reads() const {
  const auto heard = raft_->first_commit_heard();
  return heard && applied_ >= *heard;
}

void Replica::answer_ready_reads(Now now) {
  if (!may_answer_reads()) return;
  for (const Read& read : reads_.take_ready(applied_)) answer_read(now, read);
}

void Replica::answer_read(Now now, const Read& read) {
  const auto age_ms = in_ms(reads_.age(now.time));
  if (const auto* check = std::get_if<wire::Check>(&read.what)) {
    reply(read.asker, wire::CheckAnswer{state_.check(check->name), age_ms});
    return;
  }
  const auto& list = std::get<wire::List>(read.what);
  const std::size_t limit = std::min<std::size_t>(list.limit, wire::kMaxListPage);
  locks::Page<locks::LockView> page = state_.list(list.prefix, list.after, limit);
  reply(read.asker, wire::ListAnswer{std::move(page.items), page.more, age_ms});
}

// A command that was never handed to a leader certainly did not run from this copy; of one that was,
// nobody here knows. A read that found no leader is simply not answered.
void Replica::expire_requests(Now now) {
  for (const PendingRequests::Expired& expired : pending_.expire(now.time)) {
    const ErrorCode code = expired.handed_on ? ErrorCode::kUnavailable : ErrorCode::kNoLeader;
    for (const Asker& asker : expired.askers) reply_error(asker, code);
  }
  for (const Read& read : reads_.take_expired(now.time)) reply_error(read.asker, ErrorCode::kUnavailable);
}

void Replica::reply(Asker asker, wire::ResponseBody body) {
  output_.replies.push_back({asker.connection, {asker.call, applied_, std::move(body)}});
}

void Replica::reply_error(Asker asker, ErrorCode code, std::string detail) {
  reply(asker, wire::Error{code, std::move(detail), SessionId()});
}

wire::StatusAnswer Replica::status(Time now) const {
  wire::StatusAnswer status;
  status.name = options_.name;
  status.node = self_;
  status.applied_index = applied_;
  status.state_hash = state_.hash();
  status.locks = state_.lock_count();
  status.sessions = state_.session_count();
  status.pending = pending_.size() + reads_.size();
  status.rejected_frames = rejected_frames_;
  status.age_ms = in_ms(reads_.age(now));
  status.pid = options_.pid;
  status.version = options_.version;
  for (const InitialMember& member : options_.initial_members) {
    const raft::Member* known = raft_ ? raft_->configuration().find(member.name) : nullptr;
    status.members.push_back({member.name, member.client_endpoint, known != nullptr ? known->id : NodeId()});
  }
  if (!raft_) return status;

  status.cluster = raft_->configuration().cluster;
  status.role = raft_->is_leader()          ? wire::Role::kLeader
                : raft_->is_candidate()     ? wire::Role::kCandidate
                : raft_->is_pre_candidate() ? wire::Role::kPreCandidate
                                            : wire::Role::kFollower;
  status.term = raft_->term();
  if (const raft::Member* leader = raft_->configuration().find(raft_->leader())) status.leader = leader->name;
  status.last_index = raft_->log().last_index();
  status.commit_index = raft_->commit_index();
  status.durable_index = raft_->durable_index();
  return status;
}

}  // namespace lockstep
