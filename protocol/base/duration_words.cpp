// Which units, and how many digits.
#include "protocol/base/duration_words.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <string_view>

namespace lockstep {
namespace {

struct LongUnit {
  std::int64_t seconds;
  std::string_view name;
};
constexpr std::array kLongUnits{LongUnit{86'400, "day"}, LongUnit{3'600, "h"}, LongUnit{60, "min"}, LongUnit{1, "s"}};

std::string count_of(std::int64_t count, std::string_view unit) {
  return std::to_string(count) + " " + std::string(unit) + (unit == "day" && count != 1 ? "s" : "");
}

std::string in_two_units(std::int64_t seconds) {
  std::size_t largest = 0;
  while (seconds < kLongUnits[largest].seconds) ++largest;
  std::string text = count_of(seconds / kLongUnits[largest].seconds, kLongUnits[largest].name);
  if (largest + 1 == kLongUnits.size()) return text;
  const auto& [length, name] = kLongUnits[largest + 1];
  const std::int64_t rest = seconds % kLongUnits[largest].seconds / length;
  return rest == 0 ? text : text + " " + count_of(rest, name);
}

}  // namespace

std::string in_words(Duration duration) {
  const std::int64_t ms = std::max<std::int64_t>(0, std::chrono::round<std::chrono::milliseconds>(duration).count());
  if (ms < 100) return std::to_string(ms) + " ms";
  if (ms < 995) return std::to_string((ms + 5) / 10 * 10) + " ms";
  const std::int64_t tenths = (ms + 50) / 100;
  if (tenths >= 600) return in_two_units((ms + 500) / 1000);
  return std::to_string(tenths / 10) + (tenths % 10 == 0 ? "" : "." + std::to_string(tenths % 10)) + " s";
}

}  // namespace lockstep
