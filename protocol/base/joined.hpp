// A list in a sentence: "a, b, c".
#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace lockstep {

// Each item's `text` (what `text_of` makes of it), with `separator` between them.
template <typename Items, typename TextOf = std::identity>
std::string joined(const Items& items, TextOf text_of = {}, std::string_view separator = ", ") {
  std::string all;
  bool is_first = true;
  for (const auto& item : items) {
    if (!is_first) all += separator;
    is_first = false;
    all += std::invoke(text_of, item);
  }
  return all;
}

}  // namespace lockstep
