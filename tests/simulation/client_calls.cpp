// What the clients of the simulation ask, and when.
#include <algorithm>
#include <array>
#include <iterator>

#include "tests/simulation/failure.hpp"
#include "tests/simulation/sim_clients.hpp"
#include "tests/simulation/trace.hpp"

namespace lockstep::simulation {
namespace {

constexpr std::size_t kMaxCallsAtOnce = 3;
constexpr Duration kWatchFor = std::chrono::milliseconds(400);

}  // namespace

void SimClients::plan_thinking(ConnectionId connection) {
  scheduler_->in(random_.between(Duration::zero(), plan_->think_max), [this, connection] {
    when_awake(connection, [this, connection](Process& process) {
      if (probing_) return;
      think(process);
      plan_thinking(connection);
    });
  });
}

void SimClients::think(Process& process) {
  if (process.calls.size() >= kMaxCallsAtOnce) return;
  Call call = draw_call(process);
  if (is_in_the_way_of_itself(process, call)) return;
  start_call(process, std::move(call));
  carry_out(process.connection);
}

// An application that acquires and releases one name at the same time cannot know what it will have.
bool SimClients::is_in_the_way_of_itself(const Process& process, const Call& call) {
  const auto is_operation = [](const Call& c) {
    return c.kind == CallKind::kPreempt || c.kind == CallKind::kRelease || c.kind == CallKind::kAcquire ||
           c.kind == CallKind::kClose;
  };
  const auto concerns = [](const Call& c, const std::string& name) {
    return c.name == name || std::find(c.names.begin(), c.names.end(), name) != c.names.end();
  };
  return is_operation(call) && std::any_of(process.calls.begin(), process.calls.end(), [&](const auto& entry) {
           const Call& other = entry.second;
           if (!is_operation(other)) return false;
           if (call.kind == CallKind::kClose || other.kind == CallKind::kClose) return true;
           return concerns(other, call.name) || std::any_of(call.names.begin(), call.names.end(),
                                                            [&](const auto& name) { return concerns(other, name); });
         });
}

std::string SimClients::draw_name(Process& process) {
  if (random_.one_in(10)) {
    Person& person = people_[process.person];
    return std::string(kOncePrefix) + std::to_string(process.person) + "/" + std::to_string(++person.calls_once);
  }
  return "lock/" + std::to_string(random_.below(plan_->names));
}

Call SimClients::draw_call(Process& process) {
  Call call;
  const std::uint64_t kind = random_.below(100);
  call.name = draw_name(process);
  if (plan_->waits && random_.one_in(2)) {
    draw_acquire(process, call);
  } else if (kind < 40) {
    call.kind = CallKind::kPreempt;
  } else if (kind < 72) {
    call.kind = CallKind::kRelease;
    if (!process.held.empty() && !random_.one_in(4)) call.name = draw_held(process);
  } else if (kind < 89) {
    call.kind = CallKind::kCheck;
  } else if (kind < 97) {
    draw_page(call);
  } else {
    constexpr std::array kRare{CallKind::kStatus, CallKind::kClose, CallKind::kForceRelease, CallKind::kCloseSession};
    call.kind = kRare[random_.below(kRare.size())];
  }
  call.mode = random_.one_in(2) ? wire::ReadMode::kLinearizable : wire::ReadMode::kLocal;
  return call;
}

// A page of any size from anywhere, also from a name that is its own prefix.
void SimClients::draw_page(Call& call) {
  constexpr std::array kPages{CallKind::kList, CallKind::kCount, CallKind::kHistory, CallKind::kSessions};
  call.kind = kPages[random_.below(kPages.size())];
  call.limit = static_cast<std::uint32_t>(1 + random_.below(plan_->page_limit));
  if (!random_.one_in(3)) call.after = call.name;
  if (call.kind == CallKind::kHistory) {
    if (random_.one_in(2)) call.name.clear();
  } else if (!random_.one_in(3)) {
    call.name = random_.one_in(2) ? "lock/" : std::string(kOncePrefix);
  }
  const Reference* reference = world_.reference();
  if (reference == nullptr || random_.one_in(2)) return;
  const std::uint64_t most = call.kind == CallKind::kHistory ? reference->events().size() : reference->last().value();
  call.place = random_.below(most + 1);
}

std::string SimClients::draw_held(const Process& process) {
  return std::next(process.held.begin(), static_cast<std::ptrdiff_t>(random_.below(process.held.size())))->first;
}

// One name or several, in every mode; the last name serves mostly as a semaphore.
void SimClients::draw_acquire(Process& process, Call& call) {
  call.kind = CallKind::kAcquire;
  if (!process.held.empty() && random_.one_in(2)) {
    call.kind = CallKind::kRelease;
    call.name = draw_held(process);
    return;
  }
  std::set<std::string> names;
  do names.insert("lock/" + std::to_string(random_.below(plan_->names)));
  while (random_.one_in(3));
  call.names.assign(names.begin(), names.end());
  call.name = call.names.front();
  if (random_.one_in(4)) {
    call.terms.mode = locks::Mode::kShared;
  } else if (call.name == "lock/" + std::to_string(plan_->names - 1)) {
    call.terms.mode = locks::Mode::kPermit;
    call.terms.permits = static_cast<std::uint32_t>(1 + random_.below(2));
  }
  call.terms.thread = random_.below(2);
  if (!random_.one_in(4)) call.terms.wait = random_.between(Duration::zero(), 4 * plan_->timing.election_timeout_max);
  if (random_.one_in(8)) call.terms.wait = Duration::zero();
}

CallId SimClients::start_call(Process& process, Call call) {
  const Time now = clock_of(process);
  const Reference* reference = world_.reference();
  call.started = scheduler_->now();
  call.seen = process.seen;
  call.committed = reference != nullptr ? reference->last() : LogIndex();
  const CallId id = [&] {
    switch (call.kind) {
      case CallKind::kPreempt: return process.core.preempt(now, call.name);
      case CallKind::kRelease: return process.core.release(now, call.name);
      case CallKind::kCheck: return process.core.read(now, wire::CheckRequest{call.name, call.mode, {}});
      case CallKind::kList:
        return process.core.read(now, wire::ListRequest{call.name, call.after, call.limit, call.mode, {}});
      case CallKind::kCount: return process.core.read(now, wire::CountRequest{call.name, call.after, call.mode, {}});
      case CallKind::kAcquire: return process.core.acquire(now, call.names, call.terms);
      case CallKind::kClose: return process.core.close(now);
      case CallKind::kForceRelease: return process.core.force_release(now, call.name, "a test");
      case CallKind::kCloseSession: return process.core.close_session(now, draw_session(), "a test");
      case CallKind::kHistory:
        return process.core.read(now, wire::HistoryRequest{call.name, call.place, call.limit, {}});
      case CallKind::kSessions:
        return process.core.read(now, wire::SessionsRequest{SessionId(call.place), call.limit, {}});
      case CallKind::kWatch:
        return process.core.watch(now, process.mirror.prefix(), process.mirror.from(), process.mirror.after(),
                                  kWatchFor);
      case CallKind::kTakeOver: return process.core.take_over(now);
      case CallKind::kStatus: break;
    }
    return process.core.status(now);
  }();
  // From the moment that it is to be released, nobody counts on it.
  if (call.kind == CallKind::kRelease) process.held.erase(call.name);
  if (call.kind == CallKind::kClose) process.held.clear();
  world_.trace(people_[process.person].place, "calls " + describe(call));
  process.calls.emplace(id, std::move(call));
  return id;
}

void SimClients::start_probes() {
  probing_ = true;
  std::vector<ConnectionId> zombies;
  for (const auto& [connection, process] : processes_) {
    if (process.zombie) zombies.push_back(connection);
  }
  for (const ConnectionId zombie : zombies) end(zombie);
  for (std::size_t i = 0; i < people_.size(); ++i) {
    if (Process* process = find(people_[i].current)) {
      probe(*process);
    } else {
      start_process(i, plan_->keeps_sessions ? people_[i].stored : SavedSession{});
    }
  }
}

void SimClients::probe(Process& process) {
  // Who waits for ever for what somebody keeps for ever would never be answered.
  for (const auto& [id, call] : process.calls) {
    if (call.kind == CallKind::kAcquire) process.core.cancel(clock_of(process), id);
  }
  Person& person = people_[process.person];
  const std::string name = "probe/" + std::to_string(process.person);
  for (const CallKind kind : {CallKind::kPreempt, CallKind::kCheck}) {
    Call call;
    call.kind = kind;
    call.name = name;
    call.mode = wire::ReadMode::kLinearizable;
    person.probes.insert(start_call(process, std::move(call)));
  }
  carry_out(process.connection);
}

void SimClients::begin_calm(bool all_up) {
  all_up_ = all_up;
  probing_ = false;
  calm_since_ = scheduler_->now();
  for (auto& [connection, process] : processes_) {
    if (const auto& sent = sent_[connection]; !sent.empty()) process.last_before_calm = sent.rbegin()->first;
  }
  for (const Person& person : people_) {
    plan_thinking(person.current);
    if (plan_->watches) go_on_watching(processes_.at(person.current));
  }
}

void SimClients::begin_to_leave() {
  probing_ = leaving_ = true;
  for (auto& [connection, process] : processes_) {
    for (const auto& [id, call] : process.calls) {
      if (call.kind == CallKind::kAcquire) process.core.cancel(clock_of(process), id);
    }
  }
  for (const Person& person : people_) {
    if (person.current) carry_out(person.current);
  }
}

void SimClients::close_sessions() {
  for (const Person& person : people_) {
    Call call;
    call.kind = CallKind::kClose;
    start_call(processes_.at(person.current), std::move(call));
    carry_out(person.current);
  }
}

void SimClients::leave() {
  for (Person& person : people_) {
    const Process& process = processes_.at(person.current);
    const auto left = process.core.what_is_left();
    REQUIRE_LIVE(left.empty(),
                 "client " + std::to_string(person.place) + " has " + std::string(left.front()) + " left");
    end(person.current);
  }
}

std::string SimClients::unanswered() const {
  for (const Person& person : people_) {
    const auto process = processes_.find(person.current);
    if (process == processes_.end()) return "client " + std::to_string(person.place) + " is down";
    if (!process->second.calls.empty()) {
      return "client " + std::to_string(person.place) + " waits for " + describe(process->second.calls.begin()->second);
    }
    if (!person.probed) return "client " + std::to_string(person.place) + " got no yes or no";
  }
  return {};
}

SessionId SimClients::draw_session() {
  const Reference* reference = world_.reference();
  if (reference == nullptr) return SessionId(1);
  const auto sessions = reference->state().sessions(SessionId(), 20).items;
  return sessions.empty() ? SessionId(1) : sessions[random_.below(sessions.size())].session;
}

void SimClients::go_on_watching(Process& process) {
  if (probing_ || process.watching) return;
  process.watching = true;
  scheduler_->in(random_.between(Duration::zero(), plan_->think_max), [this, connection = process.connection] {
    Process* living = find(connection);
    if (living == nullptr) return;
    if (probing_) {
      living->watching = false;
      return;
    }
    Call call;
    call.kind = CallKind::kWatch;
    call.name = living->mirror.prefix();
    start_call(*living, std::move(call));
    carry_out(connection);
  });
}

}  // namespace lockstep::simulation
