// What every role does in the same way: enter a term, change the log, speak.

#include "protocol/raft/node_state.hpp"

#include <algorithm>
#include <utility>

#include "protocol/base/invariant.hpp"
#include "protocol/raft/quorum.hpp"

namespace lockstep::raft {
namespace {

const Configuration& configuration_of(const Restored& restored) {
  if (restored.snapshot) return restored.snapshot->head.configuration;
  INVARIANT(!restored.entries.empty() && !restored.base.index, "raft starts only once entry 1 is durable");
  const auto* configuration = std::get_if<Configuration>(&restored.entries.front().body);
  INVARIANT(configuration != nullptr, "entry 1 is the configuration");
  return *configuration;
}

WallTime time_of_entry_1(const Restored& restored) {
  return restored.snapshot ? restored.snapshot->head.formed : restored.entries.front().time;
}

}  // namespace

NodeState::NodeState(const Options& with, const Restored& restored, WriteId last_write)
    : options(with),
      random(with.seed),
      self(restored.node),
      configuration(configuration_of(restored)),
      formed_at(time_of_entry_1(restored)),
      log(restored),
      outbox(restored.hard_state, last_write) {
  INVARIANT(configuration.find(self) != nullptr, "entry 1 names this node");
  if (restored.snapshot) snapshots.add(restored.snapshot->head);
  // Within one write the entries become durable first, so a crash can leave the term of the last one above
  // the stored term. This node was silent in that term, so it voted for nobody; the term is stored before
  // it speaks (R1).
  if (term() < log.entries().last_term()) enter_term(log.entries().last_term());
  // Answers to what an earlier incarnation asked must not be taken for answers to this one.
  last_call = CallNumber(random.next() >> 16);
}

// --- term and vote ---

void NodeState::enter_term(Term term, NodeId vote) {
  outbox.enter_term(term, vote);
  log.begin_term();
}

// What was damaged is on the disk again and proved to be the leader's. From the moment that fact is
// durable this node votes and acks as any other.
bool NodeState::finish_repair_if_reached() {
  const LogIndex repair_until = outbox.hard_state().repair_until;
  if (!is_repairing() || log.match_index() < repair_until) return false;
  notice("repaired: the log is whole again up to index " + std::to_string(repair_until.value()));
  outbox.end_repair();
  return true;
}

// --- the log ---

void NodeState::append(Entry entry) {
  log.append(std::move(entry));
  outbox.stage_entries_from(log.entries().last_index());
}

void NodeState::accept(const Append& append) {
  if (const auto first_changed = log.accept(append)) outbox.stage_entries_from(*first_changed);
}

// "keep two; keep the log back to the older one" (S3): so a follower that is a little late still gets entries.
void NodeState::keep_snapshot(const SnapshotHead& head) {
  snapshots.add(head);
  const LogIndex older = snapshots.older();
  if (log.entries().contains(older)) log.drop_through(older);
}

// --- leaders ---

void NodeState::restart_election_timer(Time now) {
  election_deadline = now + random.between(options.timing.election_timeout_min, options.timing.election_timeout_max);
}

void NodeState::heard_leader(Time now) {
  leader_heard = now;
  restart_election_timer(now);
}

bool NodeState::heard_leader_recently(Time now) const {
  return leader_heard && now - *leader_heard < options.timing.election_timeout_min;
}

// --- what goes out ---

CallNumber NodeState::next_call() {
  last_call = last_call.next();
  return last_call;
}

Message NodeState::message(NodeId to, MessageBody body) const {
  return {configuration.cluster, term(), self, to, std::move(body)};
}

void NodeState::send(NodeId to, MessageBody body) { outbox.add({ToMember{name_of(to)}, message(to, std::move(body))}); }

void NodeState::send_to_others(const MessageBody& body) {
  for (const Member& member : configuration.voters) {
    if (member.id != self) send(member.id, body);
  }
}

void NodeState::answer(ConnectionId connection, NodeId to, MessageBody body) {
  outbox.add({ToConnection{connection}, message(to, std::move(body))});
}

void NodeState::publish(Append append) { outbox.add({Publish{}, message(NodeId(), std::move(append))}); }

void NodeState::notice(std::string text, Notice::Level level) {
  consequences.notices.push_back({level, std::move(text)});
}

std::string NodeState::name_of(NodeId id) const {
  const Member* member = configuration.find(id);
  return member != nullptr ? member->name : "?";
}

std::size_t NodeState::quorum() const { return quorum_of(configuration.voters.size()); }

}  // namespace lockstep::raft
