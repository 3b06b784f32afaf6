// ReadTakenOver: which locks came with a session that was taken over from an earlier incarnation (L1).
//
// First it asks whether the session holds anything. Nearly always it holds nothing, which costs the cluster little.
// Then it asks what changed since the session was opened, or for the full state if the node does not have those changes
// any more.
#include <utility>
#include <vector>

#include "protocol/client_core/details.hpp"
#include "protocol/client_core/requests/requests.hpp"

namespace lockstep::client_core {
namespace {

bool holds_something(const wire::SessionsAnswer& answer, SessionId session) {
  const auto& views = answer.sessions;
  return !views.empty() && views.front().session == session && views.front().locks > 0;
}

// All that was taken over has the index of the Open as its token; so may what others were granted by that entry.
void note_changes(const ClientParts& client, ReadTakenOver& taken, const std::vector<locks::LockChange>& changes) {
  const FencingToken token(client.session.id().value());
  for (const locks::LockChange& change : changes) {
    if (change.owner != client.options.client || change.token != token) continue;
    if (change.ended) {
      taken.locks.erase(change.name);
    } else {
      taken.locks.insert_or_assign(change.name, change.mode);
    }
  }
}

void note_page(const ClientParts& client, ReadTakenOver& taken, const wire::WatchAnswer& page) {
  if (page.reset) taken.locks.clear();
  note_changes(client, taken, page.changes);
  note_changes(client, taken, page.locks);
  if (!page.more) return;
  auto& watch = std::get<wire::WatchRequest>(taken.read);
  watch.from = page.index;
  if (!page.locks.empty()) watch.after = page.locks.back().name;
}

void finish(ClientParts& client, RequestId id, const ReadTakenOver& taken) {
  const SessionId session = client.session.id();
  const FencingToken token(session.value());
  TakenOver outcome;
  for (const auto& [name, mode] : taken.locks) {
    outcome.locks.push_back({name, mode, token});
    client.holds.hold({name}, token);
  }
  client.answer_call(id, std::move(outcome), LogIndex(session.value()));
  client.requests.erase(id);
}

}  // namespace

wire::RequestBody ReadTakenOver::says(Time, const ClientSession& session) {
  auto* sessions = std::get_if<wire::SessionsRequest>(&read);
  if (sessions == nullptr) return std::get<wire::WatchRequest>(read);
  sessions->after = session.id().previous();
  sessions->at_least = session.highest_index();
  return *sessions;
}

Detail accept(ClientParts& client, Time now, RequestId id, const ReadTakenOver&, const wire::Response& response) {
  const SessionId session = client.session.id();
  auto& taken = std::get<ReadTakenOver>(client.requests.body(id));
  if (const auto* asked = std::get_if<wire::SessionsRequest>(&taken.read)) {
    const auto* answer = std::get_if<wire::SessionsAnswer>(&response.body);
    if (answer == nullptr) return kWrongKind;
    if (response.applied < asked->at_least) return kTooOld;
    if (!holds_something(*answer, session)) return finish(client, id, taken), Detail();
    client.requests.start_again(id, now);
    taken.read = wire::WatchRequest{{}, LogIndex(session.value()).previous(), {}, 0};
    return {};
  }
  const auto* page = std::get_if<wire::WatchAnswer>(&response.body);
  if (page == nullptr) return kWrongKind;
  if (page->index.value() < session.value()) return kTooOld;
  note_page(client, taken, *page);
  if (!page->more) return finish(client, id, taken), Detail();
  client.requests.start_again(id, now);
  return {};
}

}  // namespace lockstep::client_core
