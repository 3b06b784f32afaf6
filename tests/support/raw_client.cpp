#include "tests/support/raw_client.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "protocol/wire/codec.hpp"

namespace lockstep::testing {
namespace {

ClientConnection opened(Context& context, const std::string& endpoint) {
  auto connection = ClientConnection::open(context, endpoint);
  if (!connection) throw std::runtime_error(to_string(connection.error()));
  return std::move(*connection);
}

}  // namespace

RawClient::RawClient(std::shared_ptr<Context> context, const std::string& endpoint)
    : context_(std::move(context)), connection_(opened(*context_, endpoint)) {}

bool RawClient::try_send_frame(const std::string& frame, std::chrono::milliseconds patience) {
  return wait_until([&] { return connection_.send(frame) == SendResult::kSent; }, patience);
}

void RawClient::send_frame(const std::string& frame) {
  if (!try_send_frame(frame, kPatience)) throw std::runtime_error("the node takes no requests");
}

CallNumber RawClient::send(const wire::RequestBody& body) {
  if (!try_send(body, kPatience)) throw std::runtime_error("the node takes no requests");
  return last_call_;
}

bool RawClient::try_send(const wire::RequestBody& body, std::chrono::milliseconds patience) {
  last_call_ = last_call_.next();
  return try_send_frame(wire::encode(wire::Request{last_call_, body}), patience);
}

std::optional<wire::Response> RawClient::receive(std::chrono::milliseconds patience) {
  std::optional<std::string> frame;
  if (!wait_until([&] { return (frame = connection_.receive()).has_value(); }, patience)) return std::nullopt;
  auto response = wire::decode_response(*frame);
  if (!response) return std::nullopt;
  return std::move(*response);
}

wire::Response RawClient::ask(const wire::RequestBody& body) {
  const CallNumber call = send(body);
  while (auto response = receive()) {
    if (response->call == call) return std::move(*response);
  }
  throw std::runtime_error("the node does not answer");
}

SessionId RawClient::open_session(const ClientId& client) {
  wire::OpenSession open;
  open.client = client;
  std::copy(client.bytes.begin(), client.bytes.end(), open.secret.begin());
  open.nonce = 1;
  return ask_for<locks::SessionOpened>(open).session;
}

void RawClient::throw_unexpected(const wire::Response& response) {
  const auto* error = std::get_if<wire::ErrorAnswer>(&response.body);
  throw std::runtime_error(error == nullptr ? "another kind of answer: " + std::to_string(response.body.index())
                                            : std::string(error_info(error->code).name) + ": " + error->detail);
}

}  // namespace lockstep::testing
