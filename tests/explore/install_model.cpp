#include "tests/explore/install_model.hpp"

#include <algorithm>
#include <utility>

#include "tests/explore/violation.hpp"

namespace lockstep::explore {
namespace {

Event of_node(Kind kind, std::uint8_t node) { return {kind, node, 0, 0, 0, 0, 0, 0}; }
Event asks(std::uint8_t candidate, std::uint8_t voter) { return {Kind::kCampaign, candidate, 0, voter, 0, 0, 0, 0}; }

// Of the term of its last entry, with a snapshot up to some index.
SnapshotDisk disk_with(const LogShape& log, std::uint64_t base, std::uint64_t snapshot, NodeId vote) {
  SnapshotDisk disk;
  disk.hard_state = {kCluster, Term(log.term(log.length())), vote, LogIndex()};
  disk.log = log;
  disk.base = LogIndex(base);
  if (snapshot > 0) disk.snapshots.push_back(log.prefix(snapshot));
  return disk;
}

}  // namespace

InstallModel::State InstallModel::initial() {
  const LogShape committed({1, 3, 3, 3});
  State state;
  state.nodes[0] = nodes_.intern(InstallNode(id_of(0), disk_with(committed, 2, 3, id_of(0)), bounds_.turn));
  state.nodes[1] = nodes_.intern(InstallNode(id_of(1), disk_with(committed, 3, 4, id_of(0)), bounds_.turn));
  state.nodes[2] =
      nodes_.intern(InstallNode(id_of(2), disk_with(LogShape({1, 2, 2, 2}), 0, 0, id_of(2)), bounds_.turn));
  Traffic traffic;
  traffic.committed = traffic.committed_in = committed;
  campaign(state, traffic, asks(0, 1));
  require(facts(state, 0).leads, "a does not lead");
  const std::array<Event, 4> events = {of_node(Kind::kPersist, 0),
                                       {Kind::kAppend, 1, 4, 0, 4, 1, 4, 0},
                                       of_node(Kind::kPersist, 1),
                                       {Kind::kAppend, 1, 4, 0, 5, 0, 5, 0}};
  for (const Event& event : events) {
    happen(state, traffic, event);
    if (facts(state, event.node).is_in_turn) happen(state, traffic, of_node(Kind::kEndTurn, event.node));
  }
  require(facts(state, 1).commit == 5, "b does not follow");
  state.elections = narrow(bounds_.elections);
  state.crashes = narrow(bounds_.crashes);
  state.compactions = narrow(bounds_.compactions);
  state.traffic = traffics_.intern(traffic);
  state.traffic = forget_what_concerns_nobody(state);
  return state;
}

// --- what can happen ---

void InstallModel::successors(const State& state, std::vector<Successor<InstallModel>>& successors) {
  successors_by_steps(*this, state, events(state), successors);
  if (bounds_.reduced) return;
  classes_.compare(class_of_full(state), successors, [&](const State& next) { return class_of_full(next); });
}

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
  const bool has_room = own.log.length() < bounds_.entries;
  if (own.is_in_turn) events.push_back(of_node(Kind::kEndTurn, node));
  if (own.writes > 0) events.push_back(of_node(Kind::kPersist, node));
  if (own.is_compacting) events.push_back(of_node(Kind::kEndCompaction, node));
  if (own.may_compact && state.compactions > 0) events.push_back(of_node(Kind::kBeginCompaction, node));
  if (own.leads && has_room) events.push_back(of_node(Kind::kPropose, node));
  if (!own.leads && has_room && state.elections > 0) {
    for (std::uint8_t voter = 0; voter < kNodes; ++voter) {
      if (voter != node) events.push_back(asks(node, voter));
    }
  }
  for (std::uint8_t done = 0; state.crashes > 0 && done <= own.writes; ++done) {
    for (std::uint8_t part = 0; part < (done < own.writes ? 3 : 1); ++part) {
      events.push_back({Kind::kCrash, node, 0, 0, done, part, 0, 0});
    }
  }
}

void InstallModel::speeches_to(const State& state, std::uint8_t node, std::vector<Event>& events) {
  for (std::uint8_t term = facts(state, node).term; term <= kMaxTerm; ++term) {
    const TermTraffic& speech = traffics_.at(state.traffic).terms[term];
    if (speech.leader == kNobody || speech.leader == node) continue;
    const std::vector<Event>& heard = heard_from(state.nodes[node], node, term, speech);
    events.insert(events.end(), heard.begin(), heard.end());
  }
}

// One of each kind of message that does something else to the node, or after which it says something else.
const std::vector<Event>& InstallModel::heard_from(std::uint32_t node_state, std::uint8_t node, std::uint8_t term,
                                                   const TermTraffic& speech) {
  Fingerprinter key;
  key.add(node_state).add(term).add(speech.leader).add(speech.log.bits());
  key.add(speech.commit).add(speech.first).add(speech.snapshots);
  const auto [place, is_new] = heard_.emplace(key.finish(), std::vector<Event>());
  std::vector<Event>& kept = place->second;
  if (!is_new) return kept;
  using Outcome = std::pair<std::uint32_t, int>;  // the next state, and the match of an Ack
  std::vector<Outcome> reached{{node_state, -1}};
  for (const Event& event : all_that_could_be_said(nodes_.facts(node_state), node, term, speech)) {
    const Effect& effect = nodes_.effect(node_state, event, speech.log);
    if (effect.violation.empty()) {
      const auto is_ack = [](const Said& said) { return said.kind == Kind::kAck; };
      const auto ack = std::find_if(effect.said.begin(), effect.said.end(), is_ack);
      const Outcome outcome{effect.next, ack == effect.said.end() ? -1 : ack->index};
      if (std::find(reached.begin(), reached.end(), outcome) != reached.end()) continue;
      reached.push_back(outcome);
    }
    kept.push_back(event);
  }
  return kept;
}

std::vector<Event> InstallModel::all_that_could_be_said(const Facts& listener, std::uint8_t node, std::uint8_t term,
                                                        const TermTraffic& speech) const {
  std::vector<Event> events;
  const std::uint8_t from = speech.leader;
  const auto length = static_cast<std::uint8_t>(speech.log.length());
  for (std::uint8_t fetch = 0; fetch <= 2; ++fetch) {
    if (fetch == 1 && !listener.is_fetching) continue;
    for (std::uint8_t previous = speech.first; previous <= length; ++previous) {
      for (std::uint8_t count = 0; previous + count <= length; ++count) {
        if (fetch == 0 && count > bounds_.turn) break;  // as each turn publishes what it appended
        for (std::uint8_t commit = 1; commit <= speech.commit; ++commit) {
          events.push_back({Kind::kAppend, node, term, from, previous, count, commit, fetch});
        }
      }
    }
    for (std::uint8_t snapshot = 1; fetch != 0 && snapshot <= length; ++snapshot) {  // snapshots are not published
      if (((speech.snapshots >> snapshot) & 1U) == 0) continue;
      for (std::uint8_t part = 0; part < 2; ++part) {
        events.push_back({Kind::kPart, node, term, from, snapshot, part, 0, fetch});
      }
    }
  }
  return events;
}

// --- what becomes of it ---

InstallModel::State InstallModel::step(const State& state, const Event& event) {
  State next = state;
  Traffic traffic = traffics_.at(state.traffic);
  if (event.kind == Kind::kCrash) --next.crashes;
  if (event.kind == Kind::kBeginCompaction) --next.compactions;
  if (event.kind == Kind::kCampaign) {
    --next.elections;
    campaign(next, traffic, event);
  } else {
    happen(next, traffic, event);
  }
  // Votes and Acks have arrived.
  for (TermTraffic& said : traffic.terms) said.asked_index = said.asked_term = said.votes = said.acked = {};
  next.traffic = traffics_.intern(traffic);
  check_leaders(traffic, facts_of_all(next));
  check_quorum(facts_of_all(state), facts_of_all(next));
  if (bounds_.reduced) next.traffic = forget_what_concerns_nobody(next);
  return next;
}

const Effect& InstallModel::happen(State& state, Traffic& traffic, const Event& event) {
  const Effect& effect = nodes_.effect(state.nodes[event.node], event, traffic.terms[event.term].log);
  if (!effect.violation.empty()) throw Violation(effect.violation);
  state.nodes[event.node] = effect.next;
  traffic.note(event.node, nodes_.facts(effect.next), effect.said);
  for (const Said& said : effect.said) {
    const Facts& listener = facts(state, said.to);
    if (said.kind != Kind::kAck || !listener.leads || listener.term != said.term) continue;
    happen(state, traffic, {Kind::kAck, said.to, said.term, event.node, said.index, 0, 0, 0});
  }
  return effect;
}

void InstallModel::campaign(State& state, Traffic& traffic, const Event& event) {
  const Effect& asked = happen(state, traffic, of_node(Kind::kCampaign, event.node));
  for (const Said& request : asked.said) {
    if (request.kind != Kind::kVoteRequest || request.to != event.from) continue;
    const Effect& answered =
        happen(state, traffic,
               {Kind::kVoteRequest, event.from, request.term, event.node, request.index, request.last_term, 0, 0});
    for (const Said& answer : answered.said) {
      if (answer.kind != Kind::kVote) continue;
      happen(state, traffic, {Kind::kVote, event.node, request.term, event.from, 0, 0, 0, 0});
    }
  }
}

// That the node may yet be in: a crash brings back the one that is on the disk. Where only one crash may come that is
// the same for what is forgotten here. A term is on the disks of the two that elected its leader, and only the third
// can have it in memory alone. If that one is to miss an older leader's words, the older leader is one of the two. It
// gave its vote after a crash, as nobody gets a leader's (R9), or after the others had elected another, a term that
// then is on the third's disk.
std::uint8_t InstallModel::lowest_term(const State& state, std::size_t node) const {
  return state.crashes > 0 ? facts(state, node).disk_term : facts(state, node).term;
}

// What was said in a term in which nobody will be any more but its leader, who does not listen to itself. Nothing else
// is forgotten, whatever still may come: each speech may be asked for again by whoever starts again in its term.
std::uint32_t InstallModel::forget_what_concerns_nobody(const State& state) {
  Traffic traffic = traffics_.at(state.traffic);
  for (std::uint8_t term = 0; term <= kMaxTerm; ++term) {
    bool is_heeded = false;
    for (std::size_t node = 0; node < kNodes; ++node) {
      is_heeded |= node != traffic.terms[term].leader && lowest_term(state, node) <= term;
    }
    if (!is_heeded) traffic.terms[term] = TermTraffic{};
  }
  return traffics_.intern(traffic);
}

// --- which states have the same future ---

Fingerprint InstallModel::fingerprint(const State& state) {
  if (bounds_.reduced) return class_of(state);
  classes_.visit(class_of_full(state));
  Fingerprinter out;
  for (const std::uint32_t node : state.nodes) out.add(node);
  return out.add(state.traffic).add(state.elections).add(state.crashes).add(state.compactions).finish();
}

Fingerprint InstallModel::class_of_full(State state) {
  state.traffic = forget_what_concerns_nobody(state);
  return class_of(state);
}

// Without a crash nothing reads the disk any more, and without an election nobody wants a vote.
Fingerprint InstallModel::class_of(const State& state) const {
  const Matters matters = state.crashes > 0     ? Matters::kAll
                          : state.elections > 0 ? Matters::kNotDisk
                                                : Matters::kNotVote;
  std::array<const Fingerprints*, kNodes> nodes{};
  for (std::size_t node = 0; node < kNodes; ++node) nodes[node] = &nodes_.fingerprints(state.nodes[node], matters);
  Fingerprinter out;
  out.add(least_of_renamings(nodes, traffics_.fingerprints(state.traffic)));
  return out.add(state.elections).add(state.crashes).add(state.compactions).finish();
}

// --- for people ---

std::string InstallModel::describe(const State& state, const Event& event) const {
  const std::string text = explore::describe(event, traffics_.at(state.traffic).terms[event.term].log);
  return event.kind == Kind::kCampaign ? text + " and asks " + letter(event.from) : text;
}

std::string InstallModel::sizes() const {
  return std::to_string(nodes_.size()) + " states of one node, " + std::to_string(traffics_.size()) + " of the network";
}

}  // namespace lockstep::explore
