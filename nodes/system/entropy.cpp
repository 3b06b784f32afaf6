// getrandom(2), until all bytes are there.
#include "nodes/system/entropy.hpp"

#include <sys/random.h>

#include <cerrno>

#include "protocol/base/invariant.hpp"

namespace lockstep {

void fill_with_entropy(std::span<std::uint8_t> bytes) {
  while (!bytes.empty()) {
    const ssize_t read = getrandom(bytes.data(), bytes.size(), 0);
    INVARIANT(read > 0 || errno == EINTR, "the kernel gives random bytes");
    if (read > 0) bytes = bytes.subspan(static_cast<std::size_t>(read));
  }
}

std::uint64_t random_identifier() {
  for (;;) {
    std::uint64_t value = 0;
    fill_with_entropy({reinterpret_cast<std::uint8_t*>(&value), sizeof value});
    if (value != 0) return value;
  }
}

}  // namespace lockstep
