// Reads a message field by field, straight from the bytes: the visitor that decodes (schema.hpp).
//
// msgpack-c's own unpack builds a tree of objects out of whatever the bytes claim to hold, and only then
// is there something to check. This reader asks for one field at a time and takes nothing else, so a
// header that claims four billion elements costs nothing, and only what the schema nests can be nested.
//
// The first failure stays: after it every call does nothing, and finish() returns it with the path of
// the field. Accepts every encoding of an integer, wide ones too, as the msgpack specification asks.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "protocol/wire/codec.hpp"
#include "protocol/wire/schema.hpp"

namespace lockstep::wire {

class MsgpackReader {
 public:
  static constexpr bool kReads = true;

  // `root` names the message in paths, until rename() knows better.
  MsgpackReader(std::string_view bytes, std::string_view root);

  bool ok() const { return ok_; }
  void rename(std::string_view root) { scopes_[0].name = root; }
  void fail(ErrorCode code, std::string_view field, std::string detail);

  // The message if nothing failed and no byte is left over.
  template <typename T>
  Decoded<T> finish(T message) {
    check_all_used();
    if (!ok_) return tl::unexpected(error_);
    return message;
  }

  void number(std::string_view name, std::uint64_t& value, const Range& range);
  void choice(std::string_view name, std::uint64_t& value, std::span<const NamedNumber> names);
  void boolean(std::string_view name, bool& value);
  void text(std::string_view name, std::string& value, const TextRule& rule);
  void client_id(std::string_view name, ClientId& value) { bytes(name, std::span(value.bytes)); }
  void bytes(std::string_view name, std::span<std::uint8_t> value);
  void command(std::string_view name, std::string& value, CommandOrigin origin);
  void state_limits(std::string_view name, std::string& value);
  void blob(std::string_view name, std::string& value, std::size_t max);
  void entry_body(std::string_view name, raft::EntryBody& value);
  bool begin_optional(std::string_view name, bool present);
  std::size_t begin_list(std::string_view name, std::size_t size, const Count& count);
  void end_list() { leave(); }
  void begin_record(std::string_view name, std::size_t fields);
  void end_record();
  void must(std::string_view name, bool holds, std::string_view detail);
  // Passes over a field that is not an array, a map or an extension.
  void skip(std::string_view name);

 private:
  enum class TokenKind : std::uint8_t {
    kUnsigned,
    kNegative,
    kFloat,
    kNil,
    kBoolean,
    kString,
    kBytes,
    kArray,
    kMap,
    kExtension,
    kInvalid,
    kEnd
  };
  // The start of one value. `number` is the value itself, or a length in bytes, or a count of elements.
  struct Token {
    TokenKind kind = TokenKind::kEnd;
    std::size_t size = 0;  // of the token itself, without what follows it
    std::uint64_t number = 0;
  };
  // What the field being read is inside of. Bytes that hold an encoding of their own add nothing to a path.
  struct Scope {
    enum class Type : std::uint8_t { kRecord, kList, kBytes } type = Type::kBytes;
    std::string_view name;
    std::uint64_t read = 0;
    std::uint64_t left = 0;
    const char* outer_end = nullptr;  // of kBytes: where the bytes around it end
  };
  static constexpr std::size_t kMaxDepth = 10;  // an entry's command in an Append needs 8

  static std::string_view describe(TokenKind kind);
  Token peek() const;
  Token wide(TokenKind kind, std::size_t width) const;
  Token signed_wide(std::size_t width) const;
  std::size_t remaining() const { return static_cast<std::size_t>(end_ - cursor_); }

  bool next_field(std::string_view name);
  Token take(std::string_view name, TokenKind kind, std::string_view expected);
  std::string_view take_payload(std::string_view name, const Token& token);
  void enter(Scope::Type type, std::string_view name, std::uint64_t count);
  void leave();
  bool enter_bytes(std::string_view name, std::string& copy, std::size_t max);
  void leave_bytes();
  void check_all_used();
  std::string path_to(std::string_view field) const;

  const char* cursor_;
  const char* end_;
  std::array<Scope, kMaxDepth> scopes_{};
  std::size_t depth_ = 1;
  bool ok_ = true;
  DecodeError error_;
};

}  // namespace lockstep::wire
