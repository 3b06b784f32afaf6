// Answers and refusals: which request they are about, and what a refusal says of its other copies.
#include "protocol/client_core/answers.hpp"

#include <string>

#include "protocol/client_core/copies.hpp"
#include "protocol/client_core/details.hpp"
#include "protocol/client_core/keep_alive.hpp"
#include "protocol/client_core/requests/requests.hpp"
#include "protocol/client_core/session_end.hpp"

namespace lockstep::client_core {
namespace {

// Every kind ends with its session in a way of its own, if it does.
bool ended_with_session(ClientParts& client, RequestId id, const wire::ErrorAnswer& error) {
  const auto reason = loss_after(error.code);
  if (!reason) return false;
  const RequestKind& body = client.requests.at(id).body;
  const auto* operation = std::get_if<RunOnce>(&body);
  if (id == client.retiring) {
    retired(client, id);
  } else if (operation && operation->is_close()) {
    closed(client, id, LogIndex());
  } else if (is_of_session(body)) {
    end_session(client, *reason, definite(error), id);
  } else {
    return false;
  }
  return true;
}

// A node's refusal speaks of one copy. A node that cannot read a copy says nothing of the copies that other nodes could
// read: of another version, say.
bool says_nothing(const ClientParts& client, RequestId id, const wire::ErrorAnswer& error) {
  const bool unread = error.code == ErrorCode::kBadRequest || error.code == ErrorCode::kUnsupportedVersion;
  return error_info(error.code).certainty != Certainty::kDefinite || id == client.retiring ||
         (unread && client.requests.at(id).another_copy_was_sent());
}

void move_on_if_newest(ClientParts& client, Time now, RequestId id, bool newest, std::string detail) {
  if (!newest) return;
  move_on(client, now, id, std::move(detail), client.endpoints.backoff(client.requests.at(id).failures));
}

void on_error(ClientParts& client, Time now, RequestId id, bool newest, const wire::ErrorAnswer& error) {
  if (ended_with_session(client, id, error)) return;
  if (says_nothing(client, id, error)) return move_on_if_newest(client, now, id, newest, in_words(error));
  std::visit([&](const auto& kind) { refused(client, now, id, kind, definite(error)); }, client.requests.at(id).body);
}

}  // namespace

void receive(ClientParts& client, Time now, const ServerMessage& message) {
  const wire::Response& response = message.response;
  client.session.saw_index(response.applied);
  client.endpoints.answered(message.endpoint);
  if (client.lease.is_keep_alive(response.call)) return on_keep_alive_answer(client, now, response);
  const auto* error = std::get_if<wire::ErrorAnswer>(&response.body);
  // The node could not read so much of a frame as its call number: another version of the protocol, say.
  if (!response.call && error) return lose_endpoint(client, now, message.endpoint, in_words(*error));
  const auto id = client.requests.find_copy(response.call);
  if (!id) return;
  const bool newest = client.requests.is_newest_copy(response.call);
  if (error) return on_error(client, now, *id, newest, *error);
  const Detail detail = std::visit([&](const auto& kind) { return accept(client, now, *id, kind, response); },
                                   client.requests.at(*id).body);
  if (!detail.empty()) move_on_if_newest(client, now, *id, newest, std::string(detail));
}

}  // namespace lockstep::client_core
