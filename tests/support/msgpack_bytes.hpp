// Bytes of msgpack for tests, made and taken apart with msgpack-c, which the codec's reader does not use:
// so the reader is held against another implementation.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <msgpack.hpp>

namespace lockstep::testing {

// The bytes of one value, as msgpack-c packs it.
template <typename Pack>
std::string packed(Pack pack) {
  msgpack::sbuffer buffer;
  msgpack::packer<msgpack::sbuffer> packer(buffer);
  pack(packer);
  return {buffer.data(), buffer.size()};
}

inline std::string packed_number(std::uint64_t n) {
  return packed([&](auto& p) { p.pack_uint64(n); });
}
inline std::string packed_text(std::string_view text) {
  return packed([&](auto& p) { p.pack(std::string(text)); });
}
inline std::string packed_bytes(std::string_view bytes) {
  return packed([&](auto& p) {
    p.pack_bin(static_cast<std::uint32_t>(bytes.size()));
    p.pack_bin_body(bytes.data(), static_cast<std::uint32_t>(bytes.size()));
  });
}
inline std::string packed_nil() {
  return packed([](auto& p) { p.pack_nil(); });
}

// An array of values that are packed already.
inline std::string packed_array(const std::vector<std::string>& elements) {
  std::string bytes = packed([&](auto& p) { p.pack_array(static_cast<std::uint32_t>(elements.size())); });
  for (const std::string& element : elements) bytes += element;
  return bytes;
}

// The packed elements of an array. Throws what msgpack-c throws if the bytes are no array.
inline std::vector<std::string> elements_of(const std::string& bytes) {
  const msgpack::object_handle whole = msgpack::unpack(bytes.data(), bytes.size());
  const std::size_t count = whole.get().via.array.size;
  std::vector<std::string> elements(count);
  std::size_t at = packed([&](auto& p) { p.pack_array(static_cast<std::uint32_t>(count)); }).size();
  for (std::string& element : elements) {
    const std::size_t start = at;
    msgpack::unpack(bytes.data(), bytes.size(), at);
    element = bytes.substr(start, at - start);
  }
  return elements;
}

inline std::string from_hex(std::string_view hex) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes += static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16));
  }
  return bytes;
}

inline std::string to_hex(std::string_view bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string hex;
  for (const char byte : bytes) {
    hex += kDigits[static_cast<std::uint8_t>(byte) >> 4];
    hex += kDigits[static_cast<std::uint8_t>(byte) & 15];
  }
  return hex;
}

}  // namespace lockstep::testing
