#include "tests/explore/install_model.hpp"

#include <algorithm>
#include <bit>
#include <utility>

#include "tests/explore/inside.hpp"
#include "tests/explore/violation.hpp"

namespace lockstep::explore {
namespace {

using Kind = InstallModel::Kind;
using Event = InstallModel::Event;

constexpr ClusterId kCluster(1);

std::uint8_t narrow(std::uint64_t value) { return static_cast<std::uint8_t>(value); }
template <typename Tag>
std::uint8_t narrow(Ordinal<Tag> value) {
  return narrow(value.value());
}
std::string letter(std::size_t node) { return std::string(1, static_cast<char>('a' + node)); }

void add(const History& history, Fingerprinter& out) {
  out.add(history.size());
  for (const char term : history) out.add(static_cast<std::uint64_t>(term));
}

Event of_node(Kind kind, std::uint8_t node) { return {kind, node, 0, 0, 0, 0, 0, 0}; }

SnapshotDisk disk_with(const History& log, std::uint64_t base, const History& snapshot, NodeId vote) {
  SnapshotDisk disk;
  disk.hard_state = {kCluster, term_at(log, log.size()), vote, LogIndex()};
  disk.log = log;
  disk.base = LogIndex(base);
  if (!snapshot.empty()) disk.snapshots.push_back(snapshot_of(snapshot));
  return disk;
}

raft::SnapshotPart part_of(const History& log, std::uint64_t index, std::size_t part) {
  const raft::SharedSnapshot snapshot = snapshot_of(prefix_of(log, index));
  return {CallNumber(), snapshot->head, part * kPartBytes, snapshot->state.substr(part * kPartBytes, kPartBytes)};
}

raft::Append append_of(const Event& event, const History& log) {
  raft::Append append;
  append.previous_index = LogIndex(event.index);
  append.previous_term = term_at(log, event.index);
  for (std::uint64_t i = 1; i <= event.detail; ++i) {
    append.entries.push_back({term_at(log, event.index + i), WallTime{}, raft::Command{"x"}});
  }
  append.commit = LogIndex(event.commit);
  append.fetch = CallNumber(event.fetch);
  return append;
}

raft::Message message_of(const Event& event, const History& log) {
  raft::Message message{kCluster, Term(event.term), id_of(event.from), id_of(event.node), raft::NotLeader{}};
  switch (event.kind) {
    case Kind::kVoteRequest:
      message.body = raft::VoteRequest{CallNumber(1), false, LogIndex(event.index), Term(event.detail)};
      break;
    case Kind::kVote: message.body = raft::Vote{CallNumber(), false, true, NodeId()}; break;
    case Kind::kAppend: message.body = append_of(event, log); break;
    case Kind::kAck: message.body = raft::Ack{LogIndex(event.index), Round()}; break;
    case Kind::kPart: {
      raft::SnapshotPart part = part_of(log, event.index, event.detail);
      part.fetch = CallNumber(event.fetch);
      message.body = std::move(part);
      break;
    }
    default: break;
  }
  return message;
}

void happen_to(InstallNode& node, const Event& event, const History& log) {
  switch (event.kind) {
    case Kind::kPersist: return node.persist();
    case Kind::kCrash: return node.crash(event.index, static_cast<SnapshotDisk::Part>(event.detail));
    case Kind::kPropose: return node.propose();
    case Kind::kBeginCompaction: return node.begin_compaction();
    case Kind::kEndCompaction: return node.end_compaction();
    case Kind::kCampaign: return node.campaign();
    default: return node.receive(message_of(event, log));
  }
}

// What a leader says is no more than a model makes of its log, its commit index and its snapshots.
void check_said(const InstallNode& node, const raft::Message& message) {
  const History& log = node.history();
  if (const auto* append = std::get_if<raft::Append>(&message.body)) {
    require(node.raft().is_leader(), "an Append left a node that does not lead");
    require(append->commit <= node.raft().commit_index(),
            "R4: an Append names a commit index its leader does not have");
    require(append->previous_index + append->entries.size() <= last_of(log) &&
                append->previous_term == term_at(log, append->previous_index.value()),
            "an Append begins where the leader's log does not");
    std::uint64_t index = append->previous_index.value();
    for (const raft::Entry& entry : append->entries) {
      require(entry.term == term_at(log, ++index), "an Append carries an entry that its leader's log does not");
    }
  } else if (const auto* part = std::get_if<raft::SnapshotPart>(&message.body)) {
    raft::SnapshotPart own = part_of(log, part->head.index.value(), part->offset / kPartBytes);
    own.fetch = part->fetch;
    require(own == *part, "S3: a part is sent of a snapshot that is not of this log");
  }
}

}  // namespace

InstallModel::State InstallModel::initial() {
  State state;
  state.nodes[0] = intern(InstallNode(id_of(0), disk_with("1333", 2, "133", id_of(0))));
  state.nodes[1] = intern(InstallNode(id_of(1), disk_with("1333", 3, "1333", id_of(0))));
  state.nodes[2] = intern(InstallNode(id_of(2), disk_with("1222", 0, "", id_of(2))));
  Traffic traffic;
  traffic.committed = traffic.committed_in = "1333";
  campaign(state, traffic, {Kind::kCampaign, 0, 0, 1, 0, 0, 0, 0});
  require(facts(state, 0).leads, "a does not lead");
  happen(state, traffic, of_node(Kind::kPersist, 0));
  happen(state, traffic, {Kind::kAppend, 1, 4, 0, 4, 1, 4, 0});
  happen(state, traffic, of_node(Kind::kPersist, 1));
  happen(state, traffic, {Kind::kAppend, 1, 4, 0, 5, 0, 5, 0});
  require(facts(state, 1).commit == LogIndex(5), "b does not follow");
  state.traffic = intern(traffic);
  state.elections = narrow(bounds_.elections);
  state.crashes = narrow(bounds_.crashes);
  state.compactions = narrow(bounds_.compactions);
  return state;
}

// --- what can happen ---

std::vector<Event> InstallModel::events(const State& state) {
  std::vector<Event> events;
  for (std::uint8_t node = 0; node < kNodes; ++node) {
    events_of_node(state, node, events);
    speeches_to(state, node, events);
  }
  return events;
}

void InstallModel::events_of_node(const State& state, std::uint8_t node, std::vector<Event>& events) const {
  const Facts& own = facts(state, node);
  const bool has_room = own.log.size() < bounds_.entries;
  if (own.writes > 0) events.push_back(of_node(Kind::kPersist, node));
  if (own.is_compacting) events.push_back(of_node(Kind::kEndCompaction, node));
  if (own.may_compact && state.compactions > 0) events.push_back(of_node(Kind::kBeginCompaction, node));
  if (own.leads && has_room) events.push_back(of_node(Kind::kPropose, node));
  if (!own.leads && has_room && state.elections > 0) {
    for (std::uint8_t voter = 0; voter < kNodes; ++voter) {
      if (voter != node) events.push_back({Kind::kCampaign, node, 0, voter, 0, 0, 0, 0});
    }
  }
  for (std::uint8_t done = 0; state.crashes > 0 && done <= own.writes; ++done) {
    for (std::uint8_t part = 0; part < (done < own.writes ? 3 : 1); ++part) {
      events.push_back({Kind::kCrash, node, 0, 0, done, part, 0, 0});
    }
  }
}

void InstallModel::speeches_to(const State& state, std::uint8_t node, std::vector<Event>& events) {
  for (const auto& [term, speech] : traffics_[state.traffic].speeches) {
    if (speech.leader == id_of(node) || term < facts(state, node).term) continue;
    const std::vector<Event> heard = heard_from(state.nodes[node], node, term, speech);
    events.insert(events.end(), heard.begin(), heard.end());
  }
}

// One of each kind of message that does something else to the node.
std::vector<Event> InstallModel::heard_from(std::uint32_t node_state, std::uint8_t node, Term term,
                                            const Speech& speech) {
  Fingerprinter key;
  key.add(node_state).add(term.value()).add(speech.leader.value()).add(speech.first.value()).add(speech.commit.value());
  add(speech.log, key);
  for (const std::uint8_t snapshot : speech.snapshots) key.add(snapshot);
  const auto [place, is_new] = heard_.emplace(key.finish(), std::vector<Event>());
  std::vector<Event>& kept = place->second;
  if (!is_new) return kept;
  std::vector<std::uint32_t> reached{node_state};
  const auto keep_if_new = [&](const Event& event) {
    const Effect& result = effect(node_state, event, speech.log);
    const bool is_known = std::find(reached.begin(), reached.end(), result.next) != reached.end();
    if (result.violation.empty() && is_known) return;
    if (result.violation.empty()) reached.push_back(result.next);
    kept.push_back(event);
  };
  const std::uint8_t from = narrow(node_of(speech.leader));
  for (std::uint8_t fetch = 0; fetch <= 2; ++fetch) {
    if (fetch == 1 && !nodes_[node_state].facts.is_fetching) continue;
    for (std::uint8_t previous = narrow(speech.first); previous <= speech.log.size(); ++previous) {
      for (std::uint8_t count = 0; previous + count <= static_cast<int>(speech.log.size()); ++count) {
        if (fetch == 0 && count > 1) break;  // as each entry is published when it is appended
        for (std::uint8_t commit = 1; commit <= speech.commit.value(); ++commit) {
          keep_if_new({Kind::kAppend, node, narrow(term), from, previous, count, commit, fetch});
        }
      }
    }
    if (fetch == 0) continue;  // snapshots are not published
    for (const std::uint8_t snapshot : speech.snapshots) {
      for (std::uint8_t part = 0; part < 2; ++part) {
        keep_if_new({Kind::kPart, node, narrow(term), from, snapshot, part, 0, fetch});
      }
    }
  }
  return kept;
}

void InstallModel::successors(const State& state, std::vector<Successor<InstallModel>>& successors) {
  successors_by_steps(*this, state, events(state), successors);
}

// --- what becomes of it ---

InstallModel::State InstallModel::step(const State& state, const Event& event) {
  State next = state;
  Traffic traffic = traffics_[state.traffic];
  if (event.kind == Kind::kCrash) --next.crashes;
  if (event.kind == Kind::kBeginCompaction) --next.compactions;
  if (event.kind == Kind::kCampaign) {
    --next.elections;
    campaign(next, traffic, event);
  } else {
    happen(next, traffic, event);
  }
  // Nobody is in an older term, nor ever will be: what was said there concerns nobody.
  const Term lowest = std::min({facts(next, 0).term, facts(next, 1).term, facts(next, 2).term});
  std::erase_if(traffic.speeches, [&](const auto& speech) { return speech.first < lowest; });
  next.traffic = intern(traffic);
  check(state, next);
  return next;
}

const InstallModel::Effect& InstallModel::happen(State& state, Traffic& traffic, const Event& event) {
  const auto speech = traffic.speeches.find(Term(event.term));
  const Effect& result =
      effect(state.nodes[event.node], event, speech == traffic.speeches.end() ? History() : speech->second.log);
  if (!result.violation.empty()) throw Violation(result.violation);
  state.nodes[event.node] = result.next;
  note(traffic, event.node, result);
  for (const raft::Message& message : result.said) {
    const auto* ack = std::get_if<raft::Ack>(&message.body);
    const std::uint8_t to = narrow(node_of(message.to));
    if (ack == nullptr || !facts(state, to).leads || facts(state, to).term != message.term) continue;
    happen(state, traffic, {Kind::kAck, to, narrow(message.term), event.node, narrow(ack->match), 0, 0, 0});
  }
  return result;
}

void InstallModel::campaign(State& state, Traffic& traffic, const Event& event) {
  const Effect& asked = happen(state, traffic, of_node(Kind::kCampaign, event.node));
  for (const raft::Message& message : asked.said) {
    const auto* request = std::get_if<raft::VoteRequest>(&message.body);
    if (request == nullptr || request->pre_vote || message.to != id_of(event.from)) continue;
    const std::uint8_t term = narrow(message.term);
    const Effect& answered = happen(state, traffic,
                                    {Kind::kVoteRequest, event.from, term, event.node, narrow(request->last_index),
                                     narrow(request->last_term), 0, 0});
    for (const raft::Message& answer : answered.said) {
      const auto* vote = std::get_if<raft::Vote>(&answer.body);
      if (vote == nullptr || !vote->granted) continue;
      happen(state, traffic, {Kind::kVote, event.node, term, event.from, 0, 0, 0, 0});
    }
  }
}

void InstallModel::note(Traffic& traffic, std::size_t node, const Effect& effect) const {
  const Facts& now = nodes_[effect.next].facts;
  if (now.leads) {
    const auto [place, is_new] = traffic.speeches.emplace(now.term, Speech());
    Speech& own = place->second;
    require(is_new || own.leader == id_of(node), "a term has two leaders");
    require(now.log.starts_with(own.log), "a leader changed its own log");
    own.leader = id_of(node);
    own.log = now.log;
    own.first = is_new ? now.base : std::min(own.first, now.base);
    own.commit = now.commit;
    own.snapshots.insert(now.snapshots.begin(), now.snapshots.end());
  }
  for (const raft::Message& message : effect.said) {
    const auto* ack = std::get_if<raft::Ack>(&message.body);
    if (ack == nullptr) continue;
    require(traffic.speeches.at(message.term).log.starts_with(prefix_of(now.disk_log, ack->match.value())),
            "R3: an Ack names entries that are not the leader's");
  }
  const History counted = prefix_of(now.log, now.commit.value());
  require(counted.starts_with(traffic.committed) || traffic.committed.starts_with(counted),
          "two nodes count different entries as committed");
  while (traffic.committed.size() < counted.size()) {
    traffic.committed += counted[traffic.committed.size()];
    traffic.committed_in += digit_of(now.term);
  }
}

// Leader completeness (Raft section 5.4.3), and that a commit is on the disks of a quorum.
void InstallModel::check(const State& before, const State& state) const {
  const Traffic& traffic = traffics_[state.traffic];
  for (std::size_t node = 0; node < kNodes; ++node) {
    const Facts& leader = facts(state, node);
    if (!leader.leads) continue;
    for (std::size_t i = 0; i < traffic.committed.size(); ++i) {
      if (traffic.committed_in[i] >= digit_of(leader.term)) continue;
      require(i < leader.log.size() && leader.log[i] == traffic.committed[i],
              "a leader's log lacks an entry that was committed before its term");
    }
    if (leader.commit <= facts(before, node).commit) continue;
    const History committed = prefix_of(leader.log, leader.commit.value());
    std::size_t disks = 0;
    for (std::size_t i = 0; i < kNodes; ++i) disks += facts(state, i).disk_log.starts_with(committed) ? 1U : 0U;
    require(disks > kNodes / 2, "a leader committed what a quorum's disks do not have");
  }
}

// --- one node ---

std::uint32_t InstallModel::intern(InstallNode node) {
  Projection out(kRenamings.front(), Matters::kAll, true);
  node.project(out);
  const auto [place, is_new] = node_numbers_.emplace(out.finish(), static_cast<std::uint32_t>(nodes_.size()));
  if (!is_new) return place->second;
  check_answers(node);
  const raft::Raft& raft = node.raft();
  Facts facts;
  facts.log = node.history();
  facts.disk_log = node.disk().recovered().log;
  facts.term = raft.term();
  facts.commit = raft.commit_index();
  facts.base = raft.log().base().index;
  for (const raft::SnapshotHead& head : raft::Inside::snapshots(raft)) facts.snapshots.insert(narrow(head.index));
  facts.writes = narrow(node.disk().writes.size());
  facts.leads = raft.is_leader();
  facts.is_fetching = raft::Inside::is_fetching(raft);
  facts.is_compacting = static_cast<bool>(node.compacting());
  const LogIndex newest = raft.snapshot() != nullptr ? raft.snapshot()->index : LogIndex();
  facts.may_compact = !facts.is_compacting && last_of(node.applied()) > newest;
  nodes_.push_back({std::move(node), std::move(facts)});
  return place->second;
}

// Whoever asks, and whatever: it changes nothing on the leader.
void InstallModel::check_answers(const InstallNode& node) const {
  const raft::Raft& raft = node.raft();
  if (!raft.is_leader()) return;
  const NodeId asker = id_of(raft.self() == id_of(0) ? 1 : 0);
  for (std::uint64_t index = 1; index <= raft.log().last_index().value() + 1; ++index) {
    for (std::uint64_t snapshot = 0; snapshot <= raft.log().last_index().value(); ++snapshot) {
      for (std::uint64_t term = 1; term <= raft.term().value(); ++term) {
        InstallNode copy = node;
        raft::Fetch fetch{CallNumber(1), LogIndex(index), Term(term), LogIndex(snapshot),
                          snapshot > 0 ? kPartBytes : 0};
        copy.receive({kCluster, raft.term(), asker, raft.self(), fetch});
        for (const raft::SnapshotRead& read : copy.take_reads()) {
          const raft::SharedSnapshot own = snapshot_of(prefix_of(node.history(), read.snapshot.value()));
          copy.snapshot_read(read, own->state.substr(read.offset, read.bytes));
        }
        for (const raft::Message& message : copy.take_sent()) check_said(copy, message);
      }
    }
  }
}

const InstallModel::Effect& InstallModel::effect(std::uint32_t node, const Event& event, const History& log) {
  Fingerprinter key;
  key.add(node).add(std::bit_cast<std::uint64_t>(event));
  if (event.kind == Kind::kAppend || event.kind == Kind::kPart) add(log, key);
  const auto found = effects_.find(key.finish());
  if (found != effects_.end()) return found->second;
  return effects_.emplace(key.finish(), run(node, event, log)).first->second;
}

InstallModel::Effect InstallModel::run(std::uint32_t number, const Event& event, const History& log) {
  Effect effect;
  try {
    const InstallNode before = nodes_[number].node;
    InstallNode node = before;
    happen_to(node, event, log);
    if (event.kind != Kind::kCrash) {
      require(node.raft().commit_index() >= before.raft().commit_index(), "S3: the commit index fell");
      require(node.applied().starts_with(before.applied()), "S3: what was applied is not part of what is now");
    }
    for (raft::Message& message : node.take_sent()) {
      check_said(node, message);
      effect.said.push_back(std::move(message));
    }
    effect.next = intern(std::move(node));
  } catch (const Violation& violation) {
    effect.violation = violation.what();
  }
  return effect;
}

// --- the whole ---

std::uint32_t InstallModel::intern(const Traffic& traffic) {
  Fingerprinter out;
  add(traffic.committed, out);
  add(traffic.committed_in, out);
  for (const auto& [term, speech] : traffic.speeches) {
    out.add(term.value()).add(speech.leader.value()).add(speech.first.value()).add(speech.commit.value());
    add(speech.log, out);
    out.add(speech.snapshots.size());
    for (const std::uint8_t snapshot : speech.snapshots) out.add(snapshot);
  }
  const auto [place, is_new] = traffic_numbers_.emplace(out.finish(), static_cast<std::uint32_t>(traffics_.size()));
  if (is_new) traffics_.push_back(traffic);
  return place->second;
}

Fingerprint InstallModel::fingerprint(const State& state) const {
  Fingerprinter out;
  for (const std::uint32_t node : state.nodes) out.add(node);
  return out.add(state.traffic).add(state.elections).add(state.crashes).add(state.compactions).finish();
}

std::string InstallModel::describe(const State&, const Event& event) const {
  const std::string node = letter(event.node);
  const std::string index = std::to_string(event.index);
  const std::string to = "to " + node + ", term " + std::to_string(event.term) + " of " + letter(event.from) + ": ";
  const std::string answer = event.fetch == 0 ? "" : event.fetch == 1 ? ", which it waits for" : ", late";
  switch (event.kind) {
    case Kind::kPersist: return node + "'s oldest write completes";
    case Kind::kCrash:
      return node + " crashes and restarts; " + index + " of its writes are done" +
             (event.detail == 0   ? ""
              : event.detail == 1 ? ", and the next one's snapshot"
                                  : ", and the next one's log");
    case Kind::kPropose: return node + " proposes";
    case Kind::kBeginCompaction: return node + " begins to compact";
    case Kind::kEndCompaction: return node + "'s new snapshot is on its disk";
    case Kind::kCampaign: return node + " campaigns and asks " + letter(event.from);
    case Kind::kVoteRequest: return to + "VoteRequest";
    case Kind::kVote: return to + "Vote";
    case Kind::kAppend:
      return to + "Append of " + std::to_string(event.detail) + " after " + index + ", commit " +
             std::to_string(event.commit) + answer;
    case Kind::kPart:
      return to + "part " + std::to_string(event.detail + 1) + " of the snapshot up to " + index + answer;
    case Kind::kAck: return to + "Ack " + index;
  }
  return {};
}

std::string InstallModel::describe(const State& state) const {
  std::string text;
  for (std::size_t node = 0; node < kNodes; ++node) {
    const Facts& own = facts(state, node);
    text += (node > 0 ? "; " : "") + letter(node) + ": term " + std::to_string(own.term.value()) +
            (own.leads ? ", leads" : "") + ", log " + own.log + " after " + std::to_string(own.base.value()) +
            ", committed " + std::to_string(own.commit.value()) + ", on disk " + own.disk_log;
  }
  return text;
}

}  // namespace lockstep::explore
