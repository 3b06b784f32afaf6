// The names of the files of a data folder: docs/storage-format.md lists them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/base/types.hpp"

namespace lockstep {

std::string segment_name(std::uint64_t number);                           // "log-0000000000000001"
std::optional<std::uint64_t> segment_number_from(std::string_view name);  // none: not a segment
std::string snapshot_name(LogIndex index);                                // "snapshot-0000000000000001"
std::optional<LogIndex> snapshot_index_from(std::string_view name);       // none: not a snapshot

// A file in the making. It has its own name only once it is whole and synced.
inline constexpr std::string_view kTemporarySuffix = ".tmp";
// A damaged file, moved out of the way.
inline constexpr std::string_view kSetAsidePrefix = "damaged-";

}  // namespace lockstep
