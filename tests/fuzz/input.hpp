// Takes a fuzzer's bytes apart, from front to back. Past the end everything is zero or empty.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string_view>
#include <vector>

#include "tests/fuzz/targets.hpp"

namespace lockstep::fuzz {

inline std::string_view as_text(Bytes bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }

class Input {
 public:
  explicit Input(Bytes bytes) : left_(bytes) {}

  bool empty() const { return left_.empty(); }
  std::uint8_t byte() { return static_cast<std::uint8_t>(number(1)); }
  // Little-endian.
  std::uint64_t number(std::size_t bytes) {
    std::uint64_t value = 0;
    const Bytes taken = take(bytes);
    for (std::size_t i = 0; i < taken.size(); ++i) value |= std::uint64_t{taken[i]} << (8 * i);
    return value;
  }
  // Two bytes of length, and so many bytes: copied, so that a sanitizer sees any read past the end.
  std::vector<char> chunk() {
    const Bytes taken = take(static_cast<std::size_t>(number(2)));
    return {taken.begin(), taken.end()};
  }

 private:
  Bytes take(std::size_t bytes) {
    const Bytes taken = left_.first(std::min(bytes, left_.size()));
    left_ = left_.subspan(taken.size());
    return taken;
  }

  Bytes left_;
};

inline std::string_view as_text(const std::vector<char>& bytes) { return {bytes.data(), bytes.size()}; }

}  // namespace lockstep::fuzz
