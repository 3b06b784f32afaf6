// How blank nodes find each other, agree and store entry 1, and what a formed node tells one of them (R17).

#include "protocol/raft/formation.hpp"

#include <algorithm>

#include "protocol/base/documents.hpp"
#include "protocol/base/invariant.hpp"

namespace lockstep::raft {
namespace {

constexpr LogIndex kFirstIndex(1);
constexpr Term kFirstTerm(1);
// How often a name may go back to an id it had left before we say that two nodes use it. One change is
// a wiped disk; a late Hello of the disk that was wiped can look like one more.
constexpr int kToleratedChanges = 3;
// A peer that has not said Hello for as many intervals is unreachable.
constexpr int kMissedHellos = 5;
// After as many intervals a person is told again what the node waits for, though it has not changed: every ten minutes.
constexpr int kHellosUntilToldAgain = 3000;

std::string join(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

}  // namespace

std::string difference_of_members(const std::vector<std::string>& ours, const std::string& their_name,
                                  const std::vector<std::string>& theirs) {
  return "the initial members differ: here they are [" + join(ours) + "], but node " + their_name + " has [" +
         join(theirs) + "]; make the member lists of all configuration files the same, in the same order";
}

MessageBody answer_to_hello(const Configuration& configuration, WallTime formed_at, NodeId asker,
                            ClusterId asker_cluster, const Hello& hello) {
  const auto cluster_text = std::to_string(configuration.cluster.value());
  if (asker_cluster && asker_cluster != configuration.cluster) {
    return HelloRefused{"node " + hello.name + " belongs to cluster " + std::to_string(asker_cluster.value()) +
                        ", not to cluster " + cluster_text + ": its data folder is another cluster's"};
  }
  if (const Member* member = configuration.find(asker); member != nullptr && member->name == hello.name) {
    return Form{configuration, formed_at};
  }
  if (configuration.find(hello.name) != nullptr) {
    return HelloRefused{"cluster " + cluster_text + " knows another node by the name " + hello.name +
                        ". A wiped disk is a new node, since what it had acknowledged is gone: put its data folder "
                        "back, or move to a new cluster (" +
                        std::string(kOperationsDocument) + " has the steps)"};
  }
  return HelloRefused{"node " + hello.name + " is not a member of cluster " + cluster_text +
                      ": check its name and its member list"};
}

Formation::Formation(const FormationOptions& options, const Restored& restored, Now now)
    : options_(options),
      random_(options.seed),
      node_(restored),
      next_hello_(now.time),
      tells_at_(now.time + kMissedHellos * options.hello_interval) {
  INVARIANT(restored.entries.size() <= 1, "a node with more than entry 1 was bound to its cluster");
  const auto& members = options_.initial_members;
  INVARIANT(std::find(members.begin(), members.end(), options_.name) != members.end(),
            "a node is one of its initial members");
  if (node_.entries.empty()) {
    form_if_all_agree(now);
  } else {
    bind();
  }
}

Message Formation::message(MessageBody body) const {
  return {node_.hard_state.cluster, node_.hard_state.term, node_.node, NodeId(), std::move(body)};
}

void Formation::receive(Now now, ConnectionId connection, const Message& message) {
  if (doom_ || formed_ || message.from == node_.node) return;
  if (const auto* hello = std::get_if<Hello>(&message.body)) {
    on_hello(now, connection, message, *hello);
  } else if (message.to != node_.node) {
    return;
  } else if (const auto* form = std::get_if<Form>(&message.body)) {
    on_form(message, *form);
  } else if (const auto* refused = std::get_if<HelloRefused>(&message.body)) {
    output_.fatal = StopReason{refused->reason};
  }
}

void Formation::on_hello(Now now, ConnectionId, const Message& message, const Hello& hello) {
  if (message.cluster) return;  // it lost its log, not its membership: only a formed node can help it
  // It was meant for a node that had this name before, or for the disk that this one took the place of. Its sender was
  // blank then; it may have formed a cluster since.
  if (message.to && message.to != node_.node) return;
  if (hello.initial_members != options_.initial_members) {
    stop(now, difference_of_members(options_.initial_members, hello.name, hello.initial_members));
    return;
  }
  if (hello.name == options_.name) {
    stop(now, "another node calls itself " + hello.name + " too: give each node a name of its own");
    return;
  }
  const auto& members = options_.initial_members;
  if (std::find(members.begin(), members.end(), hello.name) == members.end()) return;
  note_peer(now, hello.name, message.from, static_cast<bool>(message.to));
  form_if_all_agree(now);
}

// A new id under a known name is a disk that was wiped; ids that take turns are two nodes with one name.
void Formation::note_peer(Now now, const std::string& name, NodeId id, bool knows_us) {
  BlankPeer& peer = peers_[name];
  peer.heard = now.time;
  peer.knows_us = knows_us;
  if (peer.id == id) return;
  if (peer.previous_id == id && ++peer.changes > kToleratedChanges) {
    stop(now, "two nodes call themselves " + name + ": give each node a name of its own");
    return;
  }
  peer.previous_id = peer.id;
  peer.id = id;
}

// "When all initial members are blank and agree, the first listed stores and sends Form" (R17). A node
// that once belonged to a cluster never makes another.
void Formation::form_if_all_agree(Now now) {
  if (!is_first_listed() || has_entry() || doom_ || node_.hard_state.cluster) return;
  if (peers_.size() + 1 != options_.initial_members.size()) return;
  // "never forms a cluster while a peer is unreachable" (R17): what it said long ago may have changed.
  for (const auto& [name, peer] : peers_) {
    if (!peer.knows_us || !is_heard(now, peer)) return;
  }
  Configuration configuration;
  configuration.cluster = ClusterId(random_.next_nonzero());
  configuration.state_limits = options_.state_limits;
  for (const std::string& name : options_.initial_members) {
    configuration.voters.push_back({name == options_.name ? node_.node : peers_.at(name).id, name});
  }
  made_it_ = true;
  store(Entry{kFirstTerm, std::max(now.wall, WallTime()), std::move(configuration)});
}

void Formation::on_form(const Message& message, const Form& form) {
  if (has_entry() || message.cluster != form.configuration.cluster) return;
  const Member* self = form.configuration.find(node_.node);
  if (self == nullptr || self->name != options_.name) return;
  if (node_.hard_state.cluster && node_.hard_state.cluster != form.configuration.cluster) return;
  store(Entry{kFirstTerm, form.time, form.configuration});
}

// First entry 1, then what binds this node to the cluster. A node that crashes between the two finds
// entry 1 in its log; the other way round it would be bound to a cluster it cannot describe.
void Formation::store(Entry entry) {
  node_.entries = {std::move(entry)};
  last_write_ = last_write_.next();
  entry_write_ = last_write_;
  output_.writes.push_back({last_write_, kFirstIndex, node_.entries, std::nullopt});
}

void Formation::persisted(Now, WriteId write) {
  if (entry_write_ && write == *entry_write_) {
    bind();
  } else if (binding_write_ && write == *binding_write_) {
    formed_ = node_;
    output_.notices.push_back({Notice::Level::kInfo, std::string(made_it_ ? "formed" : "joined") + " cluster " +
                                                         std::to_string(node_.hard_state.cluster.value())});
    if (made_it_) tell_everyone();
  }
}

void Formation::bind() {
  node_.hard_state.cluster = std::get<Configuration>(node_.entries.front().body).cluster;
  node_.hard_state.term = std::max(node_.hard_state.term, kFirstTerm);
  last_write_ = last_write_.next();
  binding_write_ = last_write_;
  output_.writes.push_back({last_write_, LogIndex(), {}, node_.hard_state});
}

void Formation::tick(Now now) {
  if (now.time < next_hello_) return;
  next_hello_ = now.time + options_.hello_interval;
  if (!formed_) say_hello();
  if (!has_entry() && !doom_) tell_what_it_waits_for(now);
  if (doom_ && now.time >= doom_at_) output_.fatal = StopReason{*doom_, true};
}

void Formation::say_hello() {
  for (const std::string& name : options_.initial_members) {
    if (name == options_.name) continue;
    Message hello = message(Hello{options_.name, options_.initial_members});
    if (const auto known = peers_.find(name); known != peers_.end()) hello.to = known->second.id;
    output_.messages.push_back({ToMember{name}, std::move(hello)});
  }
}

bool Formation::is_heard(Now now, const BlankPeer& peer) const {
  return now.time - peer.heard <= kMissedHellos * options_.hello_interval;
}

// For the person who started this node and wonders why it does not serve: once, when it changes, and now and then.
void Formation::tell_what_it_waits_for(Now now) {
  if (now.time < tells_at_) return;
  const std::string what = what_it_waits_for(now);
  if (what == told_ && now.time < tells_again_at_) return;
  told_ = what;
  tells_again_at_ = now.time + kHellosUntilToldAgain * options_.hello_interval;
  if (!what.empty()) output_.notices.push_back({Notice::Level::kInfo, "waits " + what});
}

std::string Formation::what_it_waits_for(Now now) const {
  if (node_.hard_state.cluster) return "for a member that has the cluster's first entry: this disk has lost it";
  std::vector<std::string> silent;
  std::vector<std::string> deaf;
  for (const std::string& name : options_.initial_members) {
    if (name == options_.name) continue;
    const auto peer = peers_.find(name);
    if (peer == peers_.end() || !is_heard(now, peer->second)) {
      silent.push_back(name);
    } else if (!peer->second.knows_us) {
      deaf.push_back(name);
    }
  }
  if (!silent.empty()) return "for " + join(silent) + ", so that the cluster can form";
  if (!deaf.empty()) return "until it is heard by " + join(deaf) + ", so that the cluster can form";
  if (is_first_listed()) return {};
  return "for " + options_.initial_members.front() + ", which forms the cluster: its log says what it waits for";
}

void Formation::tell_everyone() {
  const Entry& entry = formed_->entries.front();
  const auto& configuration = std::get<Configuration>(entry.body);
  for (const Member& member : configuration.voters) {
    if (member.id == node_.node) continue;
    Message form = message(Form{configuration, entry.time});
    form.to = member.id;
    output_.messages.push_back({ToMember{member.name}, std::move(form)});
  }
}

// Go on saying Hello for a moment, so that the other side finds the same difference and stops too. The mistake may be
// in the other's configuration: once it is corrected there, this node can go on as it is.
void Formation::stop(Now now, std::string detail) {
  doom_ = std::move(detail);
  doom_at_ = now.time + 5 * options_.hello_interval;
}

FormationOutput Formation::take_output() {
  FormationOutput output;
  std::swap(output, output_);
  return output;
}

}  // namespace lockstep::raft
