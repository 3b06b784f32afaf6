// Writes msgpack's types in their shortest form.
#include "protocol/wire/msgpack_writer.hpp"

namespace lockstep::wire {

void MsgpackWriter::boolean(std::string_view, bool value) {
  if (value) {
    packer_.pack_true();
  } else {
    packer_.pack_false();
  }
}

void MsgpackWriter::text(std::string_view, const std::string& value, const TextRule& rule) {
  const std::string_view shown =
      rule.alphabet == TextRule::Alphabet::kAny ? clipped(value, rule.max) : std::string_view(value);
  packer_.pack_str(static_cast<std::uint32_t>(shown.size()));
  packer_.pack_str_body(shown.data(), static_cast<std::uint32_t>(shown.size()));
}

void MsgpackWriter::bytes(std::string_view, std::span<const std::uint8_t> value) {
  binary({reinterpret_cast<const char*>(value.data()), value.size()});
}

bool MsgpackWriter::begin_optional(std::string_view, bool present) {
  if (!present) packer_.pack_nil();
  return present;
}

std::size_t MsgpackWriter::begin_list(std::string_view, std::size_t size, const Count&) {
  packer_.pack_array(static_cast<std::uint32_t>(size));
  return size;
}

void MsgpackWriter::begin_record(std::string_view, std::size_t fields) {
  packer_.pack_array(static_cast<std::uint32_t>(fields));
}

void MsgpackWriter::binary(std::string_view value) {
  packer_.pack_bin(static_cast<std::uint32_t>(value.size()));
  packer_.pack_bin_body(value.data(), static_cast<std::uint32_t>(value.size()));
}

}  // namespace lockstep::wire
