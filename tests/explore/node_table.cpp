#include "tests/explore/node_table.hpp"

#include <bit>
#include <utility>

#include "tests/explore/inside.hpp"
#include "tests/explore/violation.hpp"

namespace lockstep::explore {
namespace {

constexpr ClusterId kCluster(1);

std::uint8_t narrow(std::uint64_t value) { return static_cast<std::uint8_t>(value); }
template <typename Tag>
std::uint8_t narrow(Ordinal<Tag> value) {
  return narrow(value.value());
}

template <typename Entries>
LogShape shape_of(const Entries& entries) {
  LogShape shape;
  for (const raft::Entry& entry : entries) shape.append(entry.term.value());
  return shape;
}

LogShape shape_of(const raft::Log& log) {
  LogShape shape;
  for (LogIndex index(1); index <= log.last_index(); index = index.next()) shape.append(log.term_at(index).value());
  return shape;
}

Facts facts_of(const RaftNode& node) {
  const raft::Raft& raft = node.raft();
  Facts facts;
  facts.log = shape_of(raft.log());
  facts.disk_log = shape_of(node.disk().entries);
  facts.term = narrow(raft.term());
  facts.disk_term = narrow(node.disk().hard_state.term);
  facts.vote = narrow(raft.vote().value());
  facts.commit = narrow(raft.commit_index());
  facts.writes = narrow(node.disk().writes.size());
  facts.leads = raft.is_leader();
  facts.is_candidate = raft.is_candidate();
  facts.may_speak = raft.may_speak();
  facts.is_fetching = raft::Inside::is_fetching(raft);
  facts.under_repair = static_cast<bool>(node.disk().hard_state.repair_until);
  for (std::size_t other = 0; other < kNodes; ++other) {
    if (raft::Inside::has_granted(raft, id_of(other))) facts.granted |= narrow(1U << other);
    facts.match[other] = narrow(raft::Inside::match_of(raft, id_of(other)));
  }
  const auto& writes = node.disk().writes;
  for (std::size_t done = 0; done < writes.size(); ++done) {
    if (!writes[done].entries.empty() && writes[done].hard_state) facts.half_writes.push_back(narrow(done));
  }
  return facts;
}

void check_vote_stays(const raft::HardState& before, const raft::HardState& now) {
  require(now.term >= before.term, "R1: a term fell");
  require(now.term != before.term || !before.vote || now.vote == before.vote, "R1: a vote changed within its term");
}

// Of every state of a node, whatever the others do.
void check(const RaftNode& node, const Facts& facts) {
  const raft::Raft& raft = node.raft();
  const std::uint64_t applied = raft.applicable_index().value();
  require(raft.commit_index() <= raft.log().last_index(), "R4: an index is committed that the log does not hold");
  require(raft.durable_index().value() <= facts.disk_log.length(),
          "R3: an index counts as durable that is not on the disk");
  require(facts.disk_log.starts_with(facts.log.prefix(raft.durable_index().value())),
          "R3: what counts as durable is not what the disk has");
  require(facts.disk_log.starts_with(facts.log.prefix(applied)), "R4: an entry is applied that is not on the disk");
  raft::HardState hard = node.disk().hard_state;
  for (const raft::Write& write : node.disk().writes) {
    if (!write.hard_state) continue;
    check_vote_stays(hard, *write.hard_state);
    hard = *write.hard_state;
  }
  check_vote_stays(hard, raft::Inside::hard_state(raft));
  require(!raft::Inside::is_untrue_vote_waiting(raft), "R1: a vote is about to leave that is not the node's");
}

// The Appends of a leader say no more than its log and its commit index do: so a model may make them from those.
void check_append(const RaftNode& node, const raft::Append& append) {
  const raft::Raft& raft = node.raft();
  require(raft.is_leader(), "an Append left a node that does not lead");
  require(append.commit <= raft.commit_index(), "R4: an Append names a commit index that the leader does not have");
  require(append.previous_index + append.entries.size() <= raft.log().last_index() &&
              raft.log().matches(append.previous_index, append.previous_term),
          "an Append begins where the leader's log does not");
  LogIndex index = append.previous_index;
  for (const raft::Entry& entry : append.entries) {
    index = index.next();
    require(raft.log().at(index) == entry, "an Append carries an entry that the leader's log does not");
  }
}

std::vector<Said> said_of(const RaftNode& node, const std::vector<raft::Message>& messages) {
  std::vector<Said> said;
  for (const raft::Message& message : messages) {
    const std::uint8_t term = narrow(message.term);
    const std::uint8_t to = message.to ? narrow(node_of(message.to)) : narrow(0);
    if (const auto* append = std::get_if<raft::Append>(&message.body)) {
      check_append(node, *append);
    } else if (const auto* request = std::get_if<raft::VoteRequest>(&message.body)) {
      if (request->pre_vote) continue;
      said.push_back({Kind::kVoteRequest, term, to, narrow(request->last_index), narrow(request->last_term)});
    } else if (const auto* vote = std::get_if<raft::Vote>(&message.body)) {
      if (vote->granted && !vote->pre_vote) said.push_back({Kind::kVote, term, to, 0, 0});
    } else if (const auto* ack = std::get_if<raft::Ack>(&message.body)) {
      said.push_back({Kind::kAck, term, to, narrow(ack->match), 0});
    }
  }
  return said;
}

// What any Fetch is answered, whoever asks: it changes nothing on the leader.
void check_answers_to_fetch(const RaftNode& node) {
  const raft::Raft& raft = node.raft();
  if (!raft.is_leader()) return;
  const NodeId asker = id_of(raft.self() == id_of(0) ? 1 : 0);
  for (std::uint64_t index = 1; index <= raft.log().last_index().value() + 1; ++index) {
    for (std::uint64_t term = 1; term <= raft.term().value(); ++term) {
      RaftNode copy = node;
      copy.receive(
          {kCluster, raft.term(), asker, raft.self(), raft::Fetch{CallNumber(1), LogIndex(index), Term(term)}});
      said_of(copy, copy.take_sent());
    }
  }
}

raft::Append append_of(const Event& event, LogShape log) {
  raft::Append append;
  append.previous_index = LogIndex(event.index);
  append.previous_term = Term(log.term(event.index));
  for (std::uint64_t i = 1; i <= event.detail; ++i) {
    append.entries.push_back({Term(log.term(event.index + i)), WallTime{}, raft::Command{"x"}});
  }
  append.commit = LogIndex(event.commit);
  append.fetch = CallNumber(event.fetch);
  return append;
}

raft::Message message_of(const Event& event, LogShape log) {
  raft::Message message{kCluster, Term(event.term), id_of(event.from), id_of(event.node), raft::NotLeader{}};
  switch (event.kind) {
    case Kind::kVoteRequest:
      message.body = raft::VoteRequest{CallNumber(1), false, LogIndex(event.index), Term(event.detail)};
      break;
    case Kind::kVote: message.body = raft::Vote{CallNumber(), false, true, NodeId()}; break;
    case Kind::kAppend: message.body = append_of(event, log); break;
    case Kind::kAck: message.body = raft::Ack{LogIndex(event.index), Round()}; break;
    case Kind::kHearOfLeader: message.body = raft::NotLeader{CallNumber(1), id_of(event.detail)}; break;
    default: break;
  }
  return message;
}

void happen(RaftNode& node, const Event& event, LogShape log) {
  switch (event.kind) {
    case Kind::kCampaign: return node.campaign();
    case Kind::kLoseQuorum: return node.lose_quorum();
    case Kind::kPropose: return node.propose();
    case Kind::kPersist: return node.persist();
    case Kind::kCrash: return node.crash(event.index, event.detail != 0);
    case Kind::kDamage: return node.damage(LogIndex(event.index));
    default: return node.receive(message_of(event, log));
  }
}

}  // namespace

LogShape LogShape::prefix(std::uint64_t length) const {
  LogShape shape;
  for (std::uint64_t index = 1; index <= length; ++index) shape.append(term(index));
  return shape;
}

std::string LogShape::text() const {
  std::string text = "[";
  for (std::uint64_t index = 1; index <= length(); ++index)
    text += (index > 1 ? " " : "") + std::to_string(term(index));
  return text + "]";
}

std::uint32_t NodeTable::intern(RaftNode node) {
  const auto number = static_cast<std::uint32_t>(states_.size());
  const Fingerprint key = fingerprint(node, kRenamings.front(), Matters::kAll);
  if (const auto found = numbers_.find(key); found != numbers_.end()) return found->second;
  Facts facts = facts_of(node);
  check(node, facts);
  check_answers_to_fetch(node);
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

Fingerprint NodeTable::fingerprint(const RaftNode& node, const Renaming& names, Matters matters) const {
  Projection out(names, matters, tells_fetches_apart_);
  node.project(out);
  return out.finish();
}

const Effect& NodeTable::effect(std::uint32_t state, const Event& event, LogShape log) {
  const std::uint64_t shown = event.kind == Kind::kAppend ? log.bits() : 0;
  const auto key = Fingerprinter().add(state).add(std::bit_cast<std::uint64_t>(event)).add(shown).finish();
  const auto found = effects_.find(key);
  if (found != effects_.end()) return found->second;
  return effects_.emplace(key, run(state, event, log)).first->second;
}

Effect NodeTable::run(std::uint32_t state, const Event& event, LogShape log) {
  Effect effect;
  try {
    RaftNode node = states_[state].node;
    const raft::HardState before = node.disk().hard_state;
    happen(node, event, log);
    check_vote_stays(before, node.disk().hard_state);
    effect.said = said_of(node, node.take_sent());
    effect.next = intern(std::move(node));
  } catch (const Violation& violation) {
    effect.violation = violation.what();
  }
  return effect;
}

}  // namespace lockstep::explore
