#include "tests/simulation/request_ledger.hpp"

#include <algorithm>
#include <iterator>

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

// Of a command.
std::optional<locks::RequestKey> key_of(const wire::RequestBody& body) {
  if (const auto* execute = std::get_if<locks::Execute>(&body)) return locks::key_of(*execute);
  const auto* open = std::get_if<wire::OpenSession>(&body);
  if (open == nullptr) return std::nullopt;
  return locks::RequestKey{open->client, SessionId(), open->nonce, 0};
}

}  // namespace

void RequestLedger::asked(Time now, ConnectionId connection, const wire::Request& request) {
  Copy copy;
  copy.came = now;
  copy.deadline = now + std::max(lifetime_, poll_of(request.body));
  const bool is_wait = std::holds_alternative<wire::Wait>(request.body);
  copy.is_poll = is_wait || std::holds_alternative<wire::WatchRequest>(request.body);
  copy.is_renewal = std::holds_alternative<wire::KeepAlive>(request.body);
  copy.waits_since = now;
  if ((copy.request = key_of(request.body))) {
    copy.bytes = wire::encode(request).size() + kMostOverhead;
    for (const auto& [key, other] : copies_) {
      if (other.request == copy.request) copy.waits_since = std::min(copy.waits_since, other.waits_since);
    }
  }
  if (is_wait) signs_of_life_.push_back(now);
  while (!signs_of_life_.empty() && signs_of_life_.front() + lifetime_ < now) signs_of_life_.pop_front();
  copies_.emplace(Key{connection, request.call}, copy);
}

void RequestLedger::answered(Time now, ConnectionId connection, const wire::Response& response, bool is_log_full) {
  const auto [first, end] = copies_.equal_range({connection, response.call});
  REQUIRE_SAFE(first != end, "a copy of a request is answered once: " + describe(response));
  const auto* error = std::get_if<wire::ErrorAnswer>(&response.body);
  const auto says = [&](ErrorCode code) { return error != nullptr && error->code == code; };
  // Of a frame that the network repeated, it is the later copy for which there is no room.
  const auto copy = says(ErrorCode::kBusy) ? std::prev(end) : first;
  REQUIRE_SAFE(!says(ErrorCode::kBusy) || is_log_full || has_reason_for_busy(copy->second),
               "a node that has room says that it is busy");
  // Before there is a cluster nothing waits. A renewal proves nothing when it is late, so it is told at once that its
  // leader is gone.
  const bool may_be_given_up =
      copy->second.is_renewal || !response.applied || now >= copy->second.waits_since + lifetime_;
  REQUIRE_SAFE(may_be_given_up || !(says(ErrorCode::kUnavailable) || says(ErrorCode::kNoLeader)),
               "a request is given up before its lifetime is over: " + describe(response));
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
