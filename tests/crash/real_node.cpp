#include "tests/crash/real_node.hpp"

#include <algorithm>
#include <csignal>
#include <fstream>
#include <optional>
#include <stdexcept>

#include "nodes/transport/client_connection.hpp"
#include "protocol/wire/codec.hpp"
#include "tests/crash/disk_record.hpp"
#include "tests/support/free_endpoint.hpp"
#include "tests/support/wait_until.hpp"

namespace lockstep::crash {
namespace {

constexpr std::size_t kNamesOfOne = 16;
constexpr std::size_t kLongestName = 255;
constexpr std::uint64_t kFirstCall = 0x1ea5'0000'0000'0000;  // so that it is found among other bytes

ClientId the_client() {
  ClientId client;
  client.bytes.fill(0x5a);
  client.bytes.front() = 0x11;
  return client;
}

wire::RequestBody request(std::size_t operation, SessionId session) {
  if (operation == 0) {
    wire::OpenSession open;
    open.client = the_client();
    open.nonce = 1;
    return open;
  }
  locks::Acquire acquire;
  acquire.wait = false;
  for (std::size_t i = 0; i < kNamesOfOne; ++i) {
    std::string name = key_of(operation) + static_cast<char>('a' + i);
    name.resize(kLongestName, 'x');
    acquire.names.push_back(std::move(name));
  }
  const RequestNumber number(operation);
  return locks::Execute{session, number, number, acquire};
}

std::string bytes_of(CallNumber call) {
  std::string bytes;
  for (int shift = 56; shift >= 0; shift -= 8) bytes += static_cast<char>((call.value() >> shift) & 0xff);
  return bytes;
}

std::string configuration(const Ports& ports, const std::string& data) {
  return "name = \"a\"\ndata = \"" + data + "\"\n[[members]]\nname = \"a\"\nclient = \"" + ports.endpoints()[0] +
         "\"\npeer = \"" + ports.endpoints()[1] + "\"\npublish = \"" + ports.endpoints()[2] +
         "\"\n[timing]\nelection_timeout_min = \"8s\"\nelection_timeout_max = \"10s\"\n" +
         "[storage]\nsegment_bytes = " + std::to_string(kSegmentBytes) + "\ncompact_log_bytes = 4096\n";
}

class Asker {
 public:
  Asker(const Ports& ports, testing::Process& node) : node_(node), context_(ports.context()) {
    auto opened = ClientConnection::open(*context_, ports.endpoints()[0]);
    if (!opened) throw std::runtime_error(to_string(opened.error()));
    connection_.emplace(*std::move(opened));
  }

  // None: the node has ended.
  std::optional<Acknowledged> ask(std::size_t operation) {
    for (;;) {
      call_ = call_.next();
      const auto answer = answer_to(wire::encode(wire::Request{call_, request(operation, session_)}));
      if (!answer) return std::nullopt;
      if (const auto* opened = std::get_if<locks::SessionOpened>(&answer->body)) {
        session_ = opened->session;
        return Acknowledged{operation, LogIndex(opened->session.value()), bytes_of(call_)};
      }
      if (const auto* granted = std::get_if<locks::Granted>(&answer->body)) {
        return Acknowledged{operation, LogIndex(granted->token.value()), bytes_of(call_)};
      }
      // It does not lead yet.
    }
  }

 private:
  std::optional<wire::Response> answer_to(const std::string& frame) {
    bool sent = false;
    std::optional<wire::Response> answer;
    const bool done = testing::wait_until([&] {
      if (!sent) sent = connection_->send(frame) == SendResult::kSent;
      if (sent) take(answer);
      return answer.has_value() || node_.ended().has_value();
    });
    if (!done) throw std::runtime_error("the node neither answers nor ends");
    if (!answer) take(answer);  // it was the last that it said
    return answer;
  }

  void take(std::optional<wire::Response>& answer) {
    while (!answer) {
      const auto received = connection_->receive();
      if (!received) return;
      auto response = wire::decode_response(*received);
      if (response && response->call == call_) answer = *std::move(response);
    }
  }

  testing::Process& node_;
  std::shared_ptr<Context> context_;
  std::optional<ClientConnection> connection_;
  CallNumber call_{kFirstCall};
  SessionId session_;
};

}  // namespace

std::string key_of(std::size_t operation) {
  if (operation == 0) {
    const ClientId client = the_client();
    return {client.bytes.begin(), client.bytes.end()};
  }
  return "operation " + std::to_string(100 + operation) + " ";
}

Ports::Ports() {
  for (std::string& endpoint : endpoints_) endpoint = testing::free_endpoint();
}

NodeRun run_node(const std::vector<std::string>& node, const std::string& shim, const Ports& ports,
                 const std::filesystem::path& folder, const std::string& fault) {
  NodeRun run;
  run.folder = (folder / "watched/data").string();
  run.trace = (folder / "trace").string();
  std::filesystem::create_directories(folder / "watched");
  const std::string file = (folder / "a.toml").string();
  std::ofstream(file) << configuration(ports, run.folder);
  std::vector<std::string> command{"/usr/bin/env", "LD_PRELOAD=" + shim, kTraceVariable + ("=" + run.trace),
                                   kFolderVariable + ("=" + (folder / "watched").string())};
  if (!fault.empty()) command.push_back(kFaultVariable + ("=" + fault));
  command.insert(command.end(), node.begin(), node.end());
  command.push_back(file);
  testing::Process process(command, folder, folder / "a.log");
  {
    Asker asker(ports, process);
    for (std::size_t operation = 0; operation < kOperations; ++operation) {
      auto acknowledged = asker.ask(operation);
      if (!acknowledged) break;
      run.acknowledged.push_back(*std::move(acknowledged));
    }
  }
  run.ended_by_itself = process.ended().has_value();
  process.signal(SIGTERM);
  run.ended = process.wait();
  run.log = testing::read_file(folder / "a.log");
  return run;
}

}  // namespace lockstep::crash
