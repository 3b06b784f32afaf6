#include "tests/explore/takeover_model.hpp"

#include <utility>

#include "tests/explore/cluster.hpp"
#include "tests/explore/violation.hpp"

namespace lockstep::explore {
namespace {

constexpr const char* kLock = "lock";
constexpr std::uint8_t kOther = TakeoverModel::kProcesses - 1;
using Kind = TakeoverModel::Kind;

ClientId client_of(std::uint8_t process) {
  ClientId client{};
  client.bytes[0] = process == kOther ? 2 : 1;
  return client;
}

locks::Command command_of(const TakeoverModel::State& state, const TakeoverModel::Event& event, LogIndex index) {
  const SessionId session(event.session);
  // Numbers that never repeat: exactly once is not what is searched here.
  const RequestNumber number(index.value());
  const auto execute = [&](locks::Operation operation) {
    return locks::Execute{session, number, number, std::move(operation)};
  };
  switch (event.kind) {
    case Kind::kPreempt: return execute(locks::Preempt{kLock});
    case Kind::kRelease: return execute(locks::Release{kLock});
    case Kind::kClose: return execute(locks::Close{});
    case Kind::kExpire: return locks::Expire{session};
    default: break;
  }
  return locks::Open{
      client_of(event.process), {}, event.process + 1ULL, 1000, SessionId(state.replaces[event.process]), {}};
}

}  // namespace

TakeoverModel::State TakeoverModel::initial() {
  State state;
  state.machine = intern(Machine());
  return state;
}

std::uint32_t TakeoverModel::intern(Machine machine) {
  const Fingerprint key = Fingerprinter().add(machine.machine.hash()).add(machine.entries).finish();
  const auto [place, is_new] = numbers_.emplace(key, static_cast<std::uint32_t>(machines_.size()));
  if (is_new) machines_.push_back(std::move(machine));
  return place->second;
}

std::vector<TakeoverModel::Event> TakeoverModel::events(const State& state) const {
  std::vector<Event> events;
  const Machine& machine = machines_[state.machine];
  const bool has_room = machine.entries < bounds_.entries;
  for (std::uint8_t process = 0; process < kProcesses; ++process) {
    if (process != kOther && process >= bounds_.incarnations) continue;
    if (((state.started >> process) & 1U) == 0) {
      for (std::uint8_t session = 0; session < 32; ++session) {
        if (session == 0 || (process != kOther && ((state.told >> session) & 1U) != 0)) {
          events.push_back({Kind::kStart, process, session, {}});
        }
      }
      continue;
    }
    if (!has_room) continue;
    events.push_back({Kind::kOpen, process, 0, {}});
    const std::uint8_t session = state.session[process];
    if (session == 0) continue;
    for (const Kind kind : {Kind::kPreempt, Kind::kRelease, Kind::kClose})
      events.push_back({kind, process, session, {}});
    if (machine.machine.sessions().find(SessionId(session)) != nullptr) {
      events.push_back({Kind::kExpire, process, session, {}});
    }
  }
  return events;
}

void TakeoverModel::successors(const State& state, std::vector<Successor<TakeoverModel>>& successors) {
  successors_by_steps(*this, state, events(state), successors);
}

TakeoverModel::State TakeoverModel::step(const State& state, const Event& event) {
  State next = state;
  if (event.kind == Kind::kStart) {
    next.started |= narrow(1U << event.process);
    next.replaces[event.process] = event.session;
    return next;
  }
  const Machine& before = machines_[state.machine];
  Machine machine = before;
  const LogIndex index(++machine.entries);
  const bool lived = before.machine.sessions().find(SessionId(event.session)) != nullptr;
  const auto outcome = machine.machine.apply(index, WallTime{}, command_of(state, event, index));
  if (event.kind == Kind::kOpen) {
    require(outcome.has_value(), "an Open was not answered");
    check_open(state, event, *outcome, next);
    const SessionId own(state.session[event.process]);
    const bool opened = std::holds_alternative<locks::SessionOpened>(outcome->result);
    require(opened || before.machine.sessions().find(own) == nullptr,
            "L1: a retried Open was not answered with its living session");
    const SessionId now = machine.machine.sessions().last_of(client_of(event.process));
    const SessionId last = before.machine.sessions().last_of(client_of(event.process));
    if (now != last && before.machine.sessions().find(last) != nullptr) {
      require(last.value() == state.replaces[event.process],
              "L1: an Open fenced a living session that it did not name");
      require(last.value() != state.session[event.process], "L1: a retried Open took over from itself");
    }
  } else if (!lived && event.kind != Kind::kExpire && outcome) {
    const bool ended = std::holds_alternative<locks::Refused>(outcome->result) ||
                       (event.kind == Kind::kClose && std::holds_alternative<locks::Closed>(outcome->result));
    require(ended, "L1: a session that ended was served");
  }
  check_lock(machine, next);
  next.machine = intern(std::move(machine));
  return next;
}

void TakeoverModel::check_open(const State& state, const Event& event, const locks::Outcome& outcome,
                               State& next) const {
  SessionId told;
  if (const auto* opened = std::get_if<locks::SessionOpened>(&outcome.result)) {
    const std::uint8_t earlier = state.session[event.process];
    require(earlier == 0 || opened->session == SessionId(earlier), "L1: one incarnation opened two sessions");
    next.session[event.process] = narrow(opened->session.value());
    told = opened->session;
  } else if (const auto* refused = std::get_if<locks::Refused>(&outcome.result)) {
    told = refused->current_session;
  }
  if (event.process != kOther && told) next.told |= 1U << told.value();
}

void TakeoverModel::check_lock(const Machine& machine, State& next) const {
  require(machine.machine.session_count() <= 2, "L1: a client has two living sessions");
  require(machine.machine.hash() == machine.machine.recomputed_hash(), "R16: the state's hash is not the state's");
  const auto* lock = machine.machine.locks().find(kLock);
  if (lock == nullptr || lock->second.holds.empty()) return;
  require(lock->second.holds.size() == 1, "an exclusive lock has two holders");
  const auto& [session, hold] = *lock->second.holds.begin();
  require(machine.machine.sessions().find(session) != nullptr, "L8: a session that ended holds a lock");
  const auto token = narrow(hold.token.value());
  require(token >= next.last_token, "L8: a token fell");
  next.last_token = token;
}

Fingerprint TakeoverModel::fingerprint(const State& state) const {
  Fingerprinter out;
  out.add(state.machine).add(state.started).add(state.told).add(state.last_token);
  for (std::size_t i = 0; i < kProcesses; ++i) out.add(state.replaces[i] + 256U * state.session[i]);
  return out.finish();
}

std::string TakeoverModel::describe(const State& state, const Event& event) const {
  const std::string who =
      event.process == kOther ? "the other client" : "incarnation " + std::to_string(event.process + 1);
  const std::string session = std::to_string(event.session);
  switch (event.kind) {
    case Kind::kStart: return who + " starts, and knows of session " + session;
    case Kind::kOpen: return "applied: Open of " + who + ", replaces " + std::to_string(state.replaces[event.process]);
    case Kind::kPreempt: return "applied: Preempt of " + who + " in session " + session;
    case Kind::kRelease: return "applied: Release of " + who + " in session " + session;
    case Kind::kClose: return "applied: Close of " + who + " in session " + session;
    case Kind::kExpire: return "applied: Expire of session " + session;
  }
  return {};
}

std::string TakeoverModel::describe(const State& state) const {
  const Machine& machine = machines_[state.machine];
  std::string text = "index " + std::to_string(machine.entries) + ", sessions";
  for (const SessionId id : machine.machine.sessions().in_order()) text += " " + std::to_string(id.value());
  const auto* lock = machine.machine.locks().find(kLock);
  if (lock == nullptr || lock->second.holds.empty()) return text + ", lock free";
  const auto& [session, hold] = *lock->second.holds.begin();
  return text + ", lock of session " + std::to_string(session.value()) + " with token " +
         std::to_string(hold.token.value());
}

}  // namespace lockstep::explore
