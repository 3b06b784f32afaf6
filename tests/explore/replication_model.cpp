#include "tests/explore/replication_model.hpp"

#include <algorithm>

#include "tests/explore/violation.hpp"

namespace lockstep::explore {
namespace {

Event of_node(Kind kind, std::uint8_t node, std::uint64_t index = 0, std::uint64_t detail = 0) {
  return {kind, node, 0, 0, narrow(index), narrow(detail), 0, 0};
}

}  // namespace

ReplicationModel::State ReplicationModel::initial() {
  State state;
  for (std::size_t node = 0; node < kNodes; ++node) state.nodes[node] = nodes_.intern(RaftNode(id_of(node)));
  Traffic traffic;
  traffic.committed.append(1);
  traffic.committed_in.append(1);
  state.traffic = traffics_.intern(traffic);
  state.crashes = narrow(bounds_.crashes);
  state.damages = narrow(bounds_.damages);
  return bounds_.figure_8 ? begin_figure_8(state) : state;
}

// Raft section 5.4.2, figure 8: a led term 2 and c leads term 3, both by b's vote, and nobody else has their entries.
// Reached by events like any other state; from here on two terms are enough for what else would need four.
ReplicationModel::State ReplicationModel::begin_figure_8(State state) {
  const auto happens = [&](const Event& event) {
    state = step(state, event);
    while (facts(state, event.node).writes > 0) state = step(state, of_node(Kind::kPersist, event.node));
  };
  happens(of_node(Kind::kCampaign, 0));
  happens({Kind::kVoteRequest, 1, 2, 0, 1, 1, 0, 0});
  happens({Kind::kVote, 0, 2, 1, 0, 0, 0, 0});
  happens({Kind::kHearOfTerm, 2, 2, 0, 0, 0, 0, 0});
  happens(of_node(Kind::kCampaign, 2));
  happens({Kind::kVoteRequest, 1, 3, 2, 1, 1, 0, 0});
  happens({Kind::kVote, 2, 3, 1, 0, 0, 0, 0});
  happens({Kind::kHearOfTerm, 0, 3, 2, 0, 0, 0, 0});
  return state;
}

// --- what can happen ---

void ReplicationModel::successors(const State& state, std::vector<Successor<ReplicationModel>>& successors) {
  for (std::uint8_t node = 0; node < kNodes; ++node) {
    for (const Change& change : changes(state.nodes[node], node, state.traffic)) {
      if (!is_allowed(state, change.event)) continue;
      successors.push_back({change.event, state, change.violates});
      if (change.violates) return;
      try {
        successors.back().state = apply(state, change);
      } catch (const Violation&) {
        successors.back().violates = true;
        return;
      }
    }
  }
  if (bounds_.reduced) return;
  classes_.compare(class_of_full(state), successors, [&](const State& next) { return class_of_full(next); });
}

ReplicationModel::State ReplicationModel::step(const State& state, const Event& event) {
  const LogShape log = traffics_.at(state.traffic).terms[event.term].log;
  const Effect& effect = nodes_.effect(state.nodes[event.node], event, log);
  if (!effect.violation.empty()) throw Violation(effect.violation);
  return apply(state, change(state.nodes[event.node], event, state.traffic));
}

bool ReplicationModel::is_allowed(const State& state, const Event& event) const {
  if (event.kind == Kind::kCrash) return state.crashes > 0;
  if (event.kind == Kind::kDamage) return state.damages > 0;
  return true;
}

const std::vector<ReplicationModel::Change>& ReplicationModel::changes(std::uint32_t node_state, std::uint8_t node,
                                                                       std::uint32_t traffic) {
  const auto [place, is_new] =
      changes_.emplace(Fingerprinter().add(traffic).add(node_state).finish(), std::vector<Change>());
  std::vector<Change>& kept = place->second;
  if (!is_new) return kept;
  const Facts& facts = nodes_.facts(node_state);
  std::vector<Event> events;
  events_of_node(facts, node, events);
  messages_to(facts, node, traffics_.at(traffic), events);
  for (std::uint8_t term = facts.term; term <= bounds_.terms + 1; ++term) {
    appends(node_state, node, term, traffics_.at(traffic).terms[term], events);
  }
  for (const Event& event : events) {
    Change result;
    try {
      result = change(node_state, event, traffic);
    } catch (const Violation&) {
      result = {event, 0, 0, true};
    }
    if (result.violates || result.node != node_state || result.traffic != traffic) kept.push_back(result);
  }
  return kept;
}

void ReplicationModel::events_of_node(const Facts& facts, std::uint8_t node, std::vector<Event>& events) const {
  const bool has_room = facts.log.length() < 1 + bounds_.entries;
  if (facts.writes > 0) events.push_back(of_node(Kind::kPersist, node));
  if (facts.leads) {
    if (has_room) events.push_back(of_node(Kind::kPropose, node));
    if (bounds_.rumours) events.push_back(of_node(Kind::kLoseQuorum, node));
  } else if (facts.may_speak && has_room && facts.term <= bounds_.terms) {
    events.push_back(of_node(Kind::kCampaign, node));
  }
  if (bounds_.crashes > 0) {
    for (std::uint64_t done = 0; done <= facts.writes; ++done) events.push_back(of_node(Kind::kCrash, node, done));
    for (const std::uint8_t done : facts.half_writes) {
      events.push_back(of_node(Kind::kCrash, node, done, static_cast<std::uint64_t>(Part::kLog)));
    }
  }
  if (bounds_.damages > 0) {
    for (std::uint64_t kept = 1; kept < facts.disk_log.length(); ++kept) {
      events.push_back(of_node(Kind::kDamage, node, kept));
    }
  }
}

void ReplicationModel::messages_to(const Facts& facts, std::uint8_t node, const Traffic& traffic,
                                   std::vector<Event>& events) const {
  for (std::uint8_t term = facts.term; term <= bounds_.terms + 1; ++term) {
    votes_of_term(facts, node, term, traffic.terms[term], events);
  }
  if (facts.leads) acks_to(facts, node, traffic.terms[facts.term], events);
}

void ReplicationModel::votes_of_term(const Facts& facts, std::uint8_t node, std::uint8_t term, const TermTraffic& said,
                                     std::vector<Event>& events) const {
  for (std::uint8_t from = 0; from < kNodes; ++from) {
    if (from == node) continue;
    if (said.asked_index[from] != 0) {
      events.push_back({Kind::kVoteRequest, node, term, from, said.asked_index[from], said.asked_term[from], 0, 0});
      if (bounds_.rumours && term > facts.term) events.push_back({Kind::kHearOfTerm, node, term, from, 0, 0, 0, 0});
    }
    const bool voted_for_node = ((said.votes[from] >> node) & 1U) != 0;
    if (facts.is_candidate && term == facts.term && voted_for_node) {
      events.push_back({Kind::kVote, node, term, from, 0, 0, 0, 0});
    }
    const bool knows_leader = said.leader != kNobody && from != said.leader && node != said.leader;
    if (bounds_.rumours && knows_leader && term == facts.term) {
      events.push_back({Kind::kHearOfLeader, node, term, from, 0, said.leader, 0, 0});
    }
  }
}

// Only the highest: one that was lower could have arrived when it was the highest, and does no more now.
void ReplicationModel::acks_to(const Facts& facts, std::uint8_t node, const TermTraffic& said,
                               std::vector<Event>& events) const {
  for (std::uint8_t from = 0; from < kNodes; ++from) {
    const std::uint8_t match = said.acked[from];
    if (match > facts.match[from]) events.push_back({Kind::kAck, node, facts.term, from, match, 0, 0, 0});
  }
}

// Of the Appends that the leader of the term could have sent, one for each different thing they do to the node.
// Published are those without entries, as heartbeats, and those with one, as each is published when it is appended:
// one with several does to a log what they do one after the other. A Fetch is answered with any number.
void ReplicationModel::appends(std::uint32_t node_state, std::uint8_t node, std::uint8_t term, const TermTraffic& said,
                               std::vector<Event>& events) {
  if (said.leader == kNobody || said.leader == node) return;
  const auto key = Fingerprinter().add(node_state).add(term).add(said.leader).add(said.log.bits()).add(said.commit);
  const auto [place, is_new] = appends_.emplace(key.finish(), std::vector<Event>());
  std::vector<Event>& kept = place->second;
  std::vector<std::uint32_t> reached;
  const auto keep_if_new = [&](const Event& event) {
    const Effect& effect = nodes_.effect(node_state, event, said.log);
    if (effect.violation.empty()) {
      if (std::find(reached.begin(), reached.end(), effect.next) != reached.end()) return;
      reached.push_back(effect.next);
    }
    kept.push_back(event);
  };
  const std::uint64_t length = is_new ? said.log.length() : 0;
  for (std::uint8_t previous = 1; previous <= length; ++previous) {
    for (std::uint8_t count = 0; previous + count <= length; ++count) {
      for (std::uint8_t commit = 1; commit <= said.commit; ++commit) {
        Event event{Kind::kAppend, node, term, said.leader, previous, count, commit, 0};
        if (count <= 1) keep_if_new(event);
        event.fetch = 2;
        keep_if_new(event);
        event.fetch = 1;
        if (nodes_.facts(node_state).is_fetching) keep_if_new(event);
      }
    }
  }
  events.insert(events.end(), kept.begin(), kept.end());
}

// --- what becomes of it ---

ReplicationModel::Change ReplicationModel::change(std::uint32_t node_state, const Event& event, std::uint32_t traffic) {
  const LogShape log = traffics_.at(traffic).terms[event.term].log;
  const Effect& effect = nodes_.effect(node_state, event, log);
  if (!effect.violation.empty()) return {event, 0, 0, true};
  Traffic noted = traffics_.at(traffic);
  noted.note(event.node, nodes_.facts(effect.next), effect.said);
  return {event, effect.next, traffics_.intern(noted), false};
}

ReplicationModel::State ReplicationModel::apply(const State& state, const Change& change) {
  State next = state;
  next.nodes[change.event.node] = change.node;
  next.traffic = change.traffic;
  if (change.event.kind == Kind::kCrash) --next.crashes;
  if (change.event.kind == Kind::kDamage) --next.damages;
  check_leaders(traffics_.at(next.traffic), facts_of_all(next));
  check_quorum(facts_of_all(state), facts_of_all(next));
  if (bounds_.reduced) next.traffic = forget_what_concerns_nobody(next);
  return next;
}

// Nobody is in an older term, nor ever will be again. Votes are for a candidate and Acks for a leader: nobody else
// listens to them.
std::uint32_t ReplicationModel::forget_what_concerns_nobody(const State& state) {
  const std::uint8_t lowest = lowest_term(state);
  std::array<std::uint8_t, kMaxTerm + 1> candidates{};
  std::array<bool, kMaxTerm + 1> is_led{};
  Fingerprinter key;
  key.add(state.traffic).add(lowest).add(is_settled(state));
  for (std::size_t node = 0; node < kNodes; ++node) {
    const Facts& now = facts(state, node);
    if (now.is_candidate) candidates[now.term] |= narrow(1U << node);
    if (now.leads) is_led[now.term] = true;
    key.add(now.term | (now.is_candidate ? 16U : 0U) | (now.leads ? 32U : 0U) |
            (is_settled(state) ? std::uint64_t{now.vote} << 8U | std::uint64_t{now.commit} << 16U : 0U));
  }
  const auto [place, is_new] = forgotten_.emplace(key.finish(), 0);
  if (!is_new) return place->second;
  Traffic traffic = traffics_.at(state.traffic);
  for (std::uint8_t term = 0; term <= kMaxTerm; ++term) {
    TermTraffic& said = traffic.terms[term];
    if (term < lowest) said = TermTraffic{};
    for (std::uint8_t& votes : said.votes) votes &= candidates[term];
    if (!is_led[term]) said.acked = {};
    if (is_settled(state)) forget_what_was_heard(state, term, is_led[term], said);
  }
  return place->second = traffics_.intern(traffic);
}

// Requests for votes that all have given, and Acks of no more than what the leader counts as committed: it compares
// what a quorum has reached with that alone.
void ReplicationModel::forget_what_was_heard(const State& state, std::uint8_t term, bool is_led,
                                             TermTraffic& said) const {
  for (std::size_t candidate = 0; candidate < kNodes; ++candidate) {
    bool heeded = false;
    for (std::size_t voter = 0; voter < kNodes; ++voter) heeded |= is_heeded(state, voter, term, candidate);
    if (!heeded) said.asked_index[candidate] = said.asked_term[candidate] = 0;
  }
  const std::uint8_t commit = is_led ? facts(state, said.leader).commit : narrow(0);
  for (std::uint8_t& match : said.acked) match = match > commit ? match : narrow(0);
}

// It would raise the voter's term, get its vote, or get it once more. The candidate itself has voted.
bool ReplicationModel::is_heeded(const State& state, std::size_t voter, std::uint8_t term,
                                 std::size_t candidate) const {
  if (voter == candidate) return false;
  const Facts& now = facts(state, voter);
  if (now.term != term || now.vote == 0) return now.term <= term;
  const Facts& asking = facts(state, candidate);
  return now.vote == candidate + 1 && asking.is_candidate && asking.term == term;
}

// A crash brings back the term that is on the disk.
std::uint8_t ReplicationModel::lowest_term(const State& state) const {
  std::uint8_t lowest = 255;
  for (std::size_t node = 0; node < kNodes; ++node) {
    const Facts& facts = this->facts(state, node);
    lowest = std::min(lowest, state.crashes + state.damages > 0 ? facts.disk_term : facts.term);
  }
  return lowest;
}

// --- which states have the same future ---

Fingerprint ReplicationModel::fingerprint(const State& state) {
  if (bounds_.reduced) return class_of(state);
  classes_.visit(class_of_full(state));
  Fingerprinter out;
  for (const std::uint32_t node : state.nodes) out.add(node);
  return out.add(state.traffic).add(state.crashes + 256U * state.damages).finish();
}

Fingerprint ReplicationModel::class_of_full(State state) {
  state.traffic = forget_what_concerns_nobody(state);
  return class_of(state);
}

Fingerprint ReplicationModel::class_of(const State& state) const {
  std::array<const Fingerprints*, kNodes> nodes{};
  for (std::size_t node = 0; node < kNodes; ++node) {
    nodes[node] = &nodes_.fingerprints(state.nodes[node], what_matters(state, node));
  }
  const Fingerprint least = least_of_renamings(nodes, traffics_.fingerprints(state.traffic));
  return Fingerprinter().add(least).add(state.crashes + 256U * state.damages).finish();
}

// A vote that is given matters to who may still ask for it in its term.
Matters ReplicationModel::what_matters(const State& state, std::size_t node) const {
  if (!is_settled(state)) return Matters::kAll;
  const Facts& now = facts(state, node);
  if (now.vote == 0) return Matters::kNotDisk;
  for (std::size_t i = 0; i < kNodes; ++i) {
    const Facts& other = facts(state, i);
    const bool may_ask = other.term < now.term || (other.term == now.term && other.is_candidate);
    if (i != node && may_ask) return Matters::kNotDisk;
  }
  return Matters::kNotVote;
}

// --- for people ---

std::string ReplicationModel::describe(const State& state, const Event& event) const {
  return explore::describe(event, traffics_.at(state.traffic).terms[event.term].log);
}

std::string ReplicationModel::describe(const State& state) const { return explore::describe(facts_of_all(state)); }

std::string ReplicationModel::sizes() const {
  return std::to_string(nodes_.size()) + " states of one node, " + std::to_string(traffics_.size()) + " of the network";
}

}  // namespace lockstep::explore
