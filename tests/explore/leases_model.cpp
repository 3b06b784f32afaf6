#include "tests/explore/leases_model.hpp"

#include <algorithm>
#include <bit>
#include <utility>

#include "tests/explore/replica_inside.hpp"
#include "tests/explore/violation.hpp"

namespace lockstep::explore {
namespace {

using Kind = LeasesModel::Kind;

void add_body(const raft::Message& message, Fingerprinter& out) {
  if (const auto* append = std::get_if<raft::Append>(&message.body)) {
    out.add(append->previous_index.value()).add(append->previous_term.value()).add(append->entries.size());
    for (const raft::Entry& entry : append->entries) out.add(entry.term.value()).add(entry.body.index());
    out.add(append->commit.value()).add(append->round.value()).add(append->fetch.value());
  } else if (const auto* ack = std::get_if<raft::Ack>(&message.body)) {
    out.add(ack->match.value()).add(ack->round.value());
  } else if (const auto* fetch = std::get_if<raft::Fetch>(&message.body)) {
    out.add(fetch->number.value()).add(fetch->index.value()).add(fetch->term.value());
  } else if (const auto* barrier = std::get_if<raft::Barrier>(&message.body)) {
    out.add(barrier->number.value()).add(barrier->renewals.size());
  } else if (const auto* answer = std::get_if<raft::BarrierAnswer>(&message.body)) {
    out.add(answer->number.value()).add(answer->index.value()).add(answer->renewals.size());
    for (const raft::Renewal renewal : answer->renewals) out.add(static_cast<std::uint64_t>(renewal));
  } else if (const auto* request = std::get_if<raft::VoteRequest>(&message.body)) {
    out.add(request->number.value()).add(request->last_index.value()).add(request->last_term.value());
  } else if (const auto* vote = std::get_if<raft::Vote>(&message.body)) {
    out.add(vote->number.value()).add(vote->granted);
  }
}

Fingerprint fingerprint_of(const raft::Message& message) {
  Fingerprinter out;
  out.add(message.term.value()).add(message.from.value()).add(message.to.value()).add(message.body.index());
  add_body(message, out);
  return out.finish();
}

bool is_ack(const raft::Message& message) { return std::holds_alternative<raft::Ack>(message.body); }

// One other node's Acks are enough for a quorum: they are c's, or b's where c leads.
bool is_heard(const raft::Message& ack) { return node_of(ack.from) == (node_of(ack.to) == 2 ? 1U : 2U); }

std::string text_of(const raft::Message& message) {
  if (is_ack(message)) return "Ack";
  if (std::holds_alternative<raft::Barrier>(message.body)) return "Barrier";
  if (std::holds_alternative<raft::BarrierAnswer>(message.body)) return "BarrierAnswer";
  return "a message";
}

template <typename Known>
std::uint32_t number_of(std::unordered_map<Fingerprint, std::uint32_t, HashOfFingerprint>& numbers,
                        const Fingerprint& key, std::deque<Known>& known, Known&& value) {
  const auto [place, is_new] = numbers.emplace(key, static_cast<std::uint32_t>(known.size()));
  if (is_new) known.push_back(std::forward<Known>(value));
  return place->second;
}

}  // namespace

LeasesModel::LeasesModel(const LeasesBounds& bounds)
    : bounds_(bounds), ttl_(kLeaseTick * static_cast<Duration::rep>(bounds.ttl)) {}

// --- the beginning: a leads, and has just opened the session; the client was not told yet ---

LeasesModel::State LeasesModel::initial() {
  State state;
  Traffic traffic;
  for (std::size_t node = 0; node < kNodes; ++node) state.nodes[node] = intern(LeaseNode(id_of(node), ttl_));
  LeaseClient client(ttl_, bounds_.renewals);
  campaign(state, traffic, 0, 1);
  settle(state, traffic);
  LeaseNode leader = nodes_[state.nodes[0]].node;
  leader.open(client.first_open());
  const Spoken spoken = leader.take_spoken();
  for (const raft::Message& message : spoken.published) traffic.published[0] = {intern(message)};
  state.nodes[0] = intern(std::move(leader));
  settle(state, traffic);
  session_ = nodes_[state.nodes[0]].node.session();
  require(static_cast<bool>(session_), "the session is not open");
  state.client = intern(std::move(client));
  state.campaigns = 0;
  state.traffic = intern(std::move(traffic));
  return state;
}

void LeasesModel::settle(State& state, Traffic& traffic) {
  for (int i = 0; i < 4; ++i) {
    for (std::size_t node = 1; node < kNodes; ++node) {
      for (const std::uint32_t message : std::vector<std::uint32_t>(traffic.published[0])) {
        happen(state, traffic, node, {Input::Kind::kMessage, message});
      }
    }
    for (const std::uint32_t message : std::exchange(traffic.directed, {})) {
      happen(state, traffic, node_of(messages_[message].to), {Input::Kind::kMessage, message});
    }
  }
}

// --- what can happen ---

std::vector<LeasesModel::Event> LeasesModel::events(const State& state) const {
  std::vector<Event> events;
  const LeaseClient& client = clients_[state.client];
  bool has_ended = false;
  for (std::size_t node = 0; node < kNodes; ++node) has_ended = has_ended || facts(state, node).has_ended;
  const int ways = state.steps == bounds_.steps ? 0 : bounds_.slow_clocks ? 8 : 1;
  for (std::uint8_t slow = 0; slow < ways; ++slow) events.push_back({Kind::kStep, 0, 0, slow});
  if (!client.has_lost()) {  // one that has takes no answer any more
    events.push_back({Kind::kClientTick});
    if (client.is_opening()) events.push_back({Kind::kOpened});
    for (std::uint8_t renewal = 0; renewal < bounds_.renewals; ++renewal) {
      if ((state.verdicts[renewal] & 1U) != 0) events.push_back({Kind::kVerdict, 0, 0, renewal, true});
      if ((state.verdicts[renewal] & 2U) != 0) events.push_back({Kind::kVerdict, 0, 0, renewal, false});
    }
  }
  if (has_ended) return events;  // what nodes do from now on matters to nobody
  for (std::uint8_t node = 0; node < kNodes; ++node) events_of_node(state, node, events);
  const Traffic& traffic = traffics_[state.traffic];
  for (std::uint8_t i = 0; i < traffic.directed.size(); ++i) {
    events.push_back({Kind::kDeliver, narrow(node_of(messages_[traffic.directed[i]].to)), 0, i});
  }
  return events;
}

void LeasesModel::events_of_node(const State& state, std::uint8_t node, std::vector<Event>& events) const {
  const Facts& own = facts(state, node);
  if (own.leads) {
    events.push_back({Kind::kTick, node});
    if (state.unread_ticks < bounds_.unread_ticks) events.push_back({Kind::kUnreadTick, node});
  } else if (state.campaigns < bounds_.failovers && (state.campaigns > 0 || node == 1) &&
             (clients_[state.client].is_opening() || clients_[state.client].is_safe())) {
    // Whose client relies on nothing any more needs no new leader. The first to campaign is b.
    for (std::uint8_t voter = 0; voter < kNodes; ++voter) {
      if (voter != node) events.push_back({Kind::kCampaign, node, voter});
    }
  }
  // c passes none on: what a follower does with one, b does.
  const std::uint8_t renewals = node == 2 ? narrow(0) : narrow(clients_[state.client].renewals_sent());
  for (std::uint8_t renewal = 0; renewal < renewals; ++renewal) {
    const bool has_copy = ((state.taken[renewal] >> node) & 1U) != 0;
    const auto copies = static_cast<std::uint64_t>(std::popcount(state.taken[renewal]));
    if (!has_copy && copies < bounds_.copies && own.leader) events.push_back({Kind::kKeepAlive, node, 0, renewal});
  }
  for (std::uint8_t from = 0; from < kNodes; ++from) {
    if (from != node && !traffics_[state.traffic].published[from].empty()) events.push_back({Kind::kHear, node, from});
  }
}

void LeasesModel::successors(const State& state, std::vector<Successor<LeasesModel>>& successors) {
  successors_by_steps(*this, state, events(state), successors);
  std::erase_if(successors,
                [&](const auto& successor) { return !successor.violates && !is_in_bounds(successor.state); });
}

bool LeasesModel::is_in_bounds(const State& state) const {
  for (std::size_t node = 0; node < kNodes; ++node) {
    if (facts(state, node).rounds > bounds_.rounds) return false;
  }
  return true;
}

// --- what becomes of it ---

LeasesModel::State LeasesModel::step(const State& state, const Event& event) {
  State next = state;
  Traffic traffic = traffics_[state.traffic];
  LeaseClient client = clients_[state.client];
  switch (event.kind) {
    case Kind::kStep:
      ++next.steps;
      let_time_pass(next, traffic, event.number);
      client.let_time_pass(kClientsTick);
      break;
    case Kind::kTick: happen(next, traffic, event.node, {Input::Kind::kTick}); break;
    case Kind::kUnreadTick:
      ++next.unread_ticks;
      happen(next, traffic, event.node, {Input::Kind::kUnreadTick});
      break;
    case Kind::kClientTick: client.tick(); break;
    case Kind::kOpened: client.opened({session_}); break;
    case Kind::kVerdict: client.answered({CallNumber(event.number + 1U), event.renewed}); break;
    case Kind::kKeepAlive:
      next.taken[event.number] |= narrow(1U << event.node);
      happen(next, traffic, event.node, {Input::Kind::kKeepAlive, event.number + 1U});
      break;
    case Kind::kHear:
      for (const std::uint32_t message : traffics_[state.traffic].published[event.from]) {
        happen(next, traffic, event.node, {Input::Kind::kMessage, message});
      }
      break;
    case Kind::kDeliver: {
      const std::uint32_t message = traffic.directed[event.number];
      if (!is_ack(messages_[message])) traffic.directed.erase(traffic.directed.begin() + event.number);
      happen(next, traffic, event.node, {Input::Kind::kMessage, message});
      break;
    }
    case Kind::kCampaign: campaign(next, traffic, event.node, event.from); break;
  }
  next.client = intern(std::move(client));
  forget_what_nobody_hears(next, traffic);
  next.traffic = intern(std::move(traffic));
  check(next);
  return next;
}

void LeasesModel::let_time_pass(State& state, Traffic& traffic, std::uint8_t slow) {
  for (std::size_t node = 0; node < kNodes; ++node) {
    const bool is_slow = ((slow >> node) & 1U) != 0;
    happen(state, traffic, node, {is_slow ? Input::Kind::kSlowTime : Input::Kind::kTime});
  }
}

void LeasesModel::happen(State& state, Traffic& traffic, std::size_t node, const Input& input) {
  const Reaction& reaction = react(state.nodes[node], input);
  if (!reaction.violation.empty()) throw Violation(reaction.violation);
  state.nodes[node] = reaction.next;
  spread(state, traffic, node, reaction.said);
}

void LeasesModel::spread(State& state, Traffic& traffic, std::size_t node, const Said& said) {
  if (said.expires) {
    bool is_newest = true;
    for (std::size_t i = 0; i < kNodes; ++i) is_newest = is_newest && facts(state, i).term <= facts(state, node).term;
    require(!is_newest || !clients_[state.client].is_safe(),
            "L3: a leader ends a session while its client relies on it");
  }
  for (const Verdict& verdict : said.verdicts) {
    state.verdicts[verdict.renewal.value() - 1] |= verdict.renewed ? 1U : 2U;
  }
  if (!said.published.empty()) traffic.published[node] = said.published;
  for (const std::uint32_t message : said.directed) send(state, traffic, message);
}

// A Fetch and its answer arrive at once; of the rest, what the model delivers later.
void LeasesModel::send(State& state, Traffic& traffic, std::uint32_t number) {
  const raft::Message& message = messages_[number];
  const bool is_fetch = std::holds_alternative<raft::Fetch>(message.body);
  if (is_fetch || std::holds_alternative<raft::Append>(message.body)) {
    happen(state, traffic, node_of(message.to), {Input::Kind::kMessage, number});
  }
  if (is_ack(message)) {
    std::erase_if(traffic.directed, [&](std::uint32_t other) {
      const raft::Message& earlier = messages_[other];
      return is_ack(earlier) && earlier.from == message.from && earlier.to == message.to;
    });
  }
  const bool is_barrier =
      std::holds_alternative<raft::Barrier>(message.body) || std::holds_alternative<raft::BarrierAnswer>(message.body);
  if (is_ack(message) ? !is_heard(message) : !is_barrier) return;
  const auto place = std::lower_bound(traffic.directed.begin(), traffic.directed.end(), number);
  if (place == traffic.directed.end() || *place != number) traffic.directed.insert(place, number);
}

void LeasesModel::campaign(State& state, Traffic& traffic, std::size_t node, std::size_t voter) {
  ++state.campaigns;
  const auto message_to = [&](const Said& said, std::size_t to) {
    const auto found = std::find_if(said.directed.begin(), said.directed.end(), [&](std::uint32_t message) {
      return messages_[message].to == id_of(to) &&
             (std::holds_alternative<raft::VoteRequest>(messages_[message].body) ||
              std::holds_alternative<raft::Vote>(messages_[message].body));
    });
    return found == said.directed.end() ? std::nullopt : std::optional(*found);
  };
  const std::uint32_t before = state.nodes[node];
  happen(state, traffic, node, {Input::Kind::kCampaign});
  const auto request = message_to(react(before, {Input::Kind::kCampaign}).said, voter);
  if (!request) return;
  const std::uint32_t voter_before = state.nodes[voter];
  happen(state, traffic, voter, {Input::Kind::kMessage, *request});
  const auto vote = message_to(react(voter_before, {Input::Kind::kMessage, *request}).said, node);
  if (vote) happen(state, traffic, node, {Input::Kind::kMessage, *vote});
}

// What would be dropped on arrival for its term, and broadcasts of those who lead no more.
void LeasesModel::forget_what_nobody_hears(const State& state, Traffic& traffic) const {
  std::erase_if(traffic.directed, [&](std::uint32_t number) {
    const raft::Message& message = messages_[number];
    const Facts& to = facts(state, node_of(message.to));
    const bool is_answer = std::holds_alternative<raft::BarrierAnswer>(message.body);
    return message.term < to.term || (!is_answer && (message.term != to.term || !to.leads));
  });
  for (std::size_t node = 0; node < kNodes; ++node) {
    if (traffic.published[node].empty()) continue;
    const Term term = messages_[traffic.published[node].front()].term;
    bool is_heard = false;
    for (std::size_t other = 0; other < kNodes; ++other) {
      is_heard = is_heard || (other != node && facts(state, other).term <= term);
    }
    if (!is_heard) traffic.published[node].clear();
  }
}

void LeasesModel::check(const State& state) const {
  if (!clients_[state.client].is_safe()) return;
  for (std::size_t node = 0; node < kNodes; ++node) {
    require(!facts(state, node).has_ended, "L3: an Expire is committed while the client relies on its session");
  }
}

// --- one node ---

const LeasesModel::Reaction& LeasesModel::react(std::uint32_t node, const Input& input) {
  const auto key = Fingerprinter().add(node).add(static_cast<std::uint64_t>(input.kind)).add(input.number).finish();
  const auto found = reactions_.find(key);
  if (found != reactions_.end()) return found->second;
  return reactions_.emplace(key, run(node, input)).first->second;
}

LeasesModel::Reaction LeasesModel::run(std::uint32_t number, const Input& input) {
  Reaction reaction;
  try {
    LeaseNode node = nodes_[number].node;
    switch (input.kind) {
      case Input::Kind::kTime: node.let_time_pass(kLeaseTick); break;
      case Input::Kind::kSlowTime: node.let_time_pass(kClientsTick); break;
      case Input::Kind::kTick: node.tick(true); break;
      case Input::Kind::kUnreadTick: node.tick(false); break;
      case Input::Kind::kKeepAlive: node.keep_alive(CallNumber(input.number), session_); break;
      case Input::Kind::kCampaign: node.campaign(); break;
      case Input::Kind::kMessage: node.receive(messages_[input.number]); break;
    }
    Spoken spoken = node.take_spoken();
    for (const raft::Message& message : spoken.published) reaction.said.published.push_back(intern(message));
    for (const raft::Message& message : spoken.directed) reaction.said.directed.push_back(intern(message));
    reaction.said.verdicts = std::move(spoken.verdicts);
    reaction.said.expires = spoken.expires;
    reaction.next = intern(std::move(node));
  } catch (const Violation& violation) {
    reaction.violation = violation.what();
  }
  return reaction;
}

// --- what is known, each once ---

std::uint32_t LeasesModel::intern(LeaseNode node) {
  Projection out(kRenamings.front(), Matters::kAll, true);
  node.project(out);
  const raft::Raft& raft = node.raft();
  Facts facts{raft.term(), raft.is_leader(), node.has_expire(raft.commit_index()), raft::Inside::rounds_of(raft),
              raft.leader()};
  return number_of(node_numbers_, out.finish(), nodes_, Known{std::move(node), facts});
}

std::uint32_t LeasesModel::intern(LeaseClient client) {
  Projection out(kRenamings.front());
  client.project(out);
  return number_of(client_numbers_, out.finish(), clients_, std::move(client));
}

std::uint32_t LeasesModel::intern(const raft::Message& message) {
  return number_of(message_numbers_, fingerprint_of(message), messages_, raft::Message(message));
}

std::uint32_t LeasesModel::intern(Traffic traffic) {
  Fingerprinter out;
  out.add(traffic.directed.size());
  for (const std::uint32_t message : traffic.directed) out.add(message);
  for (const auto& published : traffic.published) {
    out.add(published.size());
    for (const std::uint32_t message : published) out.add(message);
  }
  return number_of(traffic_numbers_, out.finish(), traffics_, std::move(traffic));
}

Fingerprint LeasesModel::fingerprint(const State& state) const {
  Fingerprinter out;
  for (const std::uint32_t node : state.nodes) out.add(node);
  out.add(state.client).add(state.traffic).add(state.campaigns).add(state.unread_ticks).add(state.steps);
  for (std::size_t i = 0; i < kMaxRenewals; ++i) out.add(state.taken[i] + 256U * state.verdicts[i]);
  return out.finish();
}

std::string LeasesModel::sizes() const {
  return std::to_string(nodes_.size()) + " states of one node, " + std::to_string(clients_.size()) +
         " of the client, " + std::to_string(reactions_.size()) + " steps of one node";
}

// --- in words ---

std::string LeasesModel::describe(const State& state, const Event& event) const {
  const std::string node = letter(event.node);
  const std::string renewal = "renewal " + std::to_string(event.number + 1);
  switch (event.kind) {
    case Kind::kStep: return "time passes" + std::string(event.number != 0 ? ", for some more slowly" : "");
    case Kind::kTick: return node + " looks at its clock";
    case Kind::kUnreadTick: return node + " looks at its clock, and has messages to read";
    case Kind::kClientTick: return "the client looks at its clock";
    case Kind::kOpened: return "the client is told that its session is open";
    case Kind::kKeepAlive: return renewal + " reaches " + node;
    case Kind::kVerdict: return "the client is told of " + renewal + (event.renewed ? ": renewed" : ": has ended");
    case Kind::kHear: return node + " hears " + letter(event.from);
    case Kind::kDeliver: {
      const raft::Message& message = messages_[traffics_[state.traffic].directed[event.number]];
      return "to " + node + ": " + text_of(message) + " of " + letter(node_of(message.from));
    }
    case Kind::kCampaign: return node + " campaigns and asks " + letter(event.from);
  }
  return {};
}

std::string LeasesModel::describe(const State& state) const {
  std::string text;
  for (std::size_t node = 0; node < kNodes; ++node) {
    const raft::Raft& raft = nodes_[state.nodes[node]].node.raft();
    text += letter(node) + ": term " + std::to_string(raft.term().value()) + (raft.is_leader() ? ", leads" : "") +
            ", log " + std::to_string(raft.log().last_index().value()) + ", committed " +
            std::to_string(raft.commit_index().value()) + "; ";
  }
  const LeaseClient& client = clients_[state.client];
  return text + "the client sent " + std::to_string(client.renewals_sent()) + " renewals and " +
         (client.is_safe() ? "relies on its session" : "relies on nothing");
}

}  // namespace lockstep::explore
