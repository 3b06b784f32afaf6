// What a message may be at most. Checked where bytes arrive, before anything else looks at them, and
// the same in every build: these are part of the protocol. Limits of the state are locks::StateLimits.
#pragma once

#include <cstddef>
#include <cstdint>

namespace lockstep::wire {

inline constexpr std::uint8_t kVersion = 2;

// Terms, indexes, rounds and request numbers: half of what 64 bits hold, so that adding a length to one
// that a peer sent never wraps around.
inline constexpr std::uint64_t kMaxOrdinal = 0x7fff'ffff'ffff'ffff;

inline constexpr std::size_t kMaxLockName = 255;             // bytes of UTF-8
inline constexpr std::size_t kMaxClientRequest = 32 * 1024;  // bytes of a client's frame
inline constexpr std::size_t kMaxListPage = 1000;            // locks in one answer to List
inline constexpr std::size_t kMaxHistoryPage = 1000;         // events in one answer to History
inline constexpr std::size_t kMaxSessionsPage = 1000;        // sessions in one answer to Sessions
inline constexpr std::size_t kMaxWatched = 32'768;           // changes, or holds, in one answer to Watch
inline constexpr std::uint32_t kMaxPollMs = 60'000;          // how long a Wait or a Watch may be held back
inline constexpr std::size_t kMaxNote = 1024;                // bytes: who a session is
inline constexpr std::size_t kMaxWhy = 256;                  // bytes: an operator's reason
inline constexpr std::size_t kMaxErrorDetail = 1024;         // bytes
inline constexpr std::size_t kMaxVersionText = 64;           // bytes, of a node's version in its status
inline constexpr std::size_t kSecretSize = 32;               // bytes, from the system's random device
inline constexpr std::uint32_t kMinTtlMs = 1000;             // or 0: the session never expires
inline constexpr std::uint32_t kMaxTtlMs = 86'400'000;       // a day

inline constexpr std::size_t kMaxMembers = 7;
inline constexpr std::size_t kMaxMemberName = 64;             // bytes: letters, digits, '-', '_', '.'
inline constexpr std::size_t kMaxEndpoint = 256;              // bytes
inline constexpr std::size_t kMaxCommand = 32 * 1024;         // bytes
inline constexpr std::size_t kMaxEntryBody = 40 * 1024;       // a command with room to spare
inline constexpr std::size_t kMaxStateLimits = 64;            // bytes
inline constexpr std::size_t kMaxEntries = 65'536;            // of one Append
inline constexpr std::size_t kMaxForward = 16'384;            // commands of one Forward
inline constexpr std::size_t kMaxRenewals = 100'000;          // sessions of one Barrier
inline constexpr std::size_t kMaxSnapshotPart = 1024 * 1024;  // bytes
inline constexpr std::size_t kMaxReason = 1024;               // bytes, of a refusal

// A soft size that senders keep to, so that no frame is large. raft::Bounds has those of Append and Snapshot.
inline constexpr std::size_t kForwardedFrame = 256 * 1024;  // commands of one Forward

// Hard sizes of a frame, for the sockets' MAXMSGSIZE.
inline constexpr std::size_t kMaxClientFrame = 64 * 1024;
inline constexpr std::size_t kMaxPeerFrame = 16 * 1024 * 1024;

}  // namespace lockstep::wire
