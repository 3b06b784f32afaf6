// Which of the unsynced sectors and names survive a crash: every subset where there are few of them, else a wide
// choice.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "protocol/base/random.hpp"

namespace lockstep::test {

using Survives = std::function<bool(std::size_t)>;

inline void for_each_choice(std::size_t items, const std::function<void(const Survives&)>& use) {
  if (items <= 8) {
    for (std::size_t kept = 0; kept < (std::size_t{1} << items); ++kept) {
      use([kept](std::size_t i) { return ((kept >> i) & 1U) != 0; });
    }
    return;
  }
  use([](std::size_t) { return true; });
  use([](std::size_t) { return false; });
  for (std::size_t n = 1; n < items; n += 1 + items / 16) {
    use([n](std::size_t i) { return i < n; });
    use([n](std::size_t i) { return i >= n; });
    use([n](std::size_t i) { return i != n; });
    use([n](std::size_t i) { return i == n; });
  }
  for (std::uint64_t seed = 0; seed < 8; ++seed) {
    Random random(seed);
    std::vector<bool> kept;
    for (std::size_t i = 0; i < items; ++i) kept.push_back(random.one_in(2));
    use([&kept](std::size_t i) { return kept[i]; });
  }
}

}  // namespace lockstep::test
