// The arithmetic of L3: when to renew, and what an acknowledgement proves.
#include "protocol/client_core/client_lease.hpp"

#include <algorithm>
#include <iterator>

#include "protocol/base/invariant.hpp"

namespace lockstep {
namespace {

// Of the 10 s that the cluster gives the waits of a session that does not expire.
constexpr Duration kWaitsInterval = std::chrono::seconds(3);

// L3: 0.98 TTL. The rest is for clocks that do not run at the same speed.
Duration certain_part(Duration ttl) { return ttl - ttl / 50; }

}  // namespace

ClientLease::ClientLease(Duration ttl, Duration attempt_timeout, std::size_t kept)
    : ttl_(ttl),
      interval_(ttl > Duration::zero() ? ttl / 3 : kWaitsInterval),
      patience_(ttl > Duration::zero() ? std::min(attempt_timeout, ttl / 6) : attempt_timeout),
      kept_(kept) {}

void ClientLease::begin(Time first_sent) {
  INVARIANT(!open_, "a client has one session at a time");
  open_ = true;
  due_ = first_sent + interval_;
  if (ttl_ > Duration::zero()) safe_until_ = first_sent + certain_part(ttl_);
}

void ClientLease::end() {
  open_ = waiting_ = in_flight_ = false;
  safe_until_.reset();
  sent_.clear();
  failures_ = 0;
}

void ClientLease::set_waiting(Time now, bool waiting) {
  if (ttl_ > Duration::zero() || waiting == waiting_) return;
  waiting_ = waiting;
  in_flight_ = false;
  sent_.clear();
  due_ = now;
}

void ClientLease::sent(Time now, CallNumber call, std::size_t endpoint) {
  INVARIANT(is_kept() && !in_flight_, "one keep-alive is waited for, and only while there is something to keep");
  INVARIANT(sent_.empty() || (sent_.rbegin()->first < call && sent_.rbegin()->second <= now),
            "L3: each renewal is a new message with a send time of its own");
  sent_.emplace(call, now);
  if (sent_.size() > kept_) sent_.erase(std::next(sent_.begin()));  // the first tells since when it is silent
  in_flight_ = true;
  endpoint_ = endpoint;
  due_ = now + patience_;
}

bool ClientLease::acknowledged(CallNumber call) {
  const auto found = sent_.find(call);
  INVARIANT(found != sent_.end(), "only a keep-alive that was sent is acknowledged");
  const Time sent = found->second;
  if (is_newest(call)) {
    in_flight_ = false;
    due_ = sent + interval_;
  }
  failures_ = 0;
  sent_.erase(sent_.begin(), std::next(found));
  if (!safe_until_) return false;
  const Time earlier = *safe_until_;
  safe_until_ = std::max(earlier, sent + certain_part(ttl_));
  INVARIANT(*safe_until_ < sent + ttl_ || *safe_until_ == earlier, "L3: the client is the first to know");
  return *safe_until_ > earlier;
}

std::optional<std::size_t> ClientLease::asked_endpoint() const {
  if (!in_flight_) return std::nullopt;
  return endpoint_;
}

void ClientLease::failed(Time now, Duration pause) {
  in_flight_ = false;
  due_ = now + pause;
  ++failures_;
}

std::optional<Time> ClientLease::silent_since() const {
  if (sent_.empty()) return std::nullopt;
  return sent_.begin()->second;
}

Time ClientLease::next_deadline() const {
  Time next = is_kept() ? due_ : Time::max();
  if (safe_until_) next = std::min(next, *safe_until_);
  return next;
}

}  // namespace lockstep
