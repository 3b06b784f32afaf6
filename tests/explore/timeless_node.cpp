#include "tests/explore/timeless_node.hpp"

#include <utility>

#include "tests/explore/raft_inside.hpp"
#include "tests/explore/violation.hpp"

namespace lockstep::explore {

raft::Configuration configuration() {
  raft::Configuration configuration;
  configuration.cluster = kCluster;
  for (std::size_t node = 0; node < kNodes; ++node) configuration.voters.push_back({id_of(node), letter(node)});
  return configuration;
}

std::string describe(const FactsOfAll& nodes) {
  std::string text;
  for (std::size_t node = 0; node < kNodes; ++node) {
    const Facts& now = *nodes[node];
    text += (node > 0 ? " | " : "") + letter(node) + ": term " + std::to_string(now.term) +
            (now.leads ? " leads" : "") + (now.is_candidate ? " candidate" : "") +
            (now.under_repair ? " under repair" : "") + ", log " + now.log.text() +
            (now.base ? " after " + std::to_string(now.base.value()) : "") + ", commit " + std::to_string(now.commit) +
            ", disk " + now.disk_log.text() + (now.writes != 0 ? " +" + std::to_string(now.writes) : "");
  }
  return text;
}

TimelessNode::TimelessNode(const raft::Options& options, const raft::Restored& restored)
    : raft_(options, restored, WriteId(), clock_) {}

raft::Options TimelessNode::options() {
  raft::Options options;
  options.timing = kTiming;
  return options;
}

void TimelessNode::start_again(const raft::Options& options, const raft::Restored& restored) {
  sent_.clear();
  vote_call_ = fetch_call_ = CallNumber();
  raft_ = raft::Raft(options, restored, WriteId(), clock_);
}

// --- inputs ---

void TimelessNode::campaign(LateDisk& disk) {
  let_time_pass();
  tick();
  hand_over_output(disk);
  if (!raft_.is_pre_candidate()) return;
  const NodeId other = id_of(raft_.self() == id_of(0) ? 1 : 0);
  receive({kCluster, raft_.term(), other, raft_.self(),
           raft::Vote{.number = vote_call_, .pre_vote = true, .granted = true, .leader = NodeId()}});
}

void TimelessNode::propose() { raft_.propose({clock_, WallTime{}}, "x"); }

void TimelessNode::receive(raft::Message message) {
  if (auto* vote = std::get_if<raft::Vote>(&message.body); vote && !vote->pre_vote) vote->number = vote_call_;
  if (std::holds_alternative<raft::VoteRequest>(message.body)) let_time_pass();
  const auto renumber = [&](CallNumber& fetch) {
    if (fetch) fetch = fetch == CallNumber(1) ? fetch_call_ : CallNumber(2);
  };
  if (auto* append = std::get_if<raft::Append>(&message.body)) renumber(append->fetch);
  if (auto* part = std::get_if<raft::SnapshotPart>(&message.body)) renumber(part->fetch);
  raft_.receive({clock_, WallTime{}}, ConnectionId(1), message);
}

// --- outputs ---

void TimelessNode::hand_over_output(LateDisk& disk) {
  raft::RaftOutput output = raft_.take_output(clock_);
  for (raft::Write& write : output.writes) disk.writes.push_back(std::move(write));
  for (raft::Outgoing& outgoing : output.messages) {
    const raft::Message& message = outgoing.message;
    check_sent(message, disk.hard_state);
    if (const auto* request = std::get_if<raft::VoteRequest>(&message.body)) vote_call_ = request->number;
    if (const auto* fetch = std::get_if<raft::Fetch>(&message.body)) fetch_call_ = fetch->number;
    sent_.push_back(std::move(outgoing.message));
  }
}

bool TimelessNode::is_fetch_sent() const {
  return fetch_call_ && raft::Inside::outstanding_fetch(raft_) == fetch_call_;
}

std::vector<raft::Message> TimelessNode::take_sent() { return std::exchange(sent_, {}); }

// R1 and S2, of the disk as it is.
void TimelessNode::check_sent(const raft::Message& message, const raft::HardState& on_disk) const {
  require(on_disk.term == message.term, "R1: a message left before its term was on the disk");
  const bool damaged = static_cast<bool>(on_disk.repair_until);
  if (const auto* request = std::get_if<raft::VoteRequest>(&message.body); request && !request->pre_vote) {
    require(on_disk.vote == message.from, "R1: a candidate asked before its own vote was on the disk");
    require(!damaged, "S2: a node under repair campaigned");
  } else if (const auto* vote = std::get_if<raft::Vote>(&message.body); vote && vote->granted && !vote->pre_vote) {
    require(on_disk.vote == message.to, "R1: a vote left before it was on the disk");
    require(!damaged, "S2: a node under repair voted");
  } else if (std::holds_alternative<raft::Ack>(message.body)) {
    require(!damaged, "S2: a node under repair acknowledged");
  }
}

// --- states ---

Facts TimelessNode::facts_of(const LateDisk& disk) const {
  Facts facts;
  facts.base = raft_.log().base().index;
  facts.term = narrow(raft_.term());
  facts.disk_term = narrow(disk.hard_state.term);
  facts.vote = narrow(raft_.vote().value());
  facts.commit = narrow(raft_.commit_index());
  facts.writes = narrow(disk.writes.size());
  facts.leads = raft_.is_leader();
  facts.is_candidate = raft_.is_candidate();
  facts.may_speak = raft_.may_speak();
  facts.is_fetching = raft::Inside::is_fetching(raft_);
  facts.under_repair = static_cast<bool>(disk.hard_state.repair_until);
  for (std::size_t other = 0; other < kNodes; ++other) {
    if (raft::Inside::has_granted(raft_, id_of(other))) facts.granted |= narrow(1U << other);
    facts.match[other] = narrow(raft::Inside::match_of(raft_, id_of(other)));
  }
  for (std::size_t done = 0; done < disk.writes.size(); ++done) {
    const raft::Write& write = disk.writes[done];
    if (!write.entries.empty() && write.hard_state) facts.half_writes.push_back(narrow(done));
  }
  return facts;
}

void check_vote_stays(const raft::HardState& before, const raft::HardState& now) {
  require(now.term >= before.term, "R1: a term fell");
  require(now.term != before.term || !before.vote || now.vote == before.vote, "R1: a vote changed within its term");
}

void TimelessNode::check_state(const LateDisk& disk, const Facts& facts) const {
  raft_.check_invariants();
  const std::uint64_t durable = raft_.durable_index().value();
  const std::uint64_t applied = raft_.applicable_index().value();
  require(raft_.commit_index() <= raft_.log().last_index(), "R4: an index is committed that the log does not hold");
  require(durable <= facts.disk_log.length(), "R3: an index counts as durable that is not on the disk");
  // While a snapshot is installed, what was committed before is durable, and in the snapshot too.
  require(facts.disk_log.starts_with(facts.log.prefix(durable)), "R3: what counts as durable is not what the disk has");
  require(facts.disk_log.starts_with(facts.log.prefix(applied)), "R4: an entry is applied that is not on the disk");
  raft::HardState hard = disk.hard_state;
  for (const raft::Write& write : disk.writes) {
    if (!write.hard_state) continue;
    check_vote_stays(hard, *write.hard_state);
    hard = *write.hard_state;
  }
  check_vote_stays(hard, raft::Inside::hard_state(raft_));
  require(!raft::Inside::is_untrue_vote_waiting(raft_), "R1: a vote is about to leave that is not the node's");
}

void TimelessNode::project_hard_state(const raft::HardState& hard, Projection& out) const {
  const raft::HardState& in_memory = raft::Inside::hard_state(raft_);
  out.add(hard.repair_until);
  if (out.disk_matters()) {
    out.add(hard.term).add(hard.vote);
  } else {
    out.add(hard.term == in_memory.term && hard.vote == in_memory.vote);
  }
}

void TimelessNode::project_writes(const LateDisk& disk, Projection& out) const {
  out.add(disk.writes.size());
  for (const raft::Write& write : disk.writes) {
    out.add(write.snapshot ? write.snapshot->head.index : LogIndex());
    out.add(write.first).add(write.entries.size());
    for (const raft::Entry& entry : write.entries) out.add(entry.term);
    out.add(write.hard_state.has_value());
    if (write.hard_state) project_hard_state(*write.hard_state, out);
  }
}

}  // namespace lockstep::explore
