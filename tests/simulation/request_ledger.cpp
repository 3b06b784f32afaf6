#include "tests/simulation/request_ledger.hpp"

#include <algorithm>

#include "protocol/wire/codec.hpp"
#include "tests/simulation/failure.hpp"
#include "tests/simulation/trace.hpp"

namespace lockstep::simulation {
namespace {

// Beside its bytes a pending command counts for its record, of which no more is known here.
constexpr std::size_t kMostOverhead = 512;

Duration poll_of(const wire::RequestBody& body) {
  if (const auto* wait = std::get_if<wire::Wait>(&body)) return std::chrono::milliseconds(wait->up_to_ms);
  if (const auto* watch = std::get_if<wire::WatchRequest>(&body)) return std::chrono::milliseconds(watch->up_to_ms);
  return Duration::zero();
}

bool is_command(const wire::RequestBody& body) {
  return std::holds_alternative<wire::OpenSession>(body) || std::holds_alternative<locks::Execute>(body);
}

}  // namespace

void RequestLedger::asked(Time now, ConnectionId connection, const wire::Request& request) {
  Copy copy;
  copy.came = now;
  copy.deadline = now + std::max(lifetime_, poll_of(request.body));
  const bool is_wait = std::holds_alternative<wire::Wait>(request.body);
  copy.is_poll = is_wait || std::holds_alternative<wire::WatchRequest>(request.body);
  copy.is_renewal = std::holds_alternative<wire::KeepAlive>(request.body);
  if (is_command(request.body)) copy.bytes = wire::encode(request).size() + kMostOverhead;
  if (is_wait) signs_of_life_.push_back(now);
  while (!signs_of_life_.empty() && signs_of_life_.front() + lifetime_ < now) signs_of_life_.pop_front();
  copies_.emplace(Key{connection, request.call}, copy);
}

void RequestLedger::answered(ConnectionId connection, const wire::Response& response, bool is_log_full) {
  const auto copy = copies_.find({connection, response.call});
  REQUIRE_SAFE(copy != copies_.end(), "a copy of a request is answered once: " + describe(response));
  const auto* error = std::get_if<wire::ErrorAnswer>(&response.body);
  REQUIRE_SAFE(error == nullptr || error->code != ErrorCode::kBusy || is_log_full || has_reason_for_busy(copy->second),
               "a node that has room says that it is busy");
  copies_.erase(copy);
}

// With the one that is refused.
bool RequestLedger::has_reason_for_busy(const Copy& refused) const {
  std::size_t bytes = 0;
  std::size_t polls = 0;
  std::size_t renewals = signs_of_life_.size();
  for (const auto& [key, copy] : copies_) {
    bytes += copy.bytes;
    polls += copy.is_poll ? 1 : 0;
    renewals += copy.is_renewal ? 1 : 0;
  }
  if (refused.is_poll) return polls > bounds_.max_polls;
  if (refused.is_renewal) return renewals > bounds_.max_polls;
  return bytes > bounds_.max_pending_bytes;
}

std::optional<std::string> RequestLedger::overdue(Time now) const {
  const auto late =
      std::find_if(copies_.begin(), copies_.end(), [&](const auto& entry) { return entry.second.deadline <= now; });
  if (late == copies_.end()) return std::nullopt;
  return "call " + std::to_string(late->first.second.value()) + " on connection " +
         std::to_string(late->first.first.value()) + " is not answered within its lifetime";
}

void RequestLedger::clear() {
  copies_.clear();
  signs_of_life_.clear();
}

bool RequestLedger::came_since(Time since, ConnectionId connection, CallNumber call) const {
  const auto copy = copies_.find({connection, call});
  return copy != copies_.end() && copy->second.came >= since;
}

}  // namespace lockstep::simulation
