// Reads and writes durations; the largest unit that fits is shown.
#include "nodes/text/duration.hpp"

#include <array>
#include <charconv>
#include <cstdint>

namespace lockstep {
namespace {

struct Unit {
  std::string_view name;
  std::int64_t milliseconds;
};
constexpr std::array kUnits{Unit{"h", 3'600'000}, Unit{"m", 60'000}, Unit{"s", 1'000}, Unit{"ms", 1}};

constexpr std::int64_t kLongest = std::int64_t{365} * 24 * 3'600'000;

}  // namespace

tl::expected<Duration, std::string> parse_duration(std::string_view text) {
  const auto malformed = [&] {
    return tl::unexpected("expected a duration such as 500ms, 10s or 2m, not '" + std::string(text) + "'");
  };
  std::uint64_t count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (error == std::errc::invalid_argument) return malformed();
  const std::string_view unit_name(end, static_cast<std::size_t>(text.data() + text.size() - end));
  for (const Unit& unit : kUnits) {
    if (unit.name != unit_name) continue;
    if (error == std::errc::result_out_of_range || count > static_cast<std::uint64_t>(kLongest / unit.milliseconds)) {
      return tl::unexpected("'" + std::string(text) + "' is longer than a year");
    }
    return std::chrono::milliseconds(static_cast<std::int64_t>(count) * unit.milliseconds);
  }
  return malformed();
}

std::string format_duration(Duration duration) {
  const std::int64_t count = std::chrono::duration_cast<std::chrono::milliseconds>(duration).count();
  if (count == 0) return "0s";
  for (const Unit& unit : kUnits) {
    if (count % unit.milliseconds == 0) return std::to_string(count / unit.milliseconds) + std::string(unit.name);
  }
  return std::to_string(count) + "ms";
}

}  // namespace lockstep
