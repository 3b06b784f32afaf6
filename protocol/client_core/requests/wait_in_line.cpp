// WaitInLine: asks what became of a place in line, again and again, until it is granted or gone.
#include "protocol/client_core/acquiring.hpp"
#include "protocol/client_core/requests/requests.hpp"

namespace lockstep::client_core {
namespace {

// How long a node may hold one Wait back. A waiter asks again so often, so a lost answer costs no more.
constexpr Duration kLongestWait = std::chrono::seconds(5);

}  // namespace

wire::RequestBody WaitInLine::says(Time now, const ClientSession& session) {
  wait.up_to_ms = poll_ms(ends - now, kLongestWait);
  wait.at_least = session.highest_index();
  return wait;
}

Detail accept(ClientParts& client, Time now, RequestId id, const WaitInLine&, const wire::Response& response) {
  return on_step_answer(client, now, id, response);
}

void refused(ClientParts& client, Time now, RequestId id, const WaitInLine&, const ClientError& error) {
  on_step_refused(client, now, id, error);
}

}  // namespace lockstep::client_core
