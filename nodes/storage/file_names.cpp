// Makes and reads the names of segments and snapshots.
#include "nodes/storage/file_names.hpp"

#include <charconv>

namespace lockstep {
namespace {

constexpr std::string_view kSegmentPrefix = "log-";
constexpr std::string_view kSnapshotPrefix = "snapshot-";
constexpr std::size_t kNumberDigits = 16;

// With zeros in front, so that names sort by number.
std::string numbered(std::string_view prefix, std::uint64_t number) {
  const std::string digits = std::to_string(number);
  const std::size_t zeros = digits.size() < kNumberDigits ? kNumberDigits - digits.size() : 0;
  return std::string(prefix) + std::string(zeros, '0') + digits;
}

std::optional<std::uint64_t> number_from(std::string_view prefix, std::string_view name) {
  if (!name.starts_with(prefix)) return std::nullopt;
  std::uint64_t number = 0;
  const std::string_view digits = name.substr(prefix.size());
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (error != std::errc() || numbered(prefix, number) != name) return std::nullopt;
  return number;
}

}  // namespace

std::string segment_name(std::uint64_t number) { return numbered(kSegmentPrefix, number); }

std::optional<std::uint64_t> segment_number_from(std::string_view name) { return number_from(kSegmentPrefix, name); }

std::string snapshot_name(LogIndex index) { return numbered(kSnapshotPrefix, index.value()); }

std::optional<LogIndex> snapshot_index_from(std::string_view name) {
  const auto number = number_from(kSnapshotPrefix, name);
  if (!number || *number == 0) return std::nullopt;
  return LogIndex(*number);
}

}  // namespace lockstep
