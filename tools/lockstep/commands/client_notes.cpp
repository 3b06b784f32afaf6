// Page after page of the sessions.
#include "tools/lockstep/commands/client_notes.hpp"

#include <utility>

namespace lockstep {

ClientNotes notes_of(const SubcommandRun& run, std::set<ClientId> clients) {
  ClientNotes notes;
  SessionId after;
  while (!clients.empty()) {
    auto page = run.client->sessions(after, kMaxPage, run.timeout);
    if (!page) break;
    for (SessionInfo& session : page->sessions) {
      if (clients.erase(session.client) != 0) notes.emplace(session.client, std::move(session.note));
    }
    if (!page->more || page->sessions.empty()) break;
    after = page->sessions.back().session;
  }
  return notes;
}

}  // namespace lockstep
