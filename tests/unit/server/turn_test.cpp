// Goal: the core is told what is so, in the promised order, and what it decides leaves in the promised order.
// Method: a turn with scripted sockets, disk and clocks, and a core that records. Both write into one trace.
#include "nodes/server/turn.hpp"

#include <doctest/doctest.h>

#include <map>
#include <random>
#include <type_traits>

namespace lockstep::turn_test {
namespace {

using Trace = std::vector<std::string>;

Time at(int milliseconds) { return Time{} + std::chrono::milliseconds(milliseconds); }

std::string in_ms(Duration duration) { return std::to_string(duration / std::chrono::milliseconds(1)); }

std::string number_of(CallNumber call) { return std::to_string(call.value()); }

ReceivedRequest request_of_client(std::uint64_t connection, std::uint64_t call) {
  return {ConnectionId(connection), wire::encode(wire::Request{CallNumber(call), wire::StatusRequest{}}), ""};
}

raft::Message message_of_peer(std::uint64_t number) {
  return {ClusterId(1), Term(1), NodeId(2), NodeId(3), raft::Busy{CallNumber(number)}};
}

ReceivedRequest frame_of_peer(std::uint64_t number) {
  return {ConnectionId(), wire::encode(message_of_peer(number)), ""};
}

// What comes in stands in it beforehand.
class ScriptedIo final : public TurnIo {
 public:
  explicit ScriptedIo(Trace& trace) : trace_(trace) {}

  bool wait(Duration timeout) override {
    trace_.push_back("wait " + in_ms(timeout));
    now.time += passes_in_wait;
    return true;
  }
  Now clocks() override {
    trace_.push_back("clocks " + in_ms(now.time - Time{}));
    return now;
  }
  DiskReport take_disk_report() override {
    trace_.push_back("take disk");
    return std::exchange(disk, {});
  }
  std::vector<ReceivedRequest> receive_from_peers() override {
    trace_.push_back("take peers");
    now.time += passes_in_reading;
    return std::exchange(peers, {});
  }
  std::vector<ReceivedRequest> receive_from_clients() override {
    trace_.push_back("take clients");
    return std::exchange(clients, {});
  }
  bool peers_read_empty() const override { return read_empty; }
  void send_to_peers(const raft::Destination&, const std::string& body) override {
    trace_.push_back("message " + number_of(std::get<raft::Busy>(wire::decode_message(body)->body).number));
  }
  void send_to_client(ConnectionId connection, const std::string& body) override {
    const auto response = wire::decode_response(body);
    const auto* error = std::get_if<wire::ErrorAnswer>(&response->body);
    trace_.push_back("answer " + number_of(response->call) + " to " + std::to_string(connection.value()) +
                     (error != nullptr ? ": " + error->detail : ""));
  }
  void submit(std::vector<raft::Write> writes) override {
    for (const raft::Write& write : writes) trace_.push_back("write " + std::to_string(write.id.value()));
  }
  void read_snapshots(std::vector<raft::SnapshotRead> reads) override {
    for (const raft::SnapshotRead& read : reads) trace_.push_back("read for " + number_of(read.fetch));
  }
  void compact(const Compaction& wanted) override {
    trace_.push_back("compact " + std::to_string(wanted.index.value()));
  }
  void tell(const std::vector<Notice>& notices) override {
    for (const Notice& notice : notices) trace_.push_back("tell " + notice.text);
  }

  Now now{at(100), WallTime{}};
  Duration passes_in_wait{};
  Duration passes_in_reading{};
  DiskReport disk;
  std::vector<ReceivedRequest> peers;
  std::vector<ReceivedRequest> clients;
  bool read_empty = true;

 private:
  Trace& trace_;
};

// Decides what stands in `next`.
class RecordingCore final : public TurnCore {
 public:
  explicit RecordingCore(Trace& trace) : trace_(trace) {}

  void step(Now now, const Event& event) override {
    trace_.push_back("step " + std::visit([](const auto& what) { return describe(what); }, event) + " at " +
                     in_ms(now.time - Time{}));
    if (deadline_after_step) deadline = *deadline_after_step;
  }
  void end_turn() override { trace_.emplace_back("end of turn"); }
  Output take_output() override { return std::exchange(next, {}); }
  Time next_deadline() const override { return deadline; }
  LogIndex applied_index() const override { return LogIndex(7); }

  Output next;
  Time deadline = Time::max();
  std::optional<Time> deadline_after_step;

 private:
  static std::string describe(const PeerMessage& event) {
    return "message " + number_of(std::get<raft::Busy>(event.message.body).number);
  }
  static std::string describe(const ClientRequest& event) { return "request " + number_of(event.request.call); }
  static std::string describe(const BadFrame&) { return "bad frame"; }
  static std::string describe(const Tick& event) {
    return event.peers_read_empty ? "tick, peers read empty" : "tick, peers not read empty";
  }
  static std::string describe(const raft::DiskEvent& event) {
    if (const auto* persisted = std::get_if<raft::Persisted>(&event)) {
      return "persisted " + std::to_string(persisted->write.value());
    }
    return std::holds_alternative<raft::Compacted>(event) ? "compacted" : "part read";
  }

  Trace& trace_;
};

struct Fixture {
  TurnEnd run(Time until = Time::max()) { return turn.run(until); }
  // Those lines of the trace that begin with `word`.
  Trace lines(const std::string& word) const {
    Trace found;
    for (const std::string& line : trace) {
      if (line.starts_with(word)) found.push_back(line);
    }
    return found;
  }

  Trace trace;
  ScriptedIo io{trace};
  RecordingCore core{trace};
  Turn turn{io, core};
};

raft::Outgoing outgoing(std::uint64_t number) { return {raft::Publish{}, message_of_peer(number)}; }

raft::Write write(std::uint64_t id) {
  raft::Write write;
  write.id = WriteId(id);
  return write;
}

ClientReply reply(std::uint64_t connection, std::uint64_t call) {
  return {ConnectionId(connection), {CallNumber(call), LogIndex(7), wire::ErrorAnswer{ErrorCode::kBusy, "full", {}}}};
}

}  // namespace

TEST_CASE_FIXTURE(Fixture,
                  "a turn reads the clocks after its wait and before all else, and every event has that time") {
  io.passes_in_wait = std::chrono::milliseconds(30);
  io.passes_in_reading = std::chrono::milliseconds(5);
  io.disk.events = {raft::Persisted{WriteId(1)}};
  io.peers = {frame_of_peer(2)};
  io.clients = {request_of_client(9, 3)};
  core.deadline = at(120);
  CHECK(run().now.time == at(130));
  CHECK(trace == Trace{"clocks 100", "wait 20", "clocks 130", "take disk", "step persisted 1 at 130", "take peers",
                       "step message 2 at 130", "take clients", "step request 3 at 130",
                       "step tick, peers read empty at 130", "end of turn"});
}

TEST_CASE_FIXTURE(Fixture, "a wait ends at the core's deadline or at that of whoever runs the loop") {
  core.deadline = at(150);
  run(at(140));
  run(at(170));
  core.deadline = at(90);
  run(at(140));
  CHECK(lines("wait") == Trace{"wait 40", "wait 50", "wait -10"});
}

TEST_CASE_FIXTURE(Fixture, "the core hears of time only once its deadline has passed") {
  core.deadline = at(100) + Duration(1);
  run();
  CHECK(lines("step").empty());
  core.deadline = at(100);
  run();
  CHECK(lines("step") == Trace{"step tick, peers read empty at 100"});
}

TEST_CASE_FIXTURE(Fixture, "whether its deadline has passed is asked after the turn's other events") {
  io.peers = {frame_of_peer(1)};
  core.deadline = at(90);
  core.deadline_after_step = at(500);
  run();
  CHECK(lines("step") == Trace{"step message 1 at 100"});

  trace.clear();
  io.peers = {frame_of_peer(2)};
  core.deadline_after_step = at(60);
  run();
  CHECK(lines("step") == Trace{"step message 2 at 100", "step tick, peers read empty at 100"});
}

TEST_CASE_FIXTURE(Fixture, "the core is told that the peers were read empty only if they were in this turn") {
  core.deadline = at(90);
  io.read_empty = false;
  run();
  io.read_empty = true;
  run();
  io.read_empty = false;
  run();
  CHECK(lines("step") == Trace{"step tick, peers not read empty at 100", "step tick, peers read empty at 100",
                               "step tick, peers not read empty at 100"});
}

TEST_CASE_FIXTURE(Fixture, "what is decided leaves as one batch: messages, writes, reads, a compaction, answers") {
  core.next.replies = {reply(8, 1), reply(9, 2)};
  core.next.notices = {{Notice::Level::kInfo, "said"}};
  core.next.compaction = Compaction{LogIndex(40), 0, {}};
  core.next.snapshot_reads = {{NodeId(2), ConnectionId(5), CallNumber(6), LogIndex(30), 0, 100}};
  core.next.writes = {write(3), write(4)};
  core.next.messages = {outgoing(1), outgoing(2)};
  CHECK_FALSE(turn.send_out());
  CHECK(trace == Trace{"end of turn", "message 1", "message 2", "write 3", "write 4", "read for 6", "compact 40",
                       "answer 1 to 8: full", "answer 2 to 9: full", "tell said"});
}

TEST_CASE_FIXTURE(Fixture, "everything of a turn is one batch, whatever came in") {
  io.disk.events = {raft::Persisted{WriteId(1)}, raft::Persisted{WriteId(2)}, raft::Compacted{}};
  io.peers = {frame_of_peer(1), frame_of_peer(2)};
  io.clients = {request_of_client(9, 3), request_of_client(9, 4)};
  run();
  CHECK(lines("step") == Trace{"step persisted 1 at 100", "step persisted 2 at 100", "step compacted at 100",
                               "step message 1 at 100", "step message 2 at 100", "step request 3 at 100",
                               "step request 4 at 100"});
  CHECK(lines("end of turn").size() == 1);
  CHECK(trace.back() == "end of turn");
}

TEST_CASE_FIXTURE(Fixture, "a core that cannot go on is told of, and what it still has to say leaves") {
  core.next.messages = {outgoing(1)};
  core.next.fatal = StopReason{"its disk was emptied", false};
  const TurnEnd end = run();
  REQUIRE(end.fatal);
  CHECK(end.fatal->detail == "its disk was emptied");
  CHECK(lines("message") == Trace{"message 1"});
  CHECK_FALSE(run().fatal);
}

TEST_CASE_FIXTURE(Fixture, "once the disk has failed nothing leaves, and the events of before were heard") {
  io.disk.events = {raft::Persisted{WriteId(1)}};
  io.disk.notices = {{Notice::Level::kWarning, "slow"}};
  io.disk.failure = "cannot sync";
  io.clients = {request_of_client(9, 3)};
  core.next.messages = {outgoing(1)};
  const TurnEnd end = run();
  CHECK(end.disk_failure == "cannot sync");
  CHECK_FALSE(end.fatal);
  CHECK(trace == Trace{"clocks 100", "wait " + in_ms(Time::max() - at(100)), "clocks 100", "take disk",
                       "step persisted 1 at 100", "tell slow"});
}

TEST_CASE_FIXTURE(Fixture, "what a client sent and nobody can read is answered at once, and counted") {
  io.clients = {{ConnectionId(8), "", "expected one frame, got 2"},
                {ConnectionId(9), "not msgpack at all", ""},
                request_of_client(9, 3)};
  run();
  CHECK(lines("step") == Trace{"step bad frame at 100", "step bad frame at 100", "step request 3 at 100"});
  const Trace answers = lines("answer");
  REQUIRE(answers.size() == 2);
  CHECK(answers[0].starts_with("answer 0 to 8: message"));
  CHECK(answers[0].ends_with("expected one frame, got 2"));
  CHECK(answers[1].starts_with("answer 0 to 9: "));
  CHECK(turn.bad_peer_frames().count == 0);
}

TEST_CASE_FIXTURE(Fixture, "what no peer should send is dropped and counted, and what follows it is heard") {
  io.peers = {{ConnectionId(8), "", "expected one frame, got 2"}, {ConnectionId(), "rubbish", ""}, frame_of_peer(1)};
  run();
  CHECK(lines("step") == Trace{"step message 1 at 100"});
  CHECK(turn.bad_peer_frames().count == 2);
  CHECK_FALSE(turn.bad_peer_frames().last.empty());
  CHECK(lines("answer").empty());
}

// Each event is heard once and each decision carried out once, in their order, however turns cut them.
TEST_CASE("random turns lose nothing, repeat nothing and change no order") {
  for (std::uint32_t seed = 1; seed <= 200; ++seed) {
    CAPTURE(seed);
    std::mt19937 random(seed);
    const auto up_to = [&](std::uint32_t most) { return random() % (most + 1); };
    Fixture fixture;
    std::map<std::string, std::uint64_t> last;  // the last number of each kind
    const auto fill = [&](auto& list, const std::string& kind, auto make) {
      for (auto left = up_to(3); left > 0; --left) list.push_back(make(++last[kind]));
    };
    Time time = fixture.io.now.time;
    for (int turn = 0; turn < 20; ++turn) {
      fill(fixture.io.disk.events, "step persisted", [](auto n) { return raft::Persisted{WriteId(n)}; });
      fill(fixture.io.peers, "step message", frame_of_peer);
      fill(fixture.io.clients, "step request", [](auto n) { return request_of_client(9, n); });
      fill(fixture.core.next.messages, "message", outgoing);
      fill(fixture.core.next.writes, "write", write);
      fill(fixture.core.next.replies, "answer", [](auto n) { return reply(9, n); });
      fixture.io.passes_in_wait = std::chrono::milliseconds(up_to(9));
      fixture.core.deadline = fixture.io.now.time + std::chrono::milliseconds(up_to(9));
      fixture.io.read_empty = up_to(1) == 0;
      const bool is_due = fixture.core.deadline <= fixture.io.now.time + fixture.io.passes_in_wait;
      const std::size_t ticks = fixture.lines("step tick").size();
      const TurnEnd end = fixture.run();
      CHECK(end.now.time >= time);
      time = end.now.time;
      CHECK(fixture.lines("step tick").size() == ticks + (is_due ? 1 : 0));
    }
    for (const auto& entry : last) {
      const std::string& kind = entry.first;
      CAPTURE(kind);
      const Trace lines = fixture.lines(kind + " ");
      REQUIRE(lines.size() == entry.second);
      for (std::size_t i = 0; i < lines.size(); ++i) {
        CHECK((lines[i] + " ").starts_with(kind + " " + std::to_string(i + 1) + " "));
      }
    }
  }
}

}  // namespace lockstep::turn_test
