// What a schema is made of: for each type a Schema, which shows its fields in their order to a visitor.
//
// The msgpack reader and writer, the JSON forms of the test tool and the tables of docs/protocol.md are visitors, so
// none of them can disagree with another about a message. A visitor has
//
//   static constexpr bool kReads;                      // it fills the message in
//   void number(name, uint64_t&, const Range&);        void boolean(name, bool&);
//   void choice(name, uint64_t&, names);               void text(name, string&, const TextRule&);
//   void client_id(name, ClientId&);                   void bytes(name, span of uint8_t);
//   void command(name, string&, CommandOrigin);        // the bytes of one locks::Command
//   void state_limits(name, string&);                  // the bytes of one locks::StateLimits
//   void blob(name, string&, size_t max);              // bytes that mean nothing here
//   void entry_body(name, raft::EntryBody&);           // sent as the bytes of its own encoding
//   bool begin_optional(name, bool present);           // answers whether the value follows
//   size_t begin_list(name, size_t size, const Count&); void end_list();     // answers how many items follow
//   void begin_record(name, size_t fields);            void end_record();
//   void must(name, bool holds, detail);               // what one field's range cannot say; optional
//
// with `const` before what it does not fill in. The items of a list have empty names.
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>
#include <vector>

#include "protocol/wire/field_rules.hpp"
#include "protocol/wire/message_types.hpp"
#include "protocol/wire/names.hpp"

namespace lockstep::wire {

// Where a command comes from. Only a leader makes an Expire, and only for its own log (L4).
enum class CommandOrigin { kForwarded, kLog };

// What there is to know of the message T. A specialisation has
//
//   static void fields(auto& visitor, auto& message);   // shows the fields in their order
//
// and, if T is the body of a message, the number and the name of its type, as a NamedNumber: kMessage (between nodes),
// kRequest and kResponse (of clients), kEntry and kCommand (in the log), kResult (in a snapshot). See
// message_types.hpp.
template <typename T>
struct Schema;

// ---- Numbers: the strong types are plain unsigned integers on the wire.

template <typename Tag>
std::uint64_t to_raw(Identifier<Tag> id) {
  return id.value();
}
template <typename Tag>
std::uint64_t to_raw(Ordinal<Tag> n) {
  return n.value();
}
template <std::unsigned_integral T>
std::uint64_t to_raw(T n) {
  return n;
}
// A clock set before 1970 reads as 1970: it is only ever shown.
inline std::uint64_t to_raw(WallTime time) {
  return static_cast<std::uint64_t>(std::max<WallTime::rep>(0, time.time_since_epoch().count()));
}

template <typename T>
T from_raw(std::uint64_t raw) {
  if constexpr (std::same_as<T, WallTime>) {
    return WallTime(std::chrono::milliseconds(static_cast<std::chrono::milliseconds::rep>(raw)));
  } else {
    return static_cast<T>(raw);
  }
}

template <typename T>
inline constexpr Range kRangeOf{};  // identifiers and hashes: anything
template <typename Tag>
inline constexpr Range kRangeOf<Ordinal<Tag>>{.max = kMaxOrdinal};
template <>
inline constexpr Range kRangeOf<CallNumber>{};  // never counted with, and a sender may start anywhere
template <>
inline constexpr Range kRangeOf<WallTime>{.max = kMaxOrdinal};
template <>
inline constexpr Range kRangeOf<std::uint32_t>{.max = std::numeric_limits<std::uint32_t>::max()};

template <typename T>
concept Number = requires(T value) {
  to_raw(value);
};

// Whether a visitor looks at rules that concern more than one field.
template <typename V>
concept SeesRules = requires(V& v) {
  v.must("", true, "");
};

template <typename V, typename T>
void number(V& v, std::string_view name, T& value, const Range& range) {
  std::uint64_t raw = to_raw(value);
  v.number(name, raw, range);
  if constexpr (V::kReads) value = from_raw<T>(raw);
}

template <typename V, typename T>
void choice(V& v, std::string_view name, T& value) {
  auto raw = static_cast<std::uint64_t>(value);
  v.choice(name, raw, names_of<std::remove_const_t<T>>());
  if constexpr (V::kReads) value = static_cast<T>(raw);
}

// ---- Fields whose type alone says what they are.

template <typename T>
std::size_t field_count();

template <typename V, typename T>
void field(V& v, std::string_view name, T& value) {
  using Plain = std::remove_const_t<T>;
  if constexpr (std::same_as<Plain, bool>) {
    v.boolean(name, value);
  } else if constexpr (std::is_enum_v<Plain>) {
    choice(v, name, value);
  } else if constexpr (Number<Plain>) {
    number(v, name, value, kRangeOf<Plain>);
  } else if constexpr (std::same_as<Plain, ClientId>) {
    v.client_id(name, value);
  } else if constexpr (std::same_as<Plain, std::array<std::uint8_t, 32>>) {
    v.bytes(name, std::span(value));
  } else if constexpr (std::same_as<Plain, raft::EntryBody>) {
    v.entry_body(name, value);
  } else {
    v.begin_record(name, field_count<Plain>());
    Schema<Plain>::fields(v, value);
    v.end_record();
  }
}

template <typename V, typename T>
void optional(V& v, std::string_view name, T& value) {
  const bool present = v.begin_optional(name, value.has_value());
  if constexpr (V::kReads) {
    if (present) {
      value.emplace();
    } else {
      value.reset();
    }
  }
  if (present) field(v, name, *value);
}

// `item(v, value)` visits one item.
template <typename V, typename T, typename Item>
void list(V& v, std::string_view name, T& values, const Count& count, const Item& item) {
  const std::size_t size = v.begin_list(name, values.size(), count);
  if constexpr (V::kReads) {
    // Grows with the items that are really there, not with what the sender claims.
    constexpr std::size_t kTrusted = 64;
    values.clear();
    values.reserve(std::min(size, kTrusted));
    for (std::size_t i = 0; i < size && v.ok(); ++i) item(v, values.emplace_back());
  } else {
    for (auto& value : values) item(v, value);
  }
  v.end_list();
}

template <typename V, typename T>
void list(V& v, std::string_view name, T& values, const Count& count) {
  list(v, name, values, count, [](V& visitor, auto& value) { field(visitor, "", value); });
}

template <typename T>
std::size_t field_count_of(const T&) {
  return field_count<T>();
}
// Its own fields and those of its operation. A blank one is a Preempt.
inline std::size_t field_count_of(const locks::Execute& execute) {
  const std::size_t own = field_count<locks::Execute>() - field_count<locks::Preempt>();
  return own + std::visit([](const auto& operation) { return field_count_of(operation); }, execute.operation);
}

// The fields of whichever message the variant holds, and how many they are.
template <typename V>
void body_fields(V& v, auto& variant) {
  std::visit([&]<typename B>(B& body) { Schema<std::remove_const_t<B>>::fields(v, body); }, variant);
}
std::size_t body_field_count(const auto& variant) {
  return std::visit([](const auto& body) { return field_count_of(body); }, variant);
}

// A variant as a record of its own: [type, fields...].
template <typename V, typename T>
void tagged(V& v, std::string_view name, T& variant) {
  auto type = type_of(variant);
  v.begin_record(name, 1 + body_field_count(variant));
  choice(v, "type", type);
  if constexpr (V::kReads) {
    if (v.ok()) variant = blank(type);
  }
  body_fields(v, variant);
  v.end_record();
}

// ---- How many fields a record has, for those that must say so first.

class FieldCounter {
 public:
  static constexpr bool kReads = false;
  std::size_t count() const { return count_; }

  void number(std::string_view, const std::uint64_t&, const Range&) { add(); }
  void choice(std::string_view, const std::uint64_t&, std::span<const NamedNumber>) { add(); }
  void boolean(std::string_view, const bool&) { add(); }
  void text(std::string_view, const std::string&, const TextRule&) { add(); }
  void client_id(std::string_view, const ClientId&) { add(); }
  void bytes(std::string_view, std::span<const std::uint8_t>) { add(); }
  void command(std::string_view, const std::string&, CommandOrigin) { add(); }
  void state_limits(std::string_view, const std::string&) { add(); }
  void blob(std::string_view, const std::string&, std::size_t) { add(); }
  void entry_body(std::string_view, const raft::EntryBody&) { add(); }
  bool begin_optional(std::string_view, bool) {
    add();
    return false;
  }
  std::size_t begin_list(std::string_view, std::size_t, const Count&) {
    add();
    ++depth_;
    return 0;
  }
  void end_list() { --depth_; }
  void begin_record(std::string_view, std::size_t) {
    add();
    ++depth_;
  }
  void end_record() { --depth_; }

 private:
  void add() {
    if (depth_ == 0) ++count_;
  }
  std::size_t depth_ = 0;
  std::size_t count_ = 0;
};

// Every record has a fixed number of fields, whatever is in them.
template <typename T>
std::size_t field_count() {
  static const std::size_t kCount = [] {
    FieldCounter counter;
    const T blank_record{};
    Schema<T>::fields(counter, blank_record);
    return counter.count();
  }();
  return kCount;
}

}  // namespace lockstep::wire
