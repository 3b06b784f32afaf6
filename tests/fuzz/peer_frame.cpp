// What a node may say, valid or not, never ends another node, unless a member contradicts itself (lying_member.hpp),
// and never leaves a disk behind from which that node cannot start.
//
// Frames that nobody fits to the node they are for are dropped by the first check of their header. So most are fitted:
// the cluster, a member for a sender, a term near the node's, indexes near the end of its log, the number of its
// outstanding question.
#include <algorithm>

#include "protocol/base/invariant.hpp"
#include "protocol/raft/log.hpp"
#include "tests/fuzz/input.hpp"
#include "tests/fuzz/lying_member.hpp"
#include "tests/fuzz/node.hpp"
#include "tests/support/random_message.hpp"

namespace lockstep::fuzz {
namespace {

// Fits a message to a node that is part of a cluster. Each choice is the input's.
class Fit {
 public:
  Fit(Input& input, const Node& node) : input_(input), node_(node), raft_(*node.replica().raft()) {}

  void header(raft::Message& message) {
    const std::uint8_t choice = input_.byte();
    message.cluster = raft_.configuration().cluster;
    const auto& voters = raft_.configuration().voters;
    message.from = voters[choice % voters.size()].id;
    message.to = (choice & 4U) != 0 ? node_.id() : NodeId();
    if ((choice & 8U) == 0) message.term = raft_.term() + (choice >> 6U);
  }
  void body(raft::Message& message) {
    what_ = input_.byte();
    term_ = message.term;
    std::visit([this](auto& body) { fit(body); }, message.body);
  }

 private:
  void fit(raft::Append& append) {
    if (wants(0)) {
      append.previous_index = near_end();
      append.previous_term = term_at(append.previous_index);
    }
    if (wants(1)) {
      for (raft::Entry& entry : append.entries) entry.term = std::max(term_, append.previous_term);
    }
    if (wants(2)) append.commit = near_end();
    if (wants(3)) append.fetch = CallNumber();
    if (wants(4)) append.fetch = node_.last_fetch();
    if (wants(5)) append.round = Round(input_.byte());
    if (!wants(6)) append.state_hash.reset();
  }
  void fit(raft::VoteRequest& request) {
    if (wants(0)) request.last_index = near_end();
    if (wants(1)) request.last_term = term_at(request.last_index);
  }
  void fit(raft::Vote& vote) {
    if (wants(0)) vote.number = node_.last_question();
  }
  void fit(raft::Ack& ack) {
    if (wants(0)) ack.match = near_end();
    if (wants(1)) ack.round = Round(input_.byte());
  }
  void fit(raft::Fetch& fetch) {
    if (wants(0)) fetch.index = near_end();
    if (wants(1)) fetch.term = term_at(fetch.index);
    if (wants(2) && raft_.snapshot() != nullptr) fetch.snapshot = raft_.snapshot()->index;
    if (wants(3)) fetch.offset = input_.byte();
  }
  void fit(raft::SnapshotPart& part) {
    if (wants(0)) part.fetch = node_.last_fetch();
    if (wants(1)) part.head.index = near_end();
    if (wants(2)) part.head.configuration = raft_.configuration();
    if (wants(3)) part.offset = 0;
    if (wants(4)) part.head.state_bytes = part.bytes.size();
  }
  void fit(raft::BarrierAnswer& answer) {
    if (wants(0)) answer.number = node_.last_question();
    if (wants(1)) answer.index = near_end();
  }
  void fit(raft::NotLeader& answer) {
    if (wants(0)) answer.number = wants(1) ? node_.last_question() : node_.last_fetch();
  }
  void fit(raft::Busy& answer) {
    if (wants(0)) answer.number = node_.last_question();
  }
  void fit(raft::Hello& hello) {
    if (wants(0)) hello = {"b", {"a", "b", "c"}};
  }
  void fit(raft::Form& form) {
    if (wants(0)) form.configuration = raft_.configuration();
  }
  void fit(raft::Forward&) {}
  void fit(raft::Barrier& barrier) {
    if (wants(0)) barrier.renewals = {SessionId(3), SessionId(4), SessionId(input_.byte())};
  }
  void fit(raft::HelloRefused&) {}

  bool wants(unsigned bit) const { return ((what_ >> bit) & 1U) != 0; }
  // From eight before the end of the log to seven after it.
  LogIndex near_end() {
    const std::uint64_t around = raft_.log().last_index().value() + input_.byte() % 16;
    return LogIndex(around < 8 ? 0 : around - 8);
  }
  Term term_at(LogIndex index) const {
    const raft::Log& log = raft_.log();
    return log.contains(index) || index == log.base().index ? log.term_at(index) : term_;
  }

  Input& input_;
  const Node& node_;
  const raft::Raft& raft_;
  std::uint8_t what_ = 0;
  Term term_;
};

std::optional<raft::Message> message_from(Input& input, bool made_up) {
  if (!made_up) {
    auto message = wire::decode_message(as_text(input.chunk()));
    if (!message) return std::nullopt;
    return *std::move(message);
  }
  const auto types = wire::names_of<wire::MessageType>();
  const auto type = static_cast<wire::MessageType>(types[input.byte() % types.size()].number);
  Random random(input.number(2));
  return testing::random_frame<raft::Message>(random, type);
}

void receive_fitted(Node& node, Input& input, ConnectionId connection, bool made_up) {
  auto message = message_from(input, made_up);
  if (!message) return;
  if (node.replica().raft() != nullptr) {
    Fit fit(input, node);
    fit.header(*message);
    fit.body(*message);
  }
  // Only what can be encoded within the limits can arrive.
  node.receive_from_peer(connection, wire::encode(*message));
}

void ask(Node& node, Input& input) {
  static constexpr std::string_view kNames[] = {"a", "b", "s", "free"};
  wire::Request request{CallNumber(input.byte()), wire::CheckRequest{std::string(kNames[input.byte() % 4]), {}, {}}};
  const std::uint8_t what = input.byte();
  if (what % 4 == 1) request.body = wire::KeepAlive{SessionId(what / 4 % 8)};
  if (what % 4 == 2) std::get<wire::CheckRequest>(request.body).mode = wire::ReadMode::kLinearizable;
  if (what % 4 == 3) {
    request.body = locks::Execute{SessionId(3), RequestNumber(20 + what / 4), RequestNumber(1), locks::Preempt{"free"}};
  }
  node.step(ClientRequest{ConnectionId(500), std::move(request)});
}

Node node_for(std::uint8_t choice) {
  static const std::vector<Node> kCluster = busy_cluster(3);
  static const Node kBlank(2, 3, false);
  static const Node kLate(2, 3, true);  // has entry 1 and nothing else
  switch (choice % 8) {
    case 0:
    case 1:
    case 2: return kCluster[0];
    case 3: return kBlank;
    case 4: return kLate;
    default: return kCluster[1];
  }
}

}  // namespace

// Which node it is, and then records: one byte (what, and from whom) and what that needs.
void peer_frame(Bytes bytes) {
  Input input(bytes);
  Node node = node_for(input.byte());
  const ForgiveLyingMembers while_this_runs;
  try {
    for (int i = 0; i < 64 && !input.empty() && !node.has_stopped(); ++i) {
      const std::uint8_t what = input.byte();
      const ConnectionId connection(1 + what / 8 % 3);
      switch (what % 8) {
        case 0: node.receive_from_peer(connection, as_text(input.chunk())); break;
        case 1:
        case 2:
        case 3: receive_fitted(node, input, connection, false); break;
        case 4: receive_fitted(node, input, connection, true); break;
        case 5: ask(node, input); break;
        case 6: node.tick(); break;
        default: node.advance(std::chrono::milliseconds(10) * (1 + what / 8)); break;
      }
      (void)node.take_messages();
      (void)node.take_replies();
    }
  } catch (const LyingMember&) {
    return;
  }
  const locks::StateMachine& state = node.replica().state();
  INVARIANT(state.hash() == state.recomputed_hash(), "the hash that is kept is the state's");
  node.restart();
}

}  // namespace lockstep::fuzz
