#include "tests/simulation/sim_clients.hpp"

#include <algorithm>

#include "protocol/base/overloaded.hpp"
#include "tests/simulation/failure.hpp"
#include "tests/simulation/trace.hpp"

namespace lockstep::simulation {
namespace {

// Without faults: a few messages and writes, and what turns take.
constexpr Duration kLongestRoundTrip = std::chrono::milliseconds(300);
constexpr std::uint64_t kFirstClientConnection = 1000;
// One output in so many is the last of its process, if clients crash at all.
constexpr std::uint64_t kCrashOnOutputOneIn = 500;

bool is_unavailable(const ClientOutcome& outcome) {
  const auto* error = std::get_if<ClientError>(&outcome);
  return error != nullptr && error->code == ErrorCode::kUnavailable;
}

}  // namespace

SimClients::SimClients(const FaultPlan& plan, std::uint64_t seed, Scheduler& scheduler, ClientChecker& checker,
                       Coverage& coverage, World world)
    : plan_(&plan),
      random_(seed),
      scheduler_(&scheduler),
      checker_(&checker),
      coverage_(&coverage),
      world_(std::move(world)),
      people_(plan.clients),
      last_connection_(kFirstClientConnection) {
  for (std::size_t i = 0; i < people_.size(); ++i) {
    Person& person = people_[i];
    person.place = plan.nodes + i;
    person.id.bytes.fill(static_cast<std::uint8_t>(i + 1));
    person.secret.fill(static_cast<std::uint8_t>(random_.next()));
  }
}

void SimClients::start() {
  for (std::size_t i = 0; i < people_.size(); ++i) start_process(i, SavedSession{});
}

// --- processes come and go ---

SimClients::Process* SimClients::find(ConnectionId connection) {
  const auto found = processes_.find(connection);
  return found == processes_.end() ? nullptr : &found->second;
}

void SimClients::start_process(std::size_t which, const SavedSession& saved) {
  Person& person = people_[which];
  ClientOptions options;
  options.client = person.id;
  options.secret = person.secret;
  options.nonce = random_.next_nonzero();
  options.seed = random_.next();
  options.endpoints = plan_->nodes;
  options.attempt_timeout = plan_->timing.election_timeout_max;
  options.call_timeout = 5 * plan_->timing.election_timeout_max;
  options.backoff_max = plan_->timing.election_timeout_min;
  options.saved = saved;
  options.keeps_session = plan_->keeps_sessions;
  options.ttl = plan_->ttl;
  options.bounds = plan_->client_bounds;
  const ConnectionId connection(++last_connection_);
  person.current = connection;
  person.probes.clear();
  person_of_[connection] = which;
  const auto added = processes_.emplace(std::piecewise_construct, std::forward_as_tuple(connection),
                                        std::forward_as_tuple(which, connection, plan_->draw_clock(random_), options));
  world_.trace(person.place, "starts, its connection is " + std::to_string(connection.value()));
  Process& process = added.first->second;
  if (plan_->takes_over()) {
    Call call;
    call.kind = CallKind::kTakeOver;
    start_call(process, std::move(call));
  }
  if (probing_) {
    probe(process);
    return;
  }
  plan_thinking(connection);
  if (plan_->watches) go_on_watching(process);
  if (plan_->takes_over()) carry_out(connection);
}

void SimClients::end(ConnectionId connection) {
  Process* process = find(connection);
  if (process == nullptr) return;
  Person& person = people_[process->person];
  if (person.current == connection) person.current = ConnectionId();
  processes_.erase(connection);
}

void SimClients::restart_later(std::size_t which) {
  const Duration down = probing_ ? Duration::zero() : random_.between(Duration::zero(), plan_->client_crash.up_to);
  scheduler_->in(down, [this, which] {
    if (people_[which].current || leaving_) return;
    start_process(which, plan_->keeps_sessions ? people_[which].stored : SavedSession{});
  });
}

void SimClients::crash_one() {
  const std::size_t which = random_.below(people_.size());
  if (people_[which].current) crash(people_[which].current);
}

// As with SIGSTOP: what happens to it meanwhile happens when it goes on, and all that time its clock runs.
void SimClients::pause_one() {
  Process* process = find(people_[random_.below(people_.size())].current);
  if (process == nullptr || probing_ || process->paused_until > scheduler_->now()) return;
  process->paused_until = scheduler_->now() + random_.between(Duration::zero(), plan_->client_pause.up_to);
  coverage_->note(Met::kClientPause);
  world_.trace(people_[process->person].place, "stands still");
}

bool SimClients::somebody_stands_still() const {
  return std::any_of(processes_.begin(), processes_.end(),
                     [&](const auto& entry) { return entry.second.paused_until > scheduler_->now(); });
}

void SimClients::when_awake(ConnectionId connection, std::function<void(Process&)> action) {
  Process* process = find(connection);
  if (process == nullptr) return;
  if (process->paused_until > scheduler_->now()) {
    scheduler_->at(process->paused_until,
                   [this, connection, action = std::move(action)] { when_awake(connection, action); });
    return;
  }
  action(*process);
}

// A zombie goes on while its successor starts. One that keeps its session cannot be one: the next
// process waits for the lock on the stored session.
void SimClients::crash(ConnectionId connection) {
  Process& process = *find(connection);
  const std::size_t which = process.person;
  world_.trace(people_[which].place, "crashes");
  coverage_->note(Met::kClientCrash);
  if (!plan_->keeps_sessions && random_.one_in(plan_->zombie_one_in)) {
    coverage_->note(Met::kZombieClient);
    process.zombie = true;
    people_[which].current = ConnectionId();
  } else {
    end(connection);
  }
  restart_later(which);
}

// The application decides to be the one that goes on: it names the session that it was told of.
void SimClients::take_over(std::size_t which, SessionId earlier) {
  SavedSession saved;
  saved.replaces = earlier;
  people_[which].stored = saved;
  start_process(which, saved);
}

// --- what happens to a process ---

void SimClients::receive(ConnectionId connection, std::size_t endpoint, const wire::Response& response) {
  when_awake(connection, [this, endpoint, response](Process& awake) {
    if (response.call <= awake.last_before_calm) awake.held_up_until = scheduler_->now();
    step(awake, ServerMessage{endpoint, response});
  });
}

void SimClients::not_connected(ConnectionId connection, std::size_t endpoint) {
  when_awake(connection, [this, endpoint](Process& awake) { step(awake, NotConnected{endpoint}); });
}

void SimClients::step(Process& process, const ClientEvent& event) {
  process.core.step(clock_of(process), event);
  carry_out(process.connection);
}

// Any of this may end the process: look it up anew after each completion.
void SimClients::carry_out(ConnectionId connection) {
  Process* process = find(connection);
  process->core.check_invariants();
  ClientOutput output = process->core.take_output();
  const std::size_t which = process->person;
  if (output.save) people_[which].stored = *output.save;
  const bool crashes = plan_->client_crash.every != Duration::zero() && !probing_ && !calm_since_ && !process->zombie;
  if (crashes && random_.one_in(kCrashOnOutputOneIn)) {
    crash(connection);
    if (find(connection) == nullptr) return;
  }
  for (const ClientSend& send : output.sends) {
    sent_[connection].insert_or_assign(send.request.call, send.request);
    note_copy(*process, send.request.body);
    world_.send(people_[which].place, connection, send);
  }
  if (process->core.session().is_open() && !process->core.session().may_use_number()) {
    coverage_->note(Met::kNumbersUsedUp);
  }
  plan_tick(*process);
  for (const LeaseEvent& event : output.lease_events) note_lease(*process, event);
  for (const Completion& completion : output.completions) {
    process = find(connection);
    if (process == nullptr) return;
    finish(*process, completion);
  }
}

// Of what was sent so often that the answers to the first copies are not believed any more.
void SimClients::note_copy(Process& process, const wire::RequestBody& body) {
  if (std::holds_alternative<wire::KeepAlive>(body)) {
    if (++process.renewals_unanswered == plan_->client_bounds.kept_renewals + 1) {
      coverage_->note(Met::kRenewalForgotten);
    }
  } else if (const auto* execute = std::get_if<locks::Execute>(&body)) {
    if (++process.copies[execute->number] == plan_->client_bounds.kept_copies + 1) {
      coverage_->note(Met::kCopyForgotten);
    }
  }
}

void SimClients::plan_tick(Process& process) {
  const Time deadline = process.clock.when(process.core.next_deadline());
  if (deadline == Time::max() || deadline >= process.tick_at) return;
  process.tick_at = deadline;
  scheduler_->at(std::max(deadline, scheduler_->now()), [this, connection = process.connection, deadline] {
    when_awake(connection, [this, deadline](Process& ticking) {
      if (ticking.tick_at != deadline) return;
      ticking.tick_at = Time::max();
      step(ticking, ClientTick{});
    });
  });
}

void SimClients::finish(Process& process, const Completion& completion) {
  const auto found = process.calls.find(completion.call);
  REQUIRE_SAFE(found != process.calls.end(), "a call ends in exactly one completion");
  const Call call = found->second;
  process.calls.erase(found);
  world_.trace(people_[process.person].place, "is told " + describe(completion.outcome) + " of " + describe(call));
  checker_->completed(world_.reference(), process.core.session().id(), call, completion);
  if (calm_since_ && plan_->renewals_keep_up() && call.started >= *calm_since_)
    check_in_calm(process, call, completion);
  process.seen = std::max(process.seen, completion.applied);
  note_locks(process, call, completion);
  finish_probe(process, completion);
  if (const auto* error = std::get_if<ClientError>(&completion.outcome)) react_to_error(process, *error);
}

// A probe that ended without an answer is made again, until the world's patience ends.
void SimClients::finish_probe(Process& process, const Completion& completion) {
  Person& person = people_[process.person];
  if (person.probes.erase(completion.call) == 0) return;
  if (is_unavailable(completion.outcome)) {
    person.probes.clear();
    scheduler_->in(Duration::zero(), [this, connection = process.connection] {
      if (Process* living = find(connection)) probe(*living);
    });
  } else if (person.probes.empty()) {
    person.probed = true;
  }
}

void SimClients::note_locks(Process& process, const Call& call, const Completion& completion) {
  if (const auto* answer = std::get_if<wire::WatchAnswer>(&completion.outcome)) note_changes(process, *answer);
  if (call.kind == CallKind::kWatch) {
    process.watching = false;
    return go_on_watching(process);
  }
  if (const auto* taken_over = std::get_if<TakenOver>(&completion.outcome)) {
    // Of what it already asked to release it does not count on anything.
    for (const TakenOverLock& lock : taken_over->locks) {
      const bool is_let_go = std::any_of(process.calls.begin(), process.calls.end(), [&](const auto& entry) {
        const Call& other = entry.second;
        return other.kind == CallKind::kClose || (other.kind == CallKind::kRelease && other.name == lock.name);
      });
      if (!is_let_go) process.held[lock.name] = lock.token;
    }
  }
  const auto* granted = std::get_if<locks::Granted>(&completion.outcome);
  if (granted == nullptr) return;
  std::vector<std::string> names = call.names;
  if (names.empty()) names.push_back(call.name);
  for (const std::string& name : names) process.held[name] = granted->token;
}

void SimClients::note_changes(Process& process, const wire::WatchAnswer& answer) {
  process.mirror.update(answer);
  if (!process.mirror.is_complete()) return;
  const Reference* reference = world_.reference();
  REQUIRE_SAFE(reference != nullptr, "who watches sees what is committed");
  process.mirror.check(*reference);
  coverage_->note(Met::kWatched);
}

void SimClients::note_lease(Process& process, const LeaseEvent& event) {
  std::visit(Overloaded{[&](const LeaseRenewed&) {
                          coverage_->note(Met::kRenewed);
                          process.renewals_unanswered = 0;
                        },
                        [&](const LeaseLost&) {
                          coverage_->note(Met::kLeaseLost);
                          process.held.clear();
                        },
                        [&](const LocksForced& forced) {
                          for (const OwnedLock& lock : forced.locks) process.held.erase(lock.name);
                        }},
             event);
}

// L3, L4: "No Expire before a client's own deadline"; and whatever else ends a hold, but an operator and the
// client's own later incarnation, its owner asked for, so that it does not count on it any more.
void SimClients::committed(const Reference& reference, LogIndex index) const {
  if (!plan_->leases_hold()) return;
  const SessionId expired = reference.expired_at(index);
  for (const auto& [connection, process] : processes_) {
    const bool is_closing = std::any_of(process.calls.begin(), process.calls.end(),
                                        [](const auto& entry) { return entry.second.kind == CallKind::kClose; });
    if (is_closing) continue;
    const LeaseView lease = process.core.lease();
    const bool is_safe = !lease.lost && lease.safe_until && *lease.safe_until > clock_of(process);
    REQUIRE_SAFE(!expired || process.core.session().id() != expired || !is_safe,
                 "session " + std::to_string(expired.value()) + " is expired before its client's own deadline");
    for (const locks::LockChange& change : reference.changes_at(index)) {
      const bool is_own = change.owner == people_[process.person].id;
      if (!change.ended || !is_own || change.ended == locks::EndReason::kForced ||
          change.ended == locks::EndReason::kSuperseded) {
        continue;
      }
      const auto held = process.held.find(change.name);
      REQUIRE_SAFE(held == process.held.end() || held->second != change.token || !is_safe,
                   "a hold of " + change.name + " ends while its client counts on it");
    }
  }
}

// A call that began in calm has its answer, and an acquisition ends with its wait. It may stand behind a copy of before
// the calm: then it begins with that one's answer.
void SimClients::check_in_calm(const Process& process, const Call& call, const Completion& completion) const {
  REQUIRE_LIVE(!is_unavailable(completion.outcome), "without a fault a call is told unavailable: " + describe(call));
  if (call.kind != CallKind::kAcquire || !call.terms.wait) return;
  const Duration in_vain = all_up_ ? Duration::zero() : 2 * plan_->timing.election_timeout_max;
  const Time began = std::max(call.started, process.held_up_until);
  const Time end = began + process.clock.in_world(*call.terms.wait + in_vain) + kLongestRoundTrip;
  REQUIRE_LIVE(scheduler_->now() <= end, "an acquisition outlasts its wait: " + describe(call));
}

void SimClients::react_to_error(Process& process, const ClientError& error) {
  if (leaving_) return;
  const std::size_t which = process.person;
  const bool zombie = process.zombie;
  const SessionId ended = process.core.session().replaces();
  switch (error.code) {
    case ErrorCode::kSessionConflict:
      end(process.connection);
      if (!zombie) take_over(which, error.current_session);
      return;
    case ErrorCode::kSessionSuperseded:
      REQUIRE_SAFE(zombie, "nobody supersedes the latest process of a client");
      end(process.connection);
      return;
    case ErrorCode::kSessionExpired:
    case ErrorCode::kSessionClosed:
    case ErrorCode::kSessionForced:
      if (plan_->ttl != Duration::zero()) return;  // a client with a lease opens another by itself
      end(process.connection);
      if (!zombie) take_over(which, ended);
      return;
    default: return;
  }
}

const wire::Request* SimClients::request_of(ConnectionId connection, CallNumber call) const {
  const auto sent = sent_.find(connection);
  if (sent == sent_.end()) return nullptr;
  const auto found = sent->second.find(call);
  return found == sent->second.end() ? nullptr : &found->second;
}

Place SimClients::place_of(ConnectionId connection) const { return people_[person_of_.at(connection)].place; }

}  // namespace lockstep::simulation
