// Every state that one node was ever in, each once, and what each event made of it.
//
// The states of a cluster are many, but those of a node are few, and what a node does depends on its own state and
// the event alone. So the core runs once for each pair of them; a step of the cluster is then a look-up.
//
// A Node is a value and has
//   void happen(const Event&, LogShape log);       throws Violation
//   std::vector<raft::Message> take_sent();
//   Facts facts() const;
//   void check(const Facts&) const, check_answers() const, check_since(const Node& before, const Event&) const;
//   void project(Projection&) const;               equal for states with the same future
//   const raft::Raft& raft() const;
#pragma once

#include <bit>
#include <cstdint>
#include <deque>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "tests/explore/timeless_node.hpp"
#include "tests/explore/violation.hpp"

namespace lockstep::explore {

struct Effect {
  std::uint32_t next = 0;
  std::vector<Said> said;
  std::string violation;
};

template <typename Node>
class NodeTable {
 public:
  explicit NodeTable(bool tells_fetches_apart) : tells_fetches_apart_(tells_fetches_apart) {}

  std::uint32_t intern(Node node) {
    const auto number = static_cast<std::uint32_t>(states_.size());
    const Fingerprint key = fingerprint(node, kRenamings.front(), Matters::kAll);
    if (const auto found = numbers_.find(key); found != numbers_.end()) return found->second;
    Facts facts = node.facts();
    node.check(facts);
    node.check_answers();
    fingerprints_.emplace_back();
    for (const Matters matters : kMatters) {
      for (std::size_t i = 0; i < kRenamings.size(); ++i) {
        fingerprints_.back()[static_cast<std::size_t>(matters)][i] = fingerprint(node, kRenamings[i], matters);
      }
    }
    numbers_.emplace(key, number);
    states_.push_back({std::move(node), std::move(facts)});
    return number;
  }
  const Facts& facts(std::uint32_t state) const { return states_[state].facts; }
  // `log` is that of the leader of the message's term.
  const Effect& effect(std::uint32_t state, const Event& event, LogShape log) {
    const auto key = Fingerprinter().add(state).add(std::bit_cast<std::uint64_t>(event)).add(shown(event, log).bits());
    const auto found = effects_.find(key.finish());
    if (found != effects_.end()) return found->second;
    return effects_.emplace(key.finish(), run(state, event, log)).first->second;
  }
  const Fingerprints& fingerprints(std::uint32_t state, Matters matters) const {
    return fingerprints_[state][static_cast<std::size_t>(matters)];
  }
  std::size_t size() const { return states_.size(); }

 private:
  struct Known {
    Node node;
    Facts facts;
  };

  // How much of a leader's log its message tells of.
  static LogShape shown(const Event& event, LogShape log) {
    if (event.kind == Kind::kAppend) return log.prefix(std::uint64_t{event.index} + event.detail);
    return event.kind == Kind::kPart ? log.prefix(event.index) : LogShape();
  }

  Fingerprint fingerprint(const Node& node, const Renaming& names, Matters matters) const {
    Projection out(names, matters, tells_fetches_apart_);
    node.project(out);
    return out.finish();
  }

  Effect run(std::uint32_t state, const Event& event, LogShape log) {
    Effect effect;
    try {
      Node node = states_[state].node;
      node.happen(event, log);
      node.check_since(states_[state].node, event);
      effect.said = said_of(node.raft(), node.take_sent());
      effect.next = intern(std::move(node));
      check_acks(effect);
    } catch (const Violation& violation) {
      effect.violation = violation.what();
    }
    return effect;
  }
  void check_acks(const Effect& effect) const {
    for (const Said& said : effect.said) {
      const bool is_true = said.kind != Kind::kAck || said.index <= facts(effect.next).disk_log.length();
      require(is_true, "R3, S3: an Ack names an index that is not on the disk");
    }
  }

  bool tells_fetches_apart_;
  std::deque<Known> states_;
  std::deque<std::array<Fingerprints, kMatters.size()>> fingerprints_;  // of each
  std::unordered_map<Fingerprint, std::uint32_t, HashOfFingerprint> numbers_;
  std::unordered_map<Fingerprint, Effect, HashOfFingerprint> effects_;
};

}  // namespace lockstep::explore
