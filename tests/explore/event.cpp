#include "tests/explore/event.hpp"

#include "tests/explore/violation.hpp"

namespace lockstep::explore {
namespace {

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

void check_append(const raft::Raft& raft, const raft::Append& append) {
  require(raft.is_leader(), "an Append left a node that does not lead");
  require(append.commit <= raft.commit_index(), "R4: an Append names a commit index that the leader does not have");
  require(append.previous_index + append.entries.size() <= raft.log().last_index() &&
              append.previous_index >= raft.log().base().index &&
              raft.log().matches(append.previous_index, append.previous_term),
          "an Append begins where the leader's log does not");
  LogIndex index = append.previous_index;
  for (const raft::Entry& entry : append.entries) {
    index = index.next();
    require(raft.log().at(index) == entry, "an Append carries an entry that the leader's log does not");
  }
}

std::string describe_append(const Event& event, LogShape log) {
  std::string entries;
  for (std::uint64_t i = 1; i <= event.detail; ++i) entries += " " + std::to_string(log.term(event.index + i));
  return "previous " + std::to_string(event.index) + " of term " + std::to_string(log.term(event.index)) +
         ", entries of terms [" + entries + " ], commit " + std::to_string(event.commit);
}

}  // namespace

LogShape::LogShape(const std::vector<std::uint64_t>& terms) {
  for (const std::uint64_t term : terms) append(term);
}

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

raft::Message message_of(const Event& event, LogShape log) {
  raft::Message message{kCluster, Term(event.term), id_of(event.from), id_of(event.node), raft::NotLeader{}};
  switch (event.kind) {
    case Kind::kVoteRequest:
      message.body = raft::VoteRequest{.number = CallNumber(1),
                                       .pre_vote = false,
                                       .last_index = LogIndex(event.index),
                                       .last_term = Term(event.detail)};
      break;
    case Kind::kVote:
      message.body = raft::Vote{.number = CallNumber(), .pre_vote = false, .granted = true, .leader = NodeId()};
      break;
    case Kind::kAppend: message.body = append_of(event, log); break;
    case Kind::kAck: message.body = raft::Ack{LogIndex(event.index), Round()}; break;
    case Kind::kHearOfLeader: message.body = raft::NotLeader{CallNumber(1), id_of(event.detail)}; break;
    default: break;
  }
  return message;
}

std::vector<Said> said_of(const raft::Raft& raft, const std::vector<raft::Message>& messages) {
  std::vector<Said> said;
  for (const raft::Message& message : messages) {
    const std::uint8_t term = narrow(message.term);
    const std::uint8_t to = message.to ? narrow(node_of(message.to)) : narrow(0);
    if (const auto* append = std::get_if<raft::Append>(&message.body)) {
      check_append(raft, *append);
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

std::string describe(const Event& event, LogShape log) {
  const std::string node = letter(event.node);
  const std::string to = "to " + node + ": ";
  const std::string from = " of " + letter(event.from) + ", term " + std::to_string(event.term);
  const std::string index = std::to_string(event.index);
  constexpr const char* kLeft[] = {"", ", and of the next the snapshot", ", and of the next all but the hard state"};
  constexpr const char* kHow[] = {"; published", "; the answer to its Fetch", "; the answer to an earlier Fetch"};
  switch (event.kind) {
    case Kind::kCampaign: return node + " campaigns";
    case Kind::kLoseQuorum: return node + " hears of no quorum for the whole timeout";
    case Kind::kPropose: return node + " proposes";
    case Kind::kPersist: return node + "'s oldest write completes";
    case Kind::kCrash:
      return node + " crashes and restarts; " + index + " of its writes are done" + kLeft[event.detail];
    case Kind::kDamage: return node + " restarts, and its log is found damaged after index " + index;
    case Kind::kBeginCompaction: return node + " begins to compact";
    case Kind::kEndCompaction: return node + "'s new snapshot is on its disk";
    case Kind::kEndTurn: return node + " ends its turn";
    case Kind::kVoteRequest:
      return to + "VoteRequest" + from + ", last entry " + index + " of term " + std::to_string(event.detail);
    case Kind::kVote: return to + "Vote" + from + ", granted";
    case Kind::kAck: return to + "Ack" + from + ", match " + index;
    case Kind::kHearOfTerm: return to + "anything" + from + ", that says only the term";
    case Kind::kHearOfLeader: return to + "NotLeader" + from + ", names leader " + letter(event.detail);
    case Kind::kAppend: return to + "Append" + from + ", " + describe_append(event, log) + kHow[event.fetch];
    case Kind::kPart:
      return to + "part " + std::to_string(event.detail + 1) + from + ", of the snapshot up to " + index +
             kHow[event.fetch];
  }
  return {};
}

}  // namespace lockstep::explore
