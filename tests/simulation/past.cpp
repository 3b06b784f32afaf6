#include "tests/simulation/past.hpp"

namespace lockstep::simulation {

void Past::note(LogIndex index, locks::NaiveMachine& machine, const std::set<std::string>& names) {
  for (const std::string& name : names) {
    auto view = machine.whole_view(name);
    const bool is_used = view.holder_count + view.waiter_count != 0;
    locks_.note(index, name, is_used ? std::optional(std::move(view)) : std::nullopt);
  }
  std::set<SessionId> living;
  for (const locks::NaiveSession& session : machine.sessions) {
    living.insert(session.id);
    sessions_.note(index, session.id, PastSession{machine.session_view(session), session.forced_at});
  }
  sessions_.keep_only(index, living);

  std::set<WaiterId> known;
  const auto note_waiter = [&](SessionId session, WaiterId waiter) {
    if (!waiter || !known.insert(waiter).second) return;
    waiters_.note(index, waiter, PastWaiter{session, *machine.waiter_state(session, waiter)});
  };
  for (const locks::NaiveWait& wait : machine.waits) note_waiter(wait.session, wait.id);
  for (const locks::NaiveHold& hold : machine.holds) note_waiter(hold.session, hold.waiter);
  waiters_.keep_only(index, known);
  events_.push_back(machine.history.size());
}

std::vector<locks::LockView> Past::locks(const std::string& prefix, const std::string& after, LogIndex index) const {
  std::vector<locks::LockView> found = locks_.all_after(after, index);
  std::erase_if(found, [&](const locks::LockView& lock) { return !lock.name.starts_with(prefix); });
  return found;
}

}  // namespace lockstep::simulation
