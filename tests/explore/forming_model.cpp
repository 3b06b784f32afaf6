#include "tests/explore/forming_model.hpp"

#include <algorithm>

#include "tests/explore/raft_inside.hpp"
#include "tests/explore/violation.hpp"

namespace lockstep::explore {
namespace {

using Kind = FormingModel::Kind;

std::size_t place_of(std::uint64_t id) { return (id - 1) / 8; }
const raft::Configuration& configuration_of(const raft::Entry& entry) {
  return std::get<raft::Configuration>(entry.body);
}

raft::Formation started(std::size_t place, NodeId id, std::uint64_t restarts, const Disk& disk) {
  raft::FormationOptions options;
  options.name = letter(place);
  for (std::size_t other = 0; other < kNodes; ++other) options.initial_members.push_back(letter(other));
  options.hello_interval = Duration(0);
  options.seed = id.value() * 16 + restarts;
  raft::Restored restored;
  restored.node = id;
  restored.hard_state = disk.hard_state;
  restored.entries = disk.entries;
  return {options, restored, Now{}};
}

FormingNode blank(std::size_t place, std::uint64_t wipes) {
  FormingNode node{place, wipes, 0, {}, started(place, NodeId(place * 8 + wipes + 1), 0, {})};
  return node;
}

bool is_bound(const FormingNode& node) { return static_cast<bool>(node.disk.hard_state.cluster); }

// What a node that is not formed repeats: to which place, and what.
std::vector<std::pair<std::size_t, raft::Message>> hellos_of(const FormingNode& node) {
  std::vector<std::pair<std::size_t, raft::Message>> hellos;
  raft::Formation formation = node.formation;
  formation.tick(Now{});
  for (const raft::Outgoing& outgoing : formation.take_output().messages) {
    if (!std::holds_alternative<raft::Hello>(outgoing.message.body)) continue;
    const std::string& name = std::get<raft::ToMember>(outgoing.to).name;
    hellos.emplace_back(static_cast<std::size_t>(name.front() - 'a'), outgoing.message);
  }
  return hellos;
}

}  // namespace

FormingModel::State FormingModel::initial() {
  State state;
  for (std::size_t place = 0; place < kNodes; ++place) state.nodes[place] = intern(blank(place, 0));
  note_hellos(state);
  state.crashes = narrow(bounds_.crashes);
  state.wipes = narrow(bounds_.wipes);
  return state;
}

std::uint32_t FormingModel::intern(const FormingNode& node) {
  Fingerprinter out;
  out.add(node.id().value()).add(node.restarts).add(node.disk.hard_state.cluster.value());
  out.add(node.disk.entries.size()).add(node.disk.writes.size());
  for (const raft::Entry& entry : node.disk.entries) out.add(number_of(entry));
  for (const raft::Write& write : node.disk.writes) {
    out.add(write.entries.empty() ? 0 : 1U + number_of(write.entries.front()));
    out.add(write.hard_state ? write.hard_state->cluster.value() : 0);
  }
  raft::Inside::add_to(out, node.formation);
  const auto [place, is_new] = numbers_.emplace(out.finish(), static_cast<std::uint32_t>(nodes_.size()));
  if (is_new) nodes_.push_back(node);
  return place->second;
}

std::uint32_t FormingModel::intern(const Forms& forms) {
  if (forms.empty()) return 0;
  const auto [place, is_new] = set_numbers_.emplace(forms, static_cast<std::uint32_t>(sets_.size()));
  if (is_new) sets_.push_back(forms);
  return place->second;
}

std::uint32_t FormingModel::number_of(const raft::Entry& entry) {
  for (std::uint32_t i = 0; i < clusters_.size(); ++i) {
    if (clusters_[i] == entry) return i;
  }
  clusters_.push_back(entry);
  return static_cast<std::uint32_t>(clusters_.size() - 1);
}

std::vector<FormingModel::Event> FormingModel::events(const State& state) const {
  std::vector<Event> events;
  for (std::uint8_t place = 0; place < kNodes; ++place) {
    const FormingNode& node = nodes_[state.nodes[place]];
    for (const auto& [from, to] : hellos_to(state, place)) {
      events.push_back({Kind::kHello, place, narrow(from), narrow(to), 0});
    }
    for (const auto& [cluster, to] : sets_[state.forms]) {
      if (NodeId(to) == node.id() && !node.formation.formed()) events.push_back({Kind::kForm, place, 0, 0, cluster});
    }
    if (!node.disk.writes.empty()) events.push_back({Kind::kPersist, place, 0, 0, 0});
    for (std::uint8_t done = 0; state.crashes > 0 && done <= node.disk.writes.size(); ++done) {
      events.push_back({Kind::kCrash, place, 0, done, 0});
    }
    if (state.wipes > 0) events.push_back({Kind::kWipe, place, 0, 0, 0});
  }
  return events;
}

void FormingModel::successors(const State& state, std::vector<Successor<FormingModel>>& successors) {
  successors_by_steps(*this, state, events(state), successors);
}

FormingModel::State FormingModel::step(const State& state, const Event& event) {
  State next = state;
  FormingNode node = nodes_[state.nodes[event.node]];
  Forms forms = sets_[state.forms];
  if (event.kind == Kind::kHello) {
    hear_hello(node, hello_from(event), forms);
  } else if (event.kind == Kind::kForm) {
    const raft::Entry& entry = clusters_[event.cluster];
    const ClusterId cluster = configuration_of(entry).cluster;
    node.formation.receive(Now{}, ConnectionId(1),
                           {cluster, Term(), NodeId(99), node.id(), raft::Form{configuration_of(entry), entry.time}});
  } else if (event.kind == Kind::kPersist) {
    const WriteId write = node.disk.writes.front().id;
    node.disk.complete(1);
    node.formation.persisted(Now{}, write);
  } else if (event.kind == Kind::kWipe) {
    --next.wipes;
    node = blank(node.place, node.wipes + 1);
  } else {
    --next.crashes;
    node.disk.complete(event.number);
    node.disk.writes.clear();
    ++node.restarts;
    if (!is_bound(node)) node.formation = started(node.place, node.id(), node.restarts, node.disk);
  }
  take_output(node, forms);
  next.nodes[event.node] = intern(node);
  next.forms = intern(forms);
  note_hellos(next);
  check(state, next);
  return next;
}

// What is said now, by those who are not formed; with stale Hellos also what ever was.
FormingModel::Hellos FormingModel::hellos_to(const State& state, std::size_t place) const {
  Hellos hellos;
  for (const std::uint32_t sender : state.nodes) {
    if (nodes_[sender].formation.formed()) continue;
    for (const auto& [to, message] : hellos_of(nodes_[sender])) {
      // One that is bound already says to which cluster: it is told nothing that it does not have.
      if (to == place && !message.cluster)
        hellos.emplace(static_cast<std::uint32_t>(message.from.value()), message.to.value());
    }
  }
  if (!bounds_.stale_hellos) return hellos;
  for (const auto& [from, to] : sets_[state.hellos]) {
    const bool may_be_for = place_of(from) != place && (to == 0 || place_of(to) == place);
    if (may_be_for) hellos.emplace(from, to);
  }
  return hellos;
}

void FormingModel::note_hellos(State& state) {
  if (!bounds_.stale_hellos) return;
  Hellos said = sets_[state.hellos];
  for (std::size_t place = 0; place < kNodes; ++place) said.merge(hellos_to(state, place));
  state.hellos = intern(said);
}

raft::Message FormingModel::hello_from(const Event& event) {
  raft::Hello hello{letter(place_of(event.from)), {}};
  for (std::size_t place = 0; place < kNodes; ++place) hello.initial_members.push_back(letter(place));
  return {ClusterId(), Term(), NodeId(event.from), NodeId(event.number), std::move(hello)};
}

void FormingModel::hear_hello(FormingNode& node, const raft::Message& message, Forms& forms) {
  if (!node.formation.formed()) {
    node.formation.receive(Now{}, ConnectionId(1), message);
    return;
  }
  const raft::Entry& entry = node.disk.entries.front();
  const auto answer = raft::answer_to_hello(configuration_of(entry), entry.time, message.from, message.cluster,
                                            std::get<raft::Hello>(message.body));
  if (std::holds_alternative<raft::Form>(answer)) forms.emplace(number_of(entry), message.from.value());
}

void FormingModel::take_output(FormingNode& node, Forms& forms) {
  raft::FormationOutput output = node.formation.take_output();
  for (raft::Write& write : output.writes) node.disk.writes.push_back(std::move(write));
  for (const raft::Outgoing& outgoing : output.messages) {
    if (!std::holds_alternative<raft::Form>(outgoing.message.body)) continue;
    require(is_bound(node), "R17: a Form left before the node that sent it was bound");
    forms.emplace(number_of(node.disk.entries.front()), outgoing.message.to.value());
  }
}

void FormingModel::check(const State& before, State& next) {
  std::map<std::uint32_t, std::size_t> up;
  std::map<ClusterId, std::uint32_t> entries;
  for (const auto& [cluster, to] : sets_[next.forms]) {
    const auto known = entries.emplace(configuration_of(clusters_[cluster]).cluster, cluster).first;
    require(known->second == cluster, "R17: two different entries 1 of one cluster");
  }
  for (std::size_t place = 0; place < kNodes; ++place) {
    const FormingNode& earlier = nodes_[before.nodes[place]];
    const FormingNode& node = nodes_[next.nodes[place]];
    if (node.id() == earlier.id() && is_bound(earlier)) {
      require(node.disk.hard_state.cluster == earlier.disk.hard_state.cluster, "R17: a node left its cluster");
    }
    if (!is_bound(node)) continue;
    require(!node.disk.entries.empty(), "R17: a node is bound to a cluster that it cannot describe");
    const raft::Configuration& configuration = configuration_of(node.disk.entries.front());
    require(configuration.cluster == node.disk.hard_state.cluster, "R17: a node is bound to two clusters");
    require(configuration.find(node.id()) != nullptr, "R17: a node is bound by an entry 1 that does not name it");
    const std::uint32_t entry = number_of(node.disk.entries.front());
    require(entries.emplace(configuration.cluster, entry).first->second == entry,
            "R17: two different entries 1 of one cluster");
    ++up[entry];
  }
  for (const auto& [cluster, count] : up) {
    if (count <= kNodes / 2) continue;
    require(next.served == 0 || next.served == cluster + 1, "R17: two clusters formed");
    next.served = cluster + 1;
  }
}

Fingerprint FormingModel::fingerprint(const State& state) const {
  Fingerprinter out;
  for (const std::uint32_t node : state.nodes) out.add(node);
  out.add(state.forms).add(state.hellos).add(state.served).add(state.crashes + 256U * state.wipes);
  return out.finish();
}

std::string FormingModel::describe(const State&, const Event& event) const {
  const std::string node = letter(event.node);
  switch (event.kind) {
    case Kind::kHello:
      return "to " + node + ": Hello of " + letter(place_of(event.from)) + ", id " + std::to_string(event.from) +
             (event.number == 0 ? "" : " to id " + std::to_string(event.number));
    case Kind::kForm: return "to " + node + ": Form of cluster " + std::to_string(event.cluster + 1);
    case Kind::kPersist: return node + "'s oldest write completes";
    case Kind::kCrash:
      return node + " crashes and restarts; " + std::to_string(event.number) + " of its writes are done";
    case Kind::kWipe: return node + "'s disk is wiped";
  }
  return {};
}

std::string FormingModel::describe(const State& state) const {
  std::string text;
  for (std::size_t place = 0; place < kNodes; ++place) {
    const FormingNode& node = nodes_[state.nodes[place]];
    text += letter(place) + ": id " + std::to_string(node.id().value()) + (is_bound(node) ? " bound" : " blank") +
            (node.disk.entries.empty() ? "" : ", has an entry 1") + (place + 1 < kNodes ? " | " : "");
  }
  return text;
}

}  // namespace lockstep::explore
