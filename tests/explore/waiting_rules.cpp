#include "tests/explore/waiting_rules.hpp"

#include <algorithm>
#include <string>

#include "tests/explore/client_inside.hpp"
#include "tests/explore/violation.hpp"

namespace lockstep::explore {
namespace {

const locks::Hold* find_hold(const WaitingNode& node, const std::string& name, SessionId session) {
  const auto* lock = node.machine().locks().find(name);
  if (lock == nullptr) return nullptr;
  const auto found = lock->second.holds.find(session);
  return found == lock->second.holds.end() ? nullptr : &found->second;
}

// How the client's grant of this token ended. None: it did not, or never was.
std::optional<locks::HistoryEvent> find_end(const WaitingNode& node, const std::string& name, ClientId client,
                                            FencingToken token) {
  for (const locks::HistoryEvent& event : node.machine().history().all()) {
    if (event.name == name && event.client == client && event.token == token) return event;
  }
  return std::nullopt;
}

bool holds_with(const WaitingNode& node, const std::string& name, SessionId session, FencingToken token) {
  const locks::Hold* hold = find_hold(node, name, session);
  return hold != nullptr && hold->token == token;
}

// What an earlier process of a session that never expires was granted, or waits for, its successor may not know.
bool is_of_earlier_process(const WaitingClient& client, LogIndex asked) {
  return !client.is_first_process() && (client.has_lease() ? !client.was_told() : asked <= client.knows_after());
}

void check_counted_on(const WaitingNode& node, const WaitingClient& client) {
  const SessionId session = client.core().session().id();
  for (const auto& [name, token] : client.core().held()) {
    if (holds_with(node, name, session, token)) continue;
    const auto end = find_end(node, name, client.id(), token);
    require(end.has_value(), "a client counts on a lock that it was never granted");
    const bool is_heard_soon =
        end->reason == EndReason::kReleased && ClientInside::is_being_released(client.core(), name);
    require(is_heard_soon || end->reason == EndReason::kForced, "a client counts on a lock that it does not hold");
  }
}

void check_known(const WaitingNode& node, const WaitingClient& client) {
  const ClientCore& core = client.core();
  const SessionId session = core.session().id();
  for (const std::string& name : node.machine().locks().names_held_by(session)) {
    const locks::Hold& hold = *find_hold(node, name, session);
    const LogIndex asked(hold.waiter ? hold.waiter.value() : hold.token.value());
    if (is_of_earlier_process(client, asked)) continue;
    const auto held = core.held().find(name);
    const bool is_known = (held != core.held().end() && held->second == hold.token) ||
                          ClientInside::is_asked_for(core, name) || ClientInside::is_reading_what_it_took_over(core);
    require(is_known, "a session holds a lock, and its client neither knows nor has asked for it");
  }
  for (const locks::Waiter* waiter : node.machine().locks().waits_of(session)) {
    if (is_of_earlier_process(client, LogIndex(waiter->id.value()))) continue;
    std::vector<std::string> names;
    for (const locks::NamedLock* lock : waiter->locks) names.push_back(lock->first);
    std::sort(names.begin(), names.end());
    require(ClientInside::may_wait(core, waiter->id, names), "a session waits, and nothing of its client does");
  }
}

void check_granted(const WaitingNode& node, const WaitingClient& client, const std::string& name, FencingToken token) {
  require(holds_with(node, name, client.core().session().id(), token) || find_end(node, name, client.id(), token),
          "a call ends Granted, and the cluster granted nothing");
}

void check_taken_over(const WaitingNode& node, const WaitingClient& client, const TakenOver& taken) {
  const SessionId session = client.core().session().id();
  for (const TakenOverLock& lock : taken.locks) {
    require(lock.token == FencingToken(session.value()), "L1: what is taken over has the token of the Open");
    if (holds_with(node, lock.name, session, lock.token)) continue;
    const auto end = find_end(node, lock.name, client.id(), lock.token);
    require(end.has_value(), "L1: a client is told of a lock that did not come with its session");
    require(wall_of(client.told_at()) <= end->to, "L1: a client is told of a lock that had been taken away");
  }
  for (const std::string& name : node.machine().locks().names_held_by(session)) {
    const auto is_it = [&](const TakenOverLock& lock) { return lock.name == name; };
    const bool came = find_hold(node, name, session)->token == FencingToken(session.value());
    require(!came || std::any_of(taken.locks.begin(), taken.locks.end(), is_it),
            "L1: a client is not told of a lock that came with its session");
  }
}

}  // namespace

void check_together(const WaitingNode& node, const WaitingClient& client) {
  const SessionId session = client.core().session().id();
  if (!session || !client.relies_on(session)) return;
  require(node.machine().sessions().find(session) != nullptr, "a session ended whose client relied on it");
  check_counted_on(node, client);
  check_known(node, client);
}

void check_ended(const WaitingNode& node, const WaitingClient& client, const Ended& ended) {
  const bool is_of_both = ended.asked == Asked::kAcquireBoth;
  if (const auto* granted = std::get_if<locks::Granted>(&ended.outcome)) {
    check_granted(node, client, kFirstName, granted->token);
    if (is_of_both) check_granted(node, client, kSecondName, granted->token);
  } else if (const auto* taken = std::get_if<TakenOver>(&ended.outcome)) {
    check_taken_over(node, client, *taken);
  }
}

}  // namespace lockstep::explore
