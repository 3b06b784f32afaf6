// The strong types that the whole protocol speaks in.
//
// A term is never passed where a log index is meant: each number has a type of its own, and only
// the arithmetic that makes sense for it. Identifiers can be compared and hashed, ordinals can also
// be ordered and counted. The value 0 of each type means "none".
//
// Time is passed in, never read: these clocks have no now(). Time and Duration count nanoseconds, WallTime
// milliseconds.
#pragma once

#include <chrono>
#include <compare>
#include <cstdint>
#include <functional>

namespace lockstep {

// A name without an order: which node, which cluster, which connection.
template <typename Tag>
class Identifier {
 public:
  constexpr Identifier() = default;
  constexpr explicit Identifier(std::uint64_t value) : value_(value) {}
  constexpr std::uint64_t value() const { return value_; }
  constexpr explicit operator bool() const { return value_ != 0; }
  friend constexpr auto operator<=>(Identifier, Identifier) = default;

 private:
  std::uint64_t value_ = 0;
};

// A position in a sequence: it has a next and a distance.
template <typename Tag>
class Ordinal {
 public:
  constexpr Ordinal() = default;
  constexpr explicit Ordinal(std::uint64_t value) : value_(value) {}
  constexpr std::uint64_t value() const { return value_; }
  constexpr explicit operator bool() const { return value_ != 0; }
  constexpr Ordinal next() const { return Ordinal(value_ + 1); }
  constexpr Ordinal previous() const { return Ordinal(value_ - 1); }
  friend constexpr auto operator<=>(Ordinal, Ordinal) = default;
  friend constexpr Ordinal operator+(Ordinal a, std::uint64_t n) { return Ordinal(a.value_ + n); }
  friend constexpr std::uint64_t operator-(Ordinal a, Ordinal b) { return a.value_ - b.value_; }

 private:
  std::uint64_t value_ = 0;
};

using NodeId = Identifier<struct NodeIdTag>;        // random, made when a disk is formatted
using ClusterId = Identifier<struct ClusterIdTag>;  // random, made when a cluster forms
// The far end of a connection that a message came in on. Only the transport knows what it means.
using ConnectionId = Identifier<struct ConnectionIdTag>;

using Term = Ordinal<struct TermTag>;
using LogIndex = Ordinal<struct LogIndexTag>;
using WriteId = Ordinal<struct WriteIdTag>;              // numbers the writes that a node asks of its disk
using Round = Ordinal<struct RoundTag>;                  // numbers a leader's broadcasts, within one term
using RequestNumber = Ordinal<struct RequestNumberTag>;  // a client's requests, within one session
using CallNumber = Ordinal<struct CallNumberTag>;        // matches an answer to one copy of a request

using SessionId = Ordinal<struct SessionIdTag>;        // the index of the entry that opened it
using FencingToken = Ordinal<struct FencingTokenTag>;  // the index of the entry that granted the lock

using WaiterId = Ordinal<struct WaiterIdTag>;  // the index of the entry that queued the request

constexpr SessionId session_opened_by(LogIndex index) { return SessionId(index.value()); }
constexpr FencingToken token_granted_by(LogIndex index) { return FencingToken(index.value()); }
constexpr WaiterId waiter_queued_by(LogIndex index) { return WaiterId(index.value()); }

// CLOCK_BOOTTIME of the machine: every deadline and timeout. Only distances mean anything.
struct BootClock {
  using duration = std::chrono::nanoseconds;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<BootClock>;
  static constexpr bool is_steady = true;
};

// Milliseconds since 1970 UTC: shown to people, never used to decide anything.
struct WallClock {
  using duration = std::chrono::milliseconds;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<WallClock>;
  static constexpr bool is_steady = false;
};

using Duration = BootClock::duration;
using Time = BootClock::time_point;
using WallTime = WallClock::time_point;

// What the shell reads off its clocks before it hands an event to the core.
struct Now {
  Time time{};
  WallTime wall{};
};

}  // namespace lockstep

template <typename Tag>
struct std::hash<lockstep::Identifier<Tag>> {
  std::size_t operator()(lockstep::Identifier<Tag> id) const noexcept { return std::hash<std::uint64_t>{}(id.value()); }
};

template <typename Tag>
struct std::hash<lockstep::Ordinal<Tag>> {
  std::size_t operator()(lockstep::Ordinal<Tag> n) const noexcept { return std::hash<std::uint64_t>{}(n.value()); }
};
