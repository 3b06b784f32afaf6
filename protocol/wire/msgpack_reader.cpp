// Reads msgpack's types one by one, and says which field is wrong, and why.
#include "protocol/wire/msgpack_reader.hpp"

#include <algorithm>
#include <cstring>

#include "protocol/base/invariant.hpp"

namespace lockstep::wire {
namespace {

std::string counted(std::uint64_t n, std::string_view what) {
  return std::to_string(n) + " " + std::string(what) + (n == 1 ? "" : "s");
}

}  // namespace

MsgpackReader::MsgpackReader(std::string_view bytes, std::string_view root)
    : cursor_(bytes.data()), end_(bytes.data() + bytes.size()) {
  scopes_[0].name = root;
  scopes_[0].left = 1;
}

void MsgpackReader::fail(ErrorCode code, std::string_view field, std::string detail) {
  if (!ok_) return;
  ok_ = false;
  error_ = {code, path_to(field), std::move(detail), CallNumber()};
}

// ---- The fields

void MsgpackReader::number(std::string_view name, std::uint64_t& value, const Range& range) {
  const Token token = take(name, TokenKind::kUnsigned, "an unsigned integer");
  if (!ok_) return;
  value = token.number;
  if (std::string detail = validate_number(value, range); !detail.empty()) {
    fail(range.refusal, name, std::move(detail));
  }
}

void MsgpackReader::choice(std::string_view name, std::uint64_t& value, std::span<const NamedNumber> names) {
  const Token token = take(name, TokenKind::kUnsigned, "an unsigned integer");
  if (!ok_) return;
  value = token.number;
  if (name_in(names, value).empty()) fail(ErrorCode::kBadRequest, name, "unknown value " + std::to_string(value));
}

void MsgpackReader::boolean(std::string_view name, bool& value) {
  value = take(name, TokenKind::kBoolean, "a boolean").number != 0;
}

void MsgpackReader::text(std::string_view name, std::string& value, const TextRule& rule) {
  const Token token = take(name, TokenKind::kString, "a string");
  const std::string_view payload = take_payload(name, token);
  if (!ok_) return;
  std::string detail = validate_text(payload, rule);
  if (!detail.empty()) return fail(refusal_of(rule), name, std::move(detail));
  value = payload;
}

void MsgpackReader::bytes(std::string_view name, std::span<std::uint8_t> value) {
  const Token token = take(name, TokenKind::kBytes, "bytes");
  const std::string_view payload = take_payload(name, token);
  if (!ok_) return;
  if (payload.size() != value.size()) {
    return fail(ErrorCode::kBadRequest, name,
                "expected " + counted(value.size(), "byte") + ", got " + std::to_string(payload.size()));
  }
  std::memcpy(value.data(), payload.data(), value.size());
}

void MsgpackReader::command(std::string_view name, std::string& value, CommandOrigin origin) {
  if (!enter_bytes(name, value, kMaxCommand)) return;
  locks::Command command;
  tagged(*this, "", command);
  const bool is_expire = std::holds_alternative<locks::Expire>(command);
  must("", !is_expire || origin == CommandOrigin::kLog, "only a leader makes an expire, and only for its own log");
  leave_bytes();
}

void MsgpackReader::state_limits(std::string_view name, std::string& value) {
  if (!enter_bytes(name, value, kMaxStateLimits)) return;
  locks::StateLimits limits;
  field(*this, "", limits);
  leave_bytes();
}

void MsgpackReader::blob(std::string_view name, std::string& value, std::size_t max) {
  const Token token = take(name, TokenKind::kBytes, "bytes");
  const std::string_view payload = take_payload(name, token);
  if (!ok_) return;
  if (payload.size() > max) {
    return fail(ErrorCode::kBadRequest, name,
                "expected at most " + counted(max, "byte") + ", got " + std::to_string(payload.size()));
  }
  value = payload;
}

void MsgpackReader::entry_body(std::string_view name, raft::EntryBody& value) {
  std::string unused;
  if (!enter_bytes(name, unused, kMaxEntryBody)) return;
  tagged(*this, "", value);
  leave_bytes();
}

bool MsgpackReader::begin_optional(std::string_view name, bool) {
  if (!ok_ || scopes_[depth_ - 1].left == 0 || peek().kind != TokenKind::kNil) return true;
  take(name, TokenKind::kNil, "nil");
  return false;
}

std::size_t MsgpackReader::begin_list(std::string_view name, std::size_t, const Count& count) {
  const Token token = take(name, TokenKind::kArray, "an array");
  if (!ok_) return 0;
  if (std::string detail = validate_count(token.number, count); !detail.empty()) {
    fail(ErrorCode::kBadRequest, name, std::move(detail));
    return 0;
  }
  enter(Scope::Type::kList, name, token.number);
  return token.number;
}

void MsgpackReader::begin_record(std::string_view name, std::size_t) {
  const Token token = take(name, TokenKind::kArray, "an array");
  if (ok_) enter(Scope::Type::kRecord, name, token.number);
}

void MsgpackReader::end_record() {
  if (!ok_) return;
  const Scope scope = scopes_[depth_ - 1];
  leave();
  if (scope.left == 0) return;
  fail(ErrorCode::kBadRequest, scope.name,
       "expected " + counted(scope.read, "field") + ", got " + std::to_string(scope.read + scope.left));
}

void MsgpackReader::skip(std::string_view name) {
  if (!next_field(name)) return;
  const Token token = peek();
  const bool has_payload = token.kind == TokenKind::kString || token.kind == TokenKind::kBytes;
  const bool is_simple = token.kind <= TokenKind::kBoolean || has_payload;
  if (!is_simple) return fail(ErrorCode::kBadRequest, name, "cannot be passed over");
  cursor_ += token.size;
  if (has_payload) take_payload(name, token);
}

void MsgpackReader::must(std::string_view name, bool holds, std::string_view detail) {
  if (!holds) fail(ErrorCode::kBadRequest, name, std::string(detail));
}

// ---- Tokens

std::string_view MsgpackReader::describe(TokenKind kind) {
  switch (kind) {
    case TokenKind::kUnsigned: return "an integer";
    case TokenKind::kNegative: return "a negative integer";
    case TokenKind::kFloat: return "a floating-point number";
    case TokenKind::kNil: return "nil";
    case TokenKind::kBoolean: return "a boolean";
    case TokenKind::kString: return "a string";
    case TokenKind::kBytes: return "bytes";
    case TokenKind::kArray: return "an array";
    case TokenKind::kMap: return "a map";
    case TokenKind::kExtension: return "an extension";
    case TokenKind::kInvalid: return "a byte that is not msgpack";
    case TokenKind::kEnd: return "the end of the bytes";
  }
  return "nothing";
}

// Format bytes: https://github.com/msgpack/msgpack/blob/master/spec.md, "Formats".
MsgpackReader::Token MsgpackReader::peek() const {
  if (remaining() == 0) return {};
  const auto first = static_cast<std::uint8_t>(*cursor_);
  if (first <= 0x7f) return {TokenKind::kUnsigned, 1, first};
  if (first <= 0x8f) return {TokenKind::kMap, 1, first & 0x0fu};
  if (first <= 0x9f) return {TokenKind::kArray, 1, first & 0x0fu};
  if (first <= 0xbf) return {TokenKind::kString, 1, first & 0x1fu};
  if (first >= 0xe0) return {TokenKind::kNegative, 1, 0};
  switch (first) {
    case 0xc0: return {TokenKind::kNil, 1, 0};
    case 0xc2: return {TokenKind::kBoolean, 1, 0};
    case 0xc3: return {TokenKind::kBoolean, 1, 1};
    case 0xc4: return wide(TokenKind::kBytes, 1);
    case 0xc5: return wide(TokenKind::kBytes, 2);
    case 0xc6: return wide(TokenKind::kBytes, 4);
    case 0xca: return wide(TokenKind::kFloat, 4);
    case 0xcb: return wide(TokenKind::kFloat, 8);
    case 0xcc: return wide(TokenKind::kUnsigned, 1);
    case 0xcd: return wide(TokenKind::kUnsigned, 2);
    case 0xce: return wide(TokenKind::kUnsigned, 4);
    case 0xcf: return wide(TokenKind::kUnsigned, 8);
    case 0xd0: return signed_wide(1);
    case 0xd1: return signed_wide(2);
    case 0xd2: return signed_wide(4);
    case 0xd3: return signed_wide(8);
    case 0xd9: return wide(TokenKind::kString, 1);
    case 0xda: return wide(TokenKind::kString, 2);
    case 0xdb: return wide(TokenKind::kString, 4);
    case 0xdc: return wide(TokenKind::kArray, 2);
    case 0xdd: return wide(TokenKind::kArray, 4);
    case 0xde:
    case 0xdf: return {TokenKind::kMap, 1, 0};
    case 0xc1: return {TokenKind::kInvalid, 1, 0};
    default: return {TokenKind::kExtension, 1, 0};  // 0xc7 to 0xc9 and 0xd4 to 0xd8
  }
}

// A format byte and a big-endian number of `width` bytes after it.
MsgpackReader::Token MsgpackReader::wide(TokenKind kind, std::size_t width) const {
  if (remaining() < 1 + width) return {};
  std::uint64_t number = 0;
  for (std::size_t i = 1; i <= width; ++i) number = (number << 8) | static_cast<std::uint8_t>(cursor_[i]);
  return {kind, 1 + width, number};
}

MsgpackReader::Token MsgpackReader::signed_wide(std::size_t width) const {
  Token token = wide(TokenKind::kUnsigned, width);
  const bool negative = token.kind != TokenKind::kEnd && (static_cast<std::uint8_t>(cursor_[1]) & 0x80) != 0;
  if (negative) token.kind = TokenKind::kNegative;
  return token;
}

// ---- Where the reader is

bool MsgpackReader::next_field(std::string_view name) {
  if (!ok_) return false;
  Scope& scope = scopes_[depth_ - 1];
  if (scope.left == 0) {
    fail(ErrorCode::kBadRequest, name, "is missing");
    return false;
  }
  --scope.left;
  ++scope.read;
  return true;
}

MsgpackReader::Token MsgpackReader::take(std::string_view name, TokenKind kind, std::string_view expected) {
  if (!next_field(name)) return {};
  const Token token = peek();
  if (token.kind != kind) {
    fail(ErrorCode::kBadRequest, name,
         "expected " + std::string(expected) + ", got " + std::string(describe(token.kind)));
    return {};
  }
  cursor_ += token.size;
  return token;
}

std::string_view MsgpackReader::take_payload(std::string_view name, const Token& token) {
  if (!ok_) return {};
  if (token.number > remaining()) {
    fail(ErrorCode::kBadRequest, name,
         "claims " + counted(token.number, "byte") + " where " + std::to_string(remaining()) + " are left");
    return {};
  }
  const std::string_view payload(cursor_, static_cast<std::size_t>(token.number));
  cursor_ += payload.size();
  return payload;
}

void MsgpackReader::enter(Scope::Type type, std::string_view name, std::uint64_t count) {
  INVARIANT(depth_ < scopes_.size(), "the schema nests no deeper than the reader allows");
  scopes_[depth_++] = {type, name, 0, count, nullptr};
}

void MsgpackReader::leave() {
  if (ok_) --depth_;
}

// Goes into bytes that hold an encoding of their own, and keeps a copy of them.
bool MsgpackReader::enter_bytes(std::string_view name, std::string& copy, std::size_t max) {
  const Token token = take(name, TokenKind::kBytes, "bytes");
  if (ok_ && token.number > max) {
    fail(ErrorCode::kBadRequest, name,
         "is " + counted(token.number, "byte") + " long, at most " + std::to_string(max) + " are allowed");
  }
  const std::string_view payload = take_payload(name, token);
  if (!ok_) return false;
  copy = payload;
  enter(Scope::Type::kBytes, name, 1);
  scopes_[depth_ - 1].outer_end = end_;
  cursor_ = payload.data();
  end_ = payload.data() + payload.size();
  return true;
}

void MsgpackReader::leave_bytes() {
  check_all_used();
  if (!ok_) return;
  end_ = scopes_[depth_ - 1].outer_end;
  leave();
}

void MsgpackReader::check_all_used() {
  if (ok_ && cursor_ != end_) {
    fail(ErrorCode::kBadRequest, "", counted(remaining(), "byte") + " left over");
  }
}

// "append.entries[3].term". A part's place in the path is decided by what it is inside of.
std::string MsgpackReader::path_to(std::string_view field) const {
  std::string path(scopes_[0].name);
  const auto add = [&](const Scope& parent, std::string_view name) {
    if (parent.type == Scope::Type::kList) path += "[" + std::to_string(parent.read - 1) + "]";
    if (parent.type == Scope::Type::kRecord && !name.empty()) path += "." + std::string(name);
  };
  for (std::size_t i = 1; i < depth_; ++i) add(scopes_[i - 1], scopes_[i].name);
  add(scopes_[depth_ - 1], field);
  return path;
}

}  // namespace lockstep::wire
