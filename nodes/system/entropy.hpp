// Bytes from the kernel's random device: secrets, nonces, ids, and the seeds of everything that may be
// guessed. The only place that reads it.
#pragma once

#include <cstdint>
#include <span>

namespace lockstep {

void fill_with_entropy(std::span<std::uint8_t> bytes);
// Never 0, since an identifier of 0 means "none".
std::uint64_t random_identifier();

}  // namespace lockstep
