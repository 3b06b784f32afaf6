// How storage writes numbers and proves bytes: little-endian integers, CRC32C, and sealed blocks.
//
// A sealed block is 4 KiB that end in the CRC32C of all before it. It is one physical sector of today's
// disks, so a damaged sector never takes two blocks with it.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace lockstep {

inline constexpr std::size_t kBlockBytes = 4096;

// CRC32C (Castagnoli; RFC 3720 appendix B.4) of `bytes`. With seed 0 the standard value; any other seed
// gives another value for the same bytes, always.
std::uint32_t crc32c(std::string_view bytes, std::uint32_t seed = 0);

template <std::unsigned_integral Integer>
void put(std::string& out, std::size_t offset, Integer value) {
  for (std::size_t i = 0; i < sizeof(Integer); ++i) {
    out[offset + i] = static_cast<char>(static_cast<std::uint8_t>(value >> (8 * i)));
  }
}

template <std::unsigned_integral Integer>
void append(std::string& out, Integer value) {
  out.resize(out.size() + sizeof(Integer));
  put(out, out.size() - sizeof(Integer), value);
}

// The caller has checked that the bytes are there.
template <std::unsigned_integral Integer>
Integer get(std::string_view bytes, std::size_t offset) {
  Integer value = 0;
  for (std::size_t i = 0; i < sizeof(Integer); ++i) {
    value = static_cast<Integer>(
        value | static_cast<Integer>(static_cast<Integer>(static_cast<std::uint8_t>(bytes[offset + i])) << (8 * i)));
  }
  return value;
}

std::string seal_block(std::string content);  // content of at most 4092 bytes
bool is_sealed_block(std::string_view block);

}  // namespace lockstep
