// Little-endian integers, CRC32C (by ISA-L), and blocks that carry their checksum.
#include "nodes/storage/encoding.hpp"

#include <isa-l/crc.h>

#include <algorithm>
#include <limits>

#include "protocol/base/invariant.hpp"

namespace lockstep {
namespace {
constexpr std::size_t kSealedContent = kBlockBytes - sizeof(std::uint32_t);
}

std::uint32_t crc32c(std::string_view bytes, std::uint32_t seed) {
  std::uint32_t crc = ~seed;
  constexpr auto kMaxStep = static_cast<std::size_t>(std::numeric_limits<int>::max());
  while (!bytes.empty()) {
    const std::size_t step = std::min(bytes.size(), kMaxStep);
    // The library takes a pointer to bytes that it only reads.
    auto* data = reinterpret_cast<unsigned char*>(const_cast<char*>(bytes.data()));
    crc = crc32_iscsi(data, static_cast<int>(step), crc);
    bytes.remove_prefix(step);
  }
  return ~crc;
}

std::string seal_block(std::string content) {
  INVARIANT(content.size() <= kSealedContent, "a block holds 4092 bytes and their checksum");
  content.resize(kBlockBytes, '\0');
  const std::uint32_t crc = crc32c(std::string_view(content).substr(0, kSealedContent));
  put(content, kSealedContent, crc);
  return content;
}

bool is_sealed_block(std::string_view block) {
  return block.size() == kBlockBytes &&
         get<std::uint32_t>(block, kSealedContent) == crc32c(block.substr(0, kSealedContent));
}

}  // namespace lockstep
