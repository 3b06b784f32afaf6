// ClientCore: copies of requests, to whom they go and when the next one does.
#include <algorithm>
#include <span>
#include <utility>

#include "protocol/base/invariant.hpp"
#include "protocol/base/overloaded.hpp"
#include "protocol/client_core/client_core.hpp"
#include "protocol/client_core/in_words.hpp"

namespace lockstep {
namespace {

// Copies of one request whose answers are still believed. Older ones are forgotten, so that a request
// that is retried for days does not grow.
constexpr std::size_t kMaxCopies = 64;
// How long a node may hold one Wait back. A waiter asks anew so often, so a lost answer costs no more.
constexpr Duration kLongestWait = std::chrono::seconds(5);

// What is left of a long poll.
std::uint32_t in_ms(Duration left, Duration longest) {
  const Duration bounded = std::clamp(left, Duration::zero(), longest);
  return static_cast<std::uint32_t>(std::chrono::ceil<std::chrono::milliseconds>(bounded).count());
}

// The locks that it asks for or gives back.
std::span<const std::string> names_in(const locks::Operation& operation) {
  using Names = std::span<const std::string>;
  return std::visit(
      Overloaded{[](const locks::Preempt& preempt) { return Names(&preempt.name, 1); },
                 [](const locks::Release& release) { return Names(&release.name, 1); },
                 [](const locks::Acquire& acquire) { return Names(acquire.names); },
                 [](const locks::ForceRelease& force) { return Names(&force.name, 1); },
                 [](const locks::Cancel&) { return Names(); }, [](const locks::Close&) { return Names(); },
                 [](const locks::CloseSession&) { return Names(); }},
      operation);
}

bool share_a_name(const locks::Operation& one, const locks::Operation& other) {
  const auto names = names_in(other);
  return std::any_of(names_in(one).begin(), names_in(one).end(), [&](const std::string& name) {
    return std::find(names.begin(), names.end(), name) != names.end();
  });
}

}  // namespace

void ClientCore::expire_attempts(Time now) {
  for (auto& [id, request] : requests_) {
    if (!request.in_flight || request.due > now) continue;
    const std::size_t silent = request.endpoint;
    move_on(now, request, "no answer within " + in_words(request.patience), Duration::zero());
    leave_endpoint(now, silent);
  }
}

// The copy in flight came to nothing: the next goes to another endpoint, after a pause.
void ClientCore::move_on(Time now, Request& request, std::string problem, Duration pause) {
  if (request.endpoint == preferred_) preferred_ = (preferred_ + 1) % options_.endpoints;
  last_problem_ = std::move(problem);
  request.in_flight = false;
  request.due = now + pause;
  ++request.failures;
  if (!request.silent_since) request.silent_since = now;
}

// Somebody was not answered there. Long polls cannot tell silence from patience, so they go where the others go.
void ClientCore::leave_endpoint(Time now, std::size_t endpoint) {
  if (endpoint == preferred_) return;
  for (auto& [id, request] : requests_) {
    const bool polls =
        std::holds_alternative<wire::Wait>(request.body) || std::holds_alternative<wire::Watch>(request.body);
    if (!polls || !request.in_flight || request.endpoint != endpoint) continue;
    request.in_flight = false;
    request.due = now;
  }
}

Duration ClientCore::backoff(std::uint32_t failures) {
  const std::uint32_t doublings = std::min<std::uint32_t>(failures, 20);
  const Duration longest = std::min(options_.backoff_max, options_.backoff_min * (Duration::rep{1} << doublings));
  return random_.between(longest / 2, longest);
}

// A lease does not run out while it is renewed, so what was left behind under one is settled at once.
bool ClientCore::wants_session() const {
  const bool leaves_nothing = options_.ttl > Duration::zero() && !session_.unanswered().empty();
  return leaves_nothing ||
         std::any_of(acquisitions_.begin(), acquisitions_.end(),
                     [](const auto& entry) { return entry.second.call || !entry.second.keeps_grant; }) ||
         std::any_of(requests_.begin(), requests_.end(), [&](const auto& entry) {
           return (is_operation(entry.second) || entry.second.takes_over) && entry.second.call;
         });
}

bool ClientCore::has_abandoned() const {
  return std::any_of(acquisitions_.begin(), acquisitions_.end(),
                     [](const auto& entry) { return !entry.second.call; }) ||
         std::any_of(requests_.begin(), requests_.end(), [](const auto& entry) {
           return entry.second.number && !entry.second.call && !entry.second.acquisition;
         });
}

// Retries overtake each other. What was asked of one lock is answered before the next is asked of it, so that
// the answers say what is held.
bool ClientCore::is_in_use(const locks::Operation& operation) const {
  const auto& unanswered = session_.unanswered();
  return std::any_of(unanswered.begin(), unanswered.end(),
                     [&](const auto& entry) { return share_a_name(entry.second, operation); });
}

// Nothing is sent for a session while nobody needs one.
bool ClientCore::may_be_sent(const Request& request, const Gate& gate) const {
  const auto operation_may = [&](const locks::Operation& operation) {
    if (request.number) return gate.wanted;
    if (gate.takes_over) return false;
    // The end of something goes before all that waits for it; what is new comes after all that was left behind.
    const bool ends = std::holds_alternative<locks::Close>(operation) ||
                      std::holds_alternative<locks::Cancel>(operation) ||
                      (request.acquisition && std::holds_alternative<locks::Release>(operation));
    return (ends || !gate.abandoned) && session_.may_use_number() && !is_in_use(operation);
  };
  const auto read_may = [&] { return request.takes_over ? session_.is_open() : !request.conflict || gate.wanted; };
  return std::visit(
      Overloaded{[&](const wire::OpenSession&) { return gate.wanted && !gate.retiring; },
                 [&](const locks::Operation& operation) { return operation_may(operation); },
                 [](const RetireSession&) { return true; }, [](const wire::Wait&) { return true; },
                 [](const wire::Check&) { return true; }, [](const wire::List&) { return true; },
                 [](const wire::Status&) { return true; }, [](const wire::History&) { return true; },
                 [&](const wire::Sessions&) { return read_may(); }, [&](const wire::Watch&) { return read_may(); }},
      request.body);
}

void ClientCore::send_due(Time now) {
  const Gate open = gate();
  if (open.wanted && !open.retiring && !session_.is_open()) open_session(now);
  for (auto& [id, request] : requests_) {
    if (request.in_flight || request.due > now || !may_be_sent(request, open)) continue;
    send_copy(now, id, request);
  }
}

void ClientCore::send_copy(Time now, RequestId id, Request& request) {
  const auto* operation = std::get_if<locks::Operation>(&request.body);
  if (operation && !request.number) {
    request.number = session_.use_number(*operation);
    if (const auto* release = std::get_if<locks::Release>(operation)) {
      const auto held = held_.find(release->name);
      if (held != held_.end()) request.gives_back = held->second;
    }
    if (is_close(request)) give_up_holds();
  }
  const CallNumber copy = next_copy();
  request.endpoint = preferred_;
  request.in_flight = true;
  if (std::holds_alternative<wire::OpenSession>(request.body) && !open_sent_) open_sent_ = now;
  request.last_sent = now;
  ++request.sent;
  request.copies.push_back(copy);
  copies_.emplace(copy, id);
  if (request.copies.size() > kMaxCopies) {
    copies_.erase(request.copies.front());
    request.copies.erase(request.copies.begin());
  }
  output_.sends.push_back({request.endpoint, wire::Request{copy, wire_body(now, request)}});
  request.due = now + request.patience;
}

// What a retry repeats is the request; what it acknowledges, how new an answer it asks for and how long it may
// be held back are of now.
wire::RequestBody ClientCore::wire_body(Time now, Request& request) const {
  request.patience = options_.attempt_timeout;
  request.at_least = session_.highest_index();
  const auto reading = [&](auto read) {
    read.at_least = request.at_least;
    return wire::RequestBody(std::move(read));
  };
  const auto polling = [&](auto& poll, Duration longest) {
    poll.up_to_ms = in_ms(request.poll_ends - now, longest);
    request.patience += std::chrono::milliseconds(poll.up_to_ms);
  };
  return std::visit(
      Overloaded{[&](const locks::Operation& operation) {
                   return wire::RequestBody(
                       locks::Execute{session_.id(), request.number, session_.acknowledged_below(), operation});
                 },
                 [](const RetireSession& old) {
                   return wire::RequestBody(locks::Execute{old.session, old.number, old.number, locks::Close{}});
                 },
                 [&](wire::Wait wait) {
                   polling(wait, kLongestWait);
                   return reading(wait);
                 },
                 [&](wire::Watch watch) {
                   polling(watch, std::chrono::milliseconds(wire::kMaxPollMs));
                   return wire::RequestBody(std::move(watch));
                 },
                 [&](const wire::Check& check) { return reading(check); },
                 [&](const wire::List& list) { return reading(list); },
                 [&](const wire::History& history) { return reading(history); },
                 [&](wire::Sessions sessions) {
                   if (request.takes_over) sessions.after = session_.id().previous();
                   return reading(std::move(sessions));
                 },
                 [](const wire::OpenSession& open) { return wire::RequestBody(open); },
                 [](const wire::Status& status) { return wire::RequestBody(status); }},
      request.body);
}

void ClientCore::forget_copies(Request& request) {
  for (const CallNumber copy : request.copies) copies_.erase(copy);
  request.copies.clear();
}

// As if it had never been sent: the next copy is the first of a request of its own.
void ClientCore::start_anew(Time now, Request& request) {
  forget_copies(request);
  request.claimed = request.in_flight = request.restored = false;
  request.sent = 0;
  request.number = RequestNumber();
  request.failures = 0;
  request.due = now;
}

ClientCore::Requests::iterator ClientCore::erase(Requests::iterator request) {
  forget_copies(request->second);
  return requests_.erase(request);
}

void ClientCore::erase(RequestId request) {
  const auto found = requests_.find(request);
  INVARIANT(found != requests_.end(), "only a request that is under way is given up");
  erase(found);
}

}  // namespace lockstep
