// Writes a message's fields as msgpack: the visitor that encodes (schema.hpp).
//
// Integers take the shortest form, so one message has one encoding. Limits are not checked here: the
// reader checks them. Only texts for people are cut to their limit, since an answer must never be too
// long to be read.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include <msgpack/pack.hpp>

#include "protocol/wire/codec.hpp"
#include "protocol/wire/schema.hpp"

namespace lockstep::wire {

class MsgpackWriter {
 public:
  static constexpr bool kReads = false;

  MsgpackWriter() : packer_(buffer_) {}
  MsgpackWriter(const MsgpackWriter&) = delete;
  MsgpackWriter& operator=(const MsgpackWriter&) = delete;

  std::string take() { return std::move(buffer_.bytes); }

  void number(std::string_view, std::uint64_t value, const Range&) { packer_.pack_uint64(value); }
  void choice(std::string_view, std::uint64_t value, std::span<const NamedNumber>) { packer_.pack_uint64(value); }
  void boolean(std::string_view, bool value);
  void text(std::string_view, const std::string& value, const TextRule& rule);
  void client_id(std::string_view name, const ClientId& value) { bytes(name, std::span(value.bytes)); }
  void bytes(std::string_view, std::span<const std::uint8_t> value);
  void command(std::string_view, const std::string& value, CommandOrigin) { binary(value); }
  void state_limits(std::string_view, const std::string& value) { binary(value); }
  void blob(std::string_view, const std::string& value, std::size_t) { binary(value); }
  void entry_body(std::string_view, const raft::EntryBody& value) { binary(encode(value)); }
  bool begin_optional(std::string_view, bool present);
  std::size_t begin_list(std::string_view, std::size_t size, const Count&);
  void end_list() {}
  void begin_record(std::string_view, std::size_t fields);
  void end_record() {}

 private:
  // What msgpack's packer writes to.
  struct Buffer {
    std::string bytes;
    void write(const char* data, std::size_t size) { bytes.append(data, size); }
  };

  void binary(std::string_view value);

  Buffer buffer_;
  msgpack::packer<Buffer> packer_;
};

}  // namespace lockstep::wire
