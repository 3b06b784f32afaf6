// Writes the inputs that fuzzing begins with, from what nodes and clients really say:
//
//   fuzz_seeds FOLDER     writes FOLDER/TARGET/NAME
#include <filesystem>
#include <fstream>
#include <iostream>
#include <string>

#include "protocol/wire/state_codec.hpp"
#include "tests/fuzz/node.hpp"
#include "tests/support/random_message.hpp"
#include "tools/lockstep/json/message_json.hpp"
#include "tools/lockstep/kept/state_file.hpp"

namespace lockstep::fuzz {
namespace {

std::filesystem::path corpus;

void write(const std::string& target, const std::string& name, const std::string& bytes) {
  std::filesystem::create_directories(corpus / target);
  std::ofstream(corpus / target / name, std::ios::binary) << bytes;
}

std::string byte(unsigned value) { return std::string(1, static_cast<char>(value)); }

std::string chunk(const std::string& bytes) {
  return byte(bytes.size() & 255U) + byte(static_cast<unsigned>(bytes.size() >> 8U)) + bytes;
}

// ---- Frames of clients.

wire::Request request(wire::RequestBody body) { return {CallNumber(1), std::move(body)}; }

locks::Execute execute(std::uint64_t session, std::uint64_t number, locks::Operation operation) {
  return {SessionId(session), RequestNumber(number), RequestNumber(1), std::move(operation)};
}

wire::OpenSession open_session() {
  wire::OpenSession open;
  open.client.bytes.fill(4);
  open.nonce = 4;
  open.ttl_ms = 1000;
  open.note = "seed";
  return open;
}

std::vector<wire::Request> requests() {
  return {
      request(open_session()),
      request(execute(3, 20, locks::Release{"a"})),
      request(execute(4, 20, locks::Acquire{{"a", "b"}, locks::Mode::kShared, 0, true, 1})),
      request(execute(5, 20, locks::Acquire{{"s"}, locks::Mode::kPermit, 2, true, 0})),
      request(execute(4, 21, locks::Cancel{WaiterId(7)})),
      request(execute(3, 21, locks::Preempt{"d"})),
      request(execute(5, 21, locks::ForceRelease{"a", "why"})),
      request(execute(5, 22, locks::CloseSession{SessionId(4), "why"})),
      request(execute(3, 22, locks::Close{})),
      request(wire::CheckRequest{"a", wire::ReadMode::kLinearizable, LogIndex(5)}),
      request(wire::ListRequest{"", "", 10, wire::ReadMode::kLocal, LogIndex()}),
      request(wire::StatusRequest{}),
      request(wire::KeepAlive{SessionId(4)}),
      request(wire::Wait{SessionId(4), WaiterId(7), 1000, LogIndex()}),
      request(wire::HistoryRequest{"", 0, 10, LogIndex()}),
      request(wire::SessionsRequest{SessionId(), 10, LogIndex()}),
      request(wire::CountRequest{"a/", "a/b", wire::ReadMode::kLinearizable, LogIndex(7)}),
      request(wire::WatchRequest{"", LogIndex(), "", 1000}),
      request(wire::WatchRequest{"a", LogIndex(20), "", 1000}),
  };
}

void write_client_frames() {
  std::string story;
  for (const wire::Request& one : requests()) {
    const std::string record = byte(0) + chunk(wire::encode(one));
    const auto type = static_cast<std::uint64_t>(wire::type_of(one.body));
    write("client_frame", "request-" + std::to_string(type), record);
    story += record;
  }
  write("client_frame", "story", story + byte(7 + 8 * 30) + story);
}

// ---- Frames of nodes.

std::string fitted(const raft::Message& message, unsigned header, unsigned what, const std::string& more = {}) {
  return byte(1) + chunk(wire::encode(message)) + byte(header) + byte(what) + more;
}

void write_peer_frames() {
  Random random(1);
  for (const wire::NamedNumber& type : wire::names_of<wire::MessageType>()) {
    const auto message = testing::random_frame<raft::Message>(random, static_cast<wire::MessageType>(type.number));
    if (wire::encode(message).size() > 2000) continue;
    for (const unsigned node : {0U, 3U, 4U, 5U}) {
      write("peer_frame", std::string(type.name) + "-" + std::to_string(node),
            byte(node) + byte(0) + chunk(wire::encode(message)) + fitted(message, 2, 255, "\x08\x08\x08"));
    }
  }
  // What a late node and its leader say to each other, snapshot and all.
  std::vector<Node> nodes = busy_cluster(3);
  Node late(2, 3, true);
  std::string to_late = byte(4);
  std::string to_leader = byte(0);
  nodes.front().tick();
  for (const raft::Outgoing& outgoing : nodes.front().take_messages()) {
    late.step(PeerMessage{ConnectionId(1), outgoing.message});
    to_late += byte(0) + chunk(wire::encode(outgoing.message));
  }
  for (int turn = 0; turn < 6; ++turn) {
    for (const raft::Outgoing& question : late.take_messages()) {
      to_leader += byte(0) + chunk(wire::encode(question.message));
      nodes.front().step(PeerMessage{ConnectionId(2), question.message});
    }
    for (const raft::Outgoing& answer : nodes.front().take_messages()) {
      late.step(PeerMessage{ConnectionId(1), answer.message});
      to_late += byte(0) + chunk(wire::encode(answer.message));
    }
  }
  write("peer_frame", "story-late", to_late);
  write("peer_frame", "story-leader", to_leader + byte(6) + byte(7 + 8 * 20));
}

void write_response_frames() {
  Random random(2);
  for (const wire::NamedNumber& type : wire::names_of<wire::ResponseType>()) {
    wire::Response response;
    do {
      response = testing::random_frame<wire::Response>(random, static_cast<wire::ResponseType>(type.number));
    } while (wire::encode(response).size() > 2000);
    const std::string answer = byte(2) + byte(32) + chunk(wire::encode(response));
    const std::string opened =
        byte(2) + byte(32) +
        chunk(wire::encode(wire::Response{CallNumber(1), LogIndex(10), locks::SessionOpened{SessionId(10)}}));
    std::string story;
    for (unsigned call = 0; call < 14; ++call) story += byte(8 * call) + byte(9) + answer;
    write("response_frame", std::string(type.name), byte(8) + byte(0) + byte(0) + opened + story + byte(5) + answer);
  }
}

// ---- Everything else.

void write_rest() {
  const Node node = busy_cluster(1).front();
  write("state_bytes", "busy", wire::encode_state(node.replica().state()));
  write("state_bytes", "empty", wire::encode_state(locks::StateMachine()));

  for (const wire::Request& one : requests()) {
    const auto type = static_cast<std::uint64_t>(wire::type_of(one.body));
    write("zmq_json", "request-" + std::to_string(type), to_line(to_json(one)));
  }
  Random random(3);
  for (const wire::NamedNumber& type : wire::names_of<wire::MessageType>()) {
    const auto message = testing::random_frame<raft::Message>(random, static_cast<wire::MessageType>(type.number));
    const std::string line = to_line(to_json(message));
    if (line.size() > 3000) continue;
    write("zmq_json", std::string(type.name), line);
    write("zmq_json", std::string(type.name) + "-frame", wire::encode(message));
  }

  const ClientId client = *parse_client_id("6ba7b810-9dad-11d1-80b4-00c04fd430c8");
  KeptSession kept;
  kept.saved.session = SessionId(10);
  kept.saved.next_number = RequestNumber(5);
  kept.saved.highest_index = LogIndex(20);
  write("state_file", "session", encode_state(client, {{ClusterId(77), kept}}));
  write("state_file", "empty", encode_state(client, {}));

  // A number in `meta`, in a segment's header, in a batch's header and in its record; and each kind of change.
  write("log_recovery", "unchanged", byte(2));
  for (unsigned file = 0; file < 5; ++file) {
    for (unsigned place = 0; place < 8; place += 2) {
      write("log_recovery", "number-" + std::to_string(file) + "-" + std::to_string(place),
            byte(2 + place / 2 % 2) + byte(16 * file + 3) + byte(place) + byte(8) + "\1\2\3\4\5\6\7\10");
    }
    for (unsigned what = 8; what < 16; ++what) {
      write("log_recovery", "change-" + std::to_string(file) + "-" + std::to_string(what),
            byte(2 + what % 2) + byte(16 * file + what) + byte(3) + byte(4) + byte(5) + byte(6) + "seed");
    }
  }
}

}  // namespace
}  // namespace lockstep::fuzz

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: fuzz_seeds FOLDER\n";
    return 2;
  }
  lockstep::fuzz::corpus = argv[1];
  lockstep::fuzz::write_client_frames();
  lockstep::fuzz::write_peer_frames();
  lockstep::fuzz::write_response_frames();
  lockstep::fuzz::write_rest();
}
