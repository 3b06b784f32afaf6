// How much the desk of a node holds for its clients, and how much it puts into one answer or one message.
#pragma once

#include <cstddef>

#include "protocol/locks/commands.hpp"
#include "protocol/wire/limits.hpp"

namespace lockstep {

// The defaults of the last four are the most that one message carries. Simulations have smaller ones.
struct DeskBounds {
  std::size_t max_pending_bytes = 64 * 1024 * 1024;  // of commands; then `busy`
  std::size_t max_polls = 100'000;                   // held back, or renewals under way; then `busy`
  std::size_t kept_changes = 65'536;                 // for those who watch: how far back they may go on from
  std::size_t max_barriers = 64;                     // for reads, under way
  std::size_t watched_changes = wire::kMaxWatched;   // of one answer to a Watch
  std::size_t watched_holds =
      wire::kMaxWatched - locks::kMaxHolders;           // the same; whole locks, so the last may exceed it
  std::size_t barrier_renewals = wire::kMaxRenewals;    // that one barrier takes along
  std::size_t forwarded_bytes = wire::kForwardedFrame;  // of commands in one Forward
};

}  // namespace lockstep
