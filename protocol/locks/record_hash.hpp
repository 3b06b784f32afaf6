// The hash of one record, from its content and nothing else: never from padding, pointers or the
// order of a container, so that equal states hash equally on every machine and in every build.
//
// A table's hash is the sum, with wraparound, of the hashes of its records: adding, changing or
// removing one record costs that record alone (R16). Records of different kinds start from different
// tags, so that one cannot stand in for another.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "protocol/locks/commands.hpp"

namespace lockstep::locks {

enum class RecordTag : std::uint64_t {
  kLimits = 1,
  kHold = 2,
  kSession = 3,
  kSessionUse = 4,
  kAnswer = 5,
  kEndedSession = 6,
  kOpenCommand = 7,
  kPreemptCommand = 8,
  kReleaseCommand = 9,
  kAcquireCommand = 10,
  kAcquiredNames = 11,
  kCancelCommand = 12,
  kCloseCommand = 13,
  kForceReleaseCommand = 14,
  kCloseSessionCommand = 15,
  kExpireCommand = 16,
  kWaiter = 17,
  kWaiterName = 18,
  kHistoryEvent = 19,
};

// Of up to kMaxWords numbers and texts, in the order they are added.
class RecordHash {
 public:
  explicit RecordHash(RecordTag tag) { add(static_cast<std::uint64_t>(tag)); }

  RecordHash& add(std::uint64_t word);
  RecordHash& add(const ClientId& client);
  RecordHash& add(const SecretHash& secret_hash);
  RecordHash& add(WallTime time);
  RecordHash& add(const Result& result);
  RecordHash& add_text(std::string_view text);

  std::uint64_t finish() const;

 private:
  static constexpr std::size_t kMaxWords = 24;
  std::array<std::uint64_t, kMaxWords> words_{};  // little-endian
  std::size_t size_ = 0;
};

}  // namespace lockstep::locks
