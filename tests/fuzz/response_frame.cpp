// What a node may answer, valid or not, never ends a client: every call ends once, and only what was sent is
// believed to be answered (the core's own invariants).
#include <set>

#include "protocol/base/invariant.hpp"
#include "protocol/client_core/client_core.hpp"
#include "protocol/wire/codec.hpp"
#include "tests/fuzz/input.hpp"

namespace lockstep::fuzz {
namespace {

ClientOptions options_from(std::uint8_t choice) {
  ClientOptions options;
  options.client.bytes.fill(1);
  options.nonce = 77;
  options.seed = 1;
  options.endpoints = 3;
  if ((choice & 1U) != 0) options.saved.session = SessionId(7);
  options.keeps_session = (choice & 2U) != 0;
  options.claims_unfinished = (choice & 4U) != 0;
  if ((choice & 8U) != 0) options.ttl = std::chrono::seconds(9);
  return options;
}

// A client's core between an application and a network that are both the fuzzer's.
class Client {
 public:
  explicit Client(std::uint8_t choice) : core_(options_from(choice)) {}

  void start(std::uint8_t choice, std::uint8_t more) {
    static const std::string kNames[] = {"a", "b", "jobs/1", "jobs/2"};
    const std::string& name = kNames[more % 4];
    const auto mode = (more & 4U) != 0 ? wire::ReadMode::kLinearizable : wire::ReadMode::kLocal;
    AcquireTerms terms;
    if ((more & 8U) != 0) terms.wait = std::chrono::seconds(more / 16);
    switch (choice % 14) {
      case 0: core_.preempt(now_, name); break;
      case 1: core_.release(now_, name); break;
      case 2: core_.acquire(now_, {name}, terms); break;
      case 3: core_.acquire(now_, {"b", "a", name}, terms); break;
      case 4: core_.read(now_, wire::CheckRequest{name, mode, {}}); break;
      case 5: core_.read(now_, wire::ListRequest{name, "", 10, mode, {}}); break;
      case 6: core_.watch(now_, name, LogIndex(more), "", std::chrono::seconds(1)); break;
      case 7: core_.read(now_, wire::HistoryRequest{name, 0, 10, {}}); break;
      case 8: core_.read(now_, wire::SessionsRequest{SessionId(), 10, {}}); break;
      case 9: core_.status(now_); break;
      case 10: core_.force_release(now_, name, "why"); break;
      case 11: core_.close_session(now_, SessionId(1 + more), "why"); break;
      case 12:
        if (!core_.session_was_used()) core_.take_over(now_);
        break;
      default: core_.close(now_); break;
    }
    collect();
  }
  void cancel(std::uint8_t choice) {
    const std::vector<CallId> calls = core_.waiting_acquisitions();
    if (!calls.empty()) core_.cancel(now_, calls[choice % calls.size()]);
    collect();
  }
  void receive(std::uint8_t choice, std::string_view frame) {
    auto response = wire::decode_response(frame);
    if (!response) {
      INVARIANT(!response.error().detail.empty(), "a refused frame is told why");
      return;
    }
    std::size_t endpoint = choice % 3;
    // One of the newest copies, mostly.
    if (choice >= 32 && !sent_.empty()) {
      const ClientSend& answered = sent_[sent_.size() - 1 - choice % std::min<std::size_t>(sent_.size(), 8)];
      endpoint = answered.endpoint;
      response->call = answered.request.call;
    }
    step(ServerMessage{endpoint, *std::move(response)});
  }
  void not_connected(std::size_t endpoint) { step(NotConnected{endpoint}); }
  void advance(Duration duration) {
    now_ += duration;
    step(ClientTick{});
  }
  void tick() {
    if (core_.next_deadline() != Time::max()) now_ = std::max(now_, core_.next_deadline());
    step(ClientTick{});
  }

 private:
  void step(const ClientEvent& event) {
    core_.step(now_, event);
    collect();
  }
  void collect() {
    core_.check_invariants();
    ClientOutput output = core_.take_output();
    for (ClientSend& send : output.sends) {
      INVARIANT(send.endpoint < 3, "a client asks an endpoint that there is");
      const auto decoded = wire::decode_request(wire::encode(send.request));
      INVARIANT(decoded.has_value() && *decoded == send.request, "what a client asks can be read");
      sent_.push_back(std::move(send));
    }
    for (const Completion& completion : output.completions) {
      INVARIANT(done_.insert(completion.call).second, "a call ends once");
    }
  }

  ClientCore core_;
  Time now_ = Time(std::chrono::hours(1));
  std::vector<ClientSend> sent_;
  std::set<CallId> done_;
};

}  // namespace

// Which options, and then records: one byte (what) and what that needs.
void response_frame(Bytes bytes) {
  Input input(bytes);
  Client client(input.byte());
  for (int i = 0; i < 200 && !input.empty(); ++i) {
    const std::uint8_t what = input.byte();
    switch (what % 8) {
      case 0:
      case 1: client.start(what / 8, input.byte()); break;
      case 2:
      case 3:
      case 4: {
        const std::uint8_t choice = input.byte();
        client.receive(choice, as_text(input.chunk()));
        break;
      }
      case 5: client.tick(); break;
      case 6: client.advance(std::chrono::milliseconds(100) * (1 + what / 8)); break;
      default:
        if (what / 8 % 2 == 0) {
          client.not_connected(what / 16 % 3);
        } else {
          client.cancel(what / 16);
        }
    }
  }
}

}  // namespace lockstep::fuzz
