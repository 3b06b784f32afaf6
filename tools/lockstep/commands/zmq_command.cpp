// `req` sends one message and prints its answer; `tap` prints what a node publishes.
#include "tools/lockstep/commands/zmq_command.hpp"

#include <algorithm>
#include <cstdint>
#include <iostream>
#include <iterator>
#include <memory>

#include "nodes/system/clock.hpp"
#include "nodes/text/hex.hpp"
#include "nodes/transport/subscriber.hpp"
#include "tools/lockstep/answers/report.hpp"
#include "tools/lockstep/json/message_json.hpp"
#include "tools/lockstep/kept/file.hpp"
#include "tools/lockstep/zmq/exchange.hpp"
#include "tools/lockstep/zmq/tap_line.hpp"

namespace lockstep {
namespace {

constexpr const char* kWhoPublishes =
    "Only the leader publishes, at its own publish endpoint: `lockstep status` shows which node leads";

constexpr const char* kRequestFooter = R"(
MESSAGE is a JSON object with the field names of docs/protocol.md; what is left out has its default.
A formed node hears only members of its cluster, by id: see "cluster", "node" and "id" in its status for
"cluster", "to" and "from".
The answer is one JSON object on stdout, or hexadecimal if it does not decode.
Exit codes: 0 answered, whatever the answer; 2 usage; 3 cannot connect, or no answer in time.

Examples:
  lockstep zmq req tcp://127.0.0.1:7101 '{"type":"status"}'
  lockstep zmq req tcp://127.0.0.1:7101 '{"type":"check","name":"jobs/42","mode":"linearizable"}' --socket req
  echo '{"type":"list"}' | lockstep zmq req tcp://127.0.0.1:7101 -
  lockstep zmq req tcp://127.0.0.1:7101 --hex '94 02 06 01 00'     a frame with a field too many
  lockstep zmq req tcp://127.0.0.1:7201 '{"type":"hello","name":"x","initial_members":["x"]}'     to a node's peer endpoint)";

constexpr const char* kTapFooter = R"(
ENDPOINT is what a node publishes on. Only the leader publishes: proposals, and heartbeats while there are none.
Exit codes: 0 COUNT frames shown; 2 usage; 3 nothing came in time.

Examples:
  lockstep zmq tap tcp://127.0.0.1:7301
  lockstep --json zmq tap tcp://127.0.0.1:7301 -n 10 | jq .entries)";

enum class Notation { kText, kJson, kHex };

struct RequestArguments {
  std::string endpoint;
  std::string json;
  std::string hex;
  std::string file;
  std::string socket = "dealer";
};

struct TapArguments {
  std::string endpoint;
  std::uint64_t count = 0;  // 0: no end
  Duration timeout{};       // 0: for ever
  bool hex = false;
};

int fail(int exit_code, const std::string& detail, bool json) {
  Report report;
  report.exit_code = exit_code;
  report.is_error = true;
  report.text = detail;
  report.json["error"] = exit_code == kExitUsage ? "usage" : "unavailable";
  report.json["definite"] = exit_code == kExitUsage;
  report.json["detail"] = detail;
  if (exit_code == kExitUnavailable) report.advice = "`lockstep status` shows which nodes answer, and where";
  return finish(report, json);
}

std::string all_of_stdin() { return {std::istreambuf_iterator<char>(std::cin), std::istreambuf_iterator<char>()}; }

tl::expected<std::string, std::string> raw_bytes(const std::string& path) {
  if (path == "-") return all_of_stdin();
  const auto content = read_file(path);
  if (!content) return tl::unexpected(content.error());
  if (!*content) return tl::unexpected(path + ": No such file or directory");
  return **content;
}

tl::expected<std::string, std::string> frame_to_send(const RequestArguments& arguments) {
  if (!arguments.file.empty()) return raw_bytes(arguments.file);
  if (!arguments.hex.empty()) {
    const auto bytes = from_hex(arguments.hex);
    if (!bytes) return tl::unexpected<std::string>("--hex: expected two hexadecimal digits for each byte");
    return *bytes;
  }
  const std::string text = arguments.json == "-" ? all_of_stdin() : arguments.json;
  return message_from_json(text).map([](const AnyMessage& message) { return encode(message); });
}

// A node's peers are answered with peers' messages, everyone else with responses.
tl::expected<Json, std::string> decode_answer(const std::string& sent, const std::string& answer) {
  const auto to_object = [](const auto& frame) { return to_json(frame); };
  const auto to_detail = [](const wire::DecodeError& error) { return to_string(error); };
  if (wire::decode_message(sent)) return wire::decode_message(answer).map(to_object).map_error(to_detail);
  return wire::decode_response(answer).map(to_object).map_error(to_detail);
}

void print_undecoded(const std::string& bytes, const std::string& detail, bool json) {
  if (json) {
    std::cout << to_line(Json{{"hex", to_hex(bytes)}, {"problem", detail}}) << std::endl;
    return;
  }
  std::cerr << "lockstep: " << detail << std::endl;
  std::cout << to_hex(bytes) << std::endl;
}

int run_request(const GlobalOptions& global, const RequestArguments& arguments) {
  const auto frame = frame_to_send(arguments);
  if (!frame) return fail(kExitUsage, frame.error(), global.json);
  Context context;
  const SocketKind kind = arguments.socket == "req" ? SocketKind::kClientReq : SocketKind::kClientDealer;
  const auto answer = exchange(context, kind, arguments.endpoint, *frame, global.timeout);
  if (!answer) {
    const bool usage = answer.error().reason == NoAnswer::Reason::kBadEndpoint;
    return fail(usage ? kExitUsage : kExitUnavailable, answer.error().detail, global.json);
  }
  const auto decoded = decode_answer(*frame, *answer);
  if (decoded) {
    std::cout << to_line(*decoded) << std::endl;
  } else {
    print_undecoded(*answer, decoded.error(), global.json);
  }
  return kExitYes;
}

void print_frame(const std::string& bytes, Notation notation) {
  if (notation == Notation::kHex) {
    std::cout << to_hex(bytes) << std::endl;
    return;
  }
  const auto message = wire::decode_message(bytes);
  if (!message) {
    print_undecoded(bytes, to_string(message.error()), notation == Notation::kJson);
  } else {
    std::cout << (notation == Notation::kJson ? to_line(to_json(*message)) : to_tap_line(*message)) << std::endl;
  }
}

// The next frame; none once nothing has come for `timeout`. A leader publishes many times a second, so after a
// while of silence somebody who waits for ever is told where to look.
std::optional<std::string> next_frame(Subscriber& subscriber, Duration timeout) {
  constexpr Duration kSilence = std::chrono::seconds(2);
  const Time start = boot_time();
  const Time deadline = timeout == Duration::zero() ? Time::max() : start + timeout;
  Time hint = start + kSilence;
  for (;;) {
    if (auto frame = subscriber.receive()) return frame;
    const Time now = boot_time();
    if (now >= deadline) return std::nullopt;
    if (now >= hint) {
      std::cerr << "lockstep: nothing published yet. " << kWhoPublishes << '\n';
      hint = Time::max();
    }
    PollItems items{subscriber.poll_item()};
    wait_for(items, std::min({deadline, hint, now + std::chrono::hours(1)}) - now);
  }
}

int run_tap(const GlobalOptions& global, const TapArguments& arguments) {
  Context context;
  auto subscriber = Subscriber::open(context, arguments.endpoint);
  if (!subscriber) return fail(kExitUsage, to_string(subscriber.error()), global.json);
  const Notation notation = arguments.hex ? Notation::kHex : global.json ? Notation::kJson : Notation::kText;
  for (std::uint64_t shown = 0; arguments.count == 0 || shown < arguments.count; ++shown) {
    const auto frame = next_frame(*subscriber, arguments.timeout);
    if (!frame)
      return fail(kExitUnavailable, arguments.endpoint + ": nothing published in time. " + kWhoPublishes, global.json);
    print_frame(*frame, notation);
    if (!std::cout) return kExitYes;  // whoever read it has seen enough
  }
  return kExitYes;
}

void add_request(CLI::App& zmq, CommandLine& line) {
  auto* command = zmq.add_subcommand("req", "Send one message to a node and print the answer");
  command->footer(kRequestFooter);
  const auto arguments = std::make_shared<RequestArguments>();
  command->add_option("ENDPOINT", arguments->endpoint, "A node's client or peer endpoint")->required();
  auto* content = command->add_option_group("What to send")->require_option(1);
  content->add_option("MESSAGE", arguments->json, "The message as JSON; - reads it from stdin");
  content->add_option("--hex", arguments->hex, "Send these bytes instead")->type_name("BYTES");
  content->add_option("--raw", arguments->file, "Send what is in this file instead; - is stdin")->type_name("FILE");
  command->add_option("--socket", arguments->socket, "What to send it from: dealer or req")
      ->check(CLI::IsMember({"dealer", "req"}))
      ->capture_default_str();
  command->callback(
      [&line, arguments] { line.chosen = [&line, arguments] { return run_request(line.global, *arguments); }; });
}

void add_tap(CLI::App& zmq, CommandLine& line) {
  auto* command = zmq.add_subcommand("tap", "Print what a node publishes, as it comes");
  command->footer(kTapFooter);
  const auto arguments = std::make_shared<TapArguments>();
  command->add_option("ENDPOINT", arguments->endpoint, "What a node publishes on")->required();
  command->add_option("-n,--count", arguments->count, "Stop after so many frames")->check(CLI::Range(1, 1'000'000'000));
  command->add_flag("--hex", arguments->hex, "Print the bytes as they came");
  add_duration_option(*command, "--timeout", arguments->timeout, "Stop when nothing came for so long (0s: never)");
  command->callback(
      [&line, arguments] { line.chosen = [&line, arguments] { return run_tap(line.global, *arguments); }; });
}

}  // namespace

void add_zmq_command(CLI::App& app, CommandLine& line) {
  auto* zmq = app.add_subcommand("zmq", "Speak to a node in its own messages, or listen to it");
  zmq->require_subcommand(1);
  zmq->footer("`lockstep zmq req --help` and `lockstep zmq tap --help` have examples.");
  add_request(*zmq, line);
  add_tap(*zmq, line);
}

}  // namespace lockstep
