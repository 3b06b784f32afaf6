#include "tests/explore/lease_node.hpp"

#include <algorithm>
#include <utility>

#include "protocol/wire/codec.hpp"
#include "tests/explore/replica_inside.hpp"
#include "tests/explore/violation.hpp"
#include "tests/support/output_of_turn.hpp"

namespace lockstep::explore {
namespace {

constexpr Duration kNever = std::chrono::hours(1000);  // for timeouts that the model has no use for
constexpr Time kStart = Time{} + std::chrono::hours(1);
constexpr Duration kLongSilence = 3 * kLeaseTick;  // of a quorum: then no time counts any more
constexpr ConnectionId kClientsConnection(100);

ReplicaOptions options_of(NodeId self) {
  ReplicaOptions options;
  options.name = letter(node_of(self));
  for (std::size_t node = 0; node < kNodes; ++node) options.initial_members.push_back({letter(node), {}});
  options.timing = {kLeaseTick, Duration::zero(), kNever};  // R9 protects nobody
  options.request_lifetime = options.barrier_interval = options.hello_interval = 100 * kNever;
  return options;
}

raft::Restored formed(NodeId self) {
  raft::Configuration configuration{kCluster, {}, wire::encode(locks::StateLimits{})};
  for (std::size_t node = 0; node < kNodes; ++node) configuration.voters.push_back({id_of(node), letter(node)});
  raft::Restored restored;
  restored.node = self;
  restored.hard_state = {kCluster, Term(1), NodeId(), LogIndex()};
  restored.entries = {{Term(1), WallTime{}, std::move(configuration)}};
  return restored;
}

std::uint64_t count(Duration duration) { return static_cast<std::uint64_t>(duration.count()); }

}  // namespace

// --- a node ---

LeaseNode::LeaseNode(NodeId self, Duration ttl)
    : ttl_(ttl), clock_(kStart), replica_(options_of(self), formed(self), Now{kStart, WallTime{}}) {
  take_output();
}

void LeaseNode::tick(bool peers_read_empty) {
  count_tick(peers_read_empty);
  step(Tick{peers_read_empty});
}

void LeaseNode::open(const wire::OpenSession& open) { step(ClientRequest{kClientsConnection, {CallNumber(), open}}); }

void LeaseNode::keep_alive(CallNumber renewal, SessionId session) {
  step(ClientRequest{kClientsConnection, {renewal, wire::KeepAlive{session}}});
}

void LeaseNode::receive(raft::Message message) {
  if (auto* answer = std::get_if<raft::BarrierAnswer>(&message.body)) {
    answer->number = Inside::number_of_barrier(replica_, answer->number);
  }
  if (raft().is_leader() && message.term == raft().term()) {
    if (std::holds_alternative<raft::Ack>(message.body)) heard_ = clock_;
    if (std::holds_alternative<raft::Barrier>(message.body)) silent_ = Duration::zero();
  }
  step(PeerMessage{ConnectionId(message.from.value()), std::move(message)});
}

// Only the tick is at a moment that has not come: whoever leads by what follows does so from now.
void LeaseNode::campaign() {
  step(clock_ + 2 * kNever, Tick{});
  require(raft().is_pre_candidate(), "a follower's timeout passed, and it does not ask for votes");
  for (const raft::Message& request : std::exchange(spoken_.directed, {})) {
    const auto& asked = std::get<raft::VoteRequest>(request.body);
    if (!raft().is_pre_candidate()) break;
    step(PeerMessage{ConnectionId(request.to.value()),
                     {kCluster, raft().term(), request.to, request.from,
                      raft::Vote{.number = asked.number, .pre_vote = true, .granted = true, .leader = {}}}});
  }
}

void LeaseNode::step(Time time, const Event& event) {
  const LogIndex last = raft().log().last_index();
  const Term led = raft().is_leader() ? raft().term() : Term();
  const bool was_full = raft().leads_with_full_state();
  replica_.step({time, WallTime{}}, event);
  if (!was_full || led != raft().term()) begin_to_lead(led);
  check_expire(last);
  replica_.check_invariants();
  const bool renewal_waited = Inside::renewals_waiting(replica_) > 0;
  take_output();
  if (!was_full || led != raft().term()) begin_to_lead(led);
  // A leader's own barrier has left, with what waited for it.
  if (renewal_waited && Inside::renewals_waiting(replica_) == 0) silent_ = Duration::zero();
  replica_.check_invariants();
}

// Or not yet, or not any more.
void LeaseNode::begin_to_lead(Term led) {
  last_tick_ = clock_;
  silent_ = Duration::zero();
  if (!raft().is_leader() || led != raft().term()) heard_ = clock_;
}

// L5: "each tick adds at most two ticks, only while a quorum answers, and only if the peer socket was read empty".
void LeaseNode::count_tick(bool peers_read_empty) {
  const Duration elapsed = clock_ - last_tick_;
  if (!raft().is_leader() || elapsed < kLeaseTick) return;
  last_tick_ = clock_;
  if (!peers_read_empty || clock_ - heard_ > 2 * kLeaseTick) return;
  silent_ = std::min(silent_ + std::min(elapsed, 2 * kLeaseTick), ttl_ + 2 * kLeaseTick);
}

void LeaseNode::check_expire(LogIndex last) {
  if (!raft().is_leader()) return;
  const raft::Log& log = raft().log();
  for (LogIndex index = last.next(); index <= log.last_index(); index = index.next()) {
    const auto* command = std::get_if<raft::Command>(&log.at(index).body);
    if (command == nullptr || log.term_at(index) != raft().term()) continue;
    const auto decoded = wire::decode_command(command->bytes);
    if (!decoded || !std::holds_alternative<locks::Expire>(*decoded)) continue;
    spoken_.expires = true;
    require(raft().leads_with_full_state(), "R6: a leader without its full state appended an Expire");
    require(silent_ >= ttl_, "L2, L5, L6: a session was not given its TTL of its leader's healthy time");
  }
  const bool lives = replica_.state().session_count() > 0;
  const bool must_end = raft().leads_with_full_state() && lives && silent_ >= ttl_ + 2 * kLeaseTick;
  require(!must_end || has_expire(log.last_index()), "L4: a session whose client is silent does not end");
}

// Any command after the Open, which is the first.
bool LeaseNode::has_expire(LogIndex up_to) const {
  bool opened = false;
  for (LogIndex index(1); index <= up_to; index = index.next()) {
    if (!std::holds_alternative<raft::Command>(raft().log().at(index).body)) continue;
    if (std::exchange(opened, true)) return true;
  }
  return false;
}

SessionId LeaseNode::session() const {
  const auto sessions = replica_.state().sessions().in_order();
  return sessions.empty() ? SessionId() : *sessions.begin();
}

void LeaseNode::take_output() {
  for (bool has_more = true; has_more;) {
    Output output = testing::output_of_turn(replica_);
    has_more = !output.writes.empty();
    for (raft::Outgoing& outgoing : output.messages) note(std::move(outgoing));
    for (const ClientReply& reply : output.replies) {
      const wire::ResponseBody& body = reply.response.body;
      if (const auto* opened = std::get_if<locks::SessionOpened>(&body)) spoken_.opened = *opened;
      if (std::holds_alternative<wire::KeptAlive>(body)) spoken_.verdicts.push_back({reply.response.call, true});
      const auto* error = std::get_if<wire::ErrorAnswer>(&body);
      if (error != nullptr && error->code == ErrorCode::kSessionExpired) {
        spoken_.verdicts.push_back({reply.response.call, false});
      }
    }
    for (const raft::Write& write : output.writes) replica_.step({clock_, WallTime{}}, raft::Persisted{write.id});
  }
}

void LeaseNode::note(raft::Outgoing outgoing) {
  raft::Message& message = outgoing.message;
  if (std::holds_alternative<raft::Publish>(outgoing.to)) {
    spoken_.published.push_back(std::move(message));
    return;
  }
  if (auto* barrier = std::get_if<raft::Barrier>(&message.body)) {
    barrier->number = Inside::name_of_barrier(replica_, barrier->number);
    if (!barrier->number) return;
  }
  if (const auto* answer = std::get_if<raft::BarrierAnswer>(&message.body)) {
    const bool renewed = std::count(answer->renewals.begin(), answer->renewals.end(), raft::Renewal::kRenewed) > 0;
    require(!renewed || !has_expire(raft().log().last_index()), "L4: a renewal is acknowledged after the Expire");
  }
  spoken_.directed.push_back(std::move(message));
}

Spoken LeaseNode::take_spoken() {
  for (const Verdict& verdict : spoken_.verdicts) {
    const bool by_leader = verdict.renewed && raft().leads_with_full_state();
    require(!by_leader || !has_expire(raft().log().last_index()), "L4: a renewal is acknowledged after the Expire");
  }
  return std::exchange(spoken_, {});
}

Duration LeaseNode::lately(Time then) const { return std::min(clock_ - then, ttl_ + 2 * kLeaseTick); }

void LeaseNode::project(Projection& out) const {
  Inside::project(replica_, clock_, kLongSilence, ttl_ + 2 * kLeaseTick, out);
  if (!raft().is_leader()) return;
  out.add(count(silent_)).add(count(lately(last_tick_))).add(count(std::min(clock_ - heard_, kLongSilence)));
}

// --- the client ---

LeaseClient::LeaseClient(Duration ttl, std::uint64_t renewals)
    : ttl_(ttl), renewals_(renewals), clock_(kStart), core_([&] {
        ClientOptions options;
        options.client.bytes[0] = 1;
        options.nonce = 1;
        options.ttl = ttl;
        options.attempt_timeout = options.call_timeout = kNever;
        return options;
      }()) {
  core_.take_over(clock_);  // which opens a session and holds nothing
  take_output();
}

void LeaseClient::tick() { step(ClientTick{}); }

void LeaseClient::opened(const locks::SessionOpened& answer) {
  step(ServerMessage{0, {open_call_, LogIndex(answer.session.value()), answer}});
}

void LeaseClient::answered(const Verdict& verdict) {
  const Sent& sent = sent_.at(verdict.renewal.value() - 1);
  const bool was_safe = is_safe();
  const LogIndex applied = core_.session().id() ? LogIndex(core_.session().id().value()) : LogIndex();
  if (verdict.renewed) {
    step(ServerMessage{0, {sent.call, applied, wire::KeptAlive{}}});
    answered_ = std::max<std::size_t>(answered_, verdict.renewal.value());
  } else {
    require(!was_safe, "a session ended whose client relied on it");
    step(ServerMessage{0, {sent.call, applied, wire::ErrorAnswer{ErrorCode::kSessionExpired, {}, SessionId()}}});
  }
}

bool LeaseClient::is_safe() const {
  const auto safe_until = core_.lease().safe_until;
  return safe_until && *safe_until > clock_;
}

void LeaseClient::step(const ClientEvent& event) {
  if (has_lost()) return;
  core_.step(clock_, event);
  core_.check_invariants();
  take_output();
}

// Whether it took anything over is answered at once: it did not.
void LeaseClient::take_output() {
  for (const ClientSend& send : core_.take_output().sends) {
    const CallNumber call = send.request.call;
    if (const auto* open = std::get_if<wire::OpenSession>(&send.request.body)) {
      open_ = *open;
      open_call_ = call;
    } else if (std::holds_alternative<wire::KeepAlive>(send.request.body)) {
      if (sent_.size() < renewals_) sent_.push_back({call, clock_});
    } else if (std::holds_alternative<wire::SessionsRequest>(send.request.body)) {
      step(ServerMessage{send.endpoint, {call, LogIndex(core_.session().id().value()), wire::SessionsAnswer{}}});
    }
  }
}

void LeaseClient::project(Projection& out) const {
  const auto until = [&](Time then) { return count(std::clamp(then - clock_, Duration::zero(), ttl_ * 2)); };
  const auto safe_until = core_.lease().safe_until;
  out.add(has_lost()).add(is_opening()).add(core_.session().id()).add(sent_.size());
  if (has_lost()) return;
  out.add(safe_until ? until(*safe_until) : 0).add(is_opening() ? count(std::min(clock_ - kStart, ttl_)) : 0);
  out.add(answered_);
  if (sent_.size() < renewals_) out.add(until(core_.next_deadline()));
  for (std::size_t i = answered_; i < sent_.size(); ++i) out.add(count(std::min(clock_ - sent_[i].at, ttl_)));
}

}  // namespace lockstep::explore
