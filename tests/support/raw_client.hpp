// A client without the library: one connection, and frames that say whatever a test wants.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "nodes/transport/client_connection.hpp"
#include "protocol/wire/client_messages.hpp"
#include "tests/support/wait_until.hpp"

namespace lockstep::testing {

class RawClient {
 public:
  // Throws if the endpoint is not one.
  RawClient(std::shared_ptr<Context> context, const std::string& endpoint);

  // Waits for the connection; throws if there is none in time.
  void send_frame(const std::string& frame);
  // Under a new call number, which it returns.
  CallNumber send(const wire::RequestBody& body);
  // False if the connection does not come up in time.
  bool try_send(const wire::RequestBody& body, std::chrono::milliseconds patience);
  // The next answer, whatever it answers; none if it does not come in time or does not decode.
  std::optional<wire::Response> receive(std::chrono::milliseconds patience = kPatience);
  // Sends, and waits for the answer to just that; throws if there is none in time.
  wire::Response ask(const wire::RequestBody& body);

  // The one alternative of an answer that the test expects; throws what came instead.
  template <typename Answer>
  Answer ask_for(const wire::RequestBody& body) {
    const wire::Response response = ask(body);
    if (const auto* answer = std::get_if<Answer>(&response.body)) return *answer;
    throw_unexpected(response);
  }

  // To open a session, as the library does; the secret and the nonce come from the client id.
  SessionId open_session(const ClientId& client);

 private:
  bool try_send_frame(const std::string& frame, std::chrono::milliseconds patience);
  [[noreturn]] static void throw_unexpected(const wire::Response& response);

  std::shared_ptr<Context> context_;  // outlives the connection
  ClientConnection connection_;
  CallNumber last_call_;
};

}  // namespace lockstep::testing
