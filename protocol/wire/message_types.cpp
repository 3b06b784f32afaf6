// The tables of message types, made from the schemas of the bodies.
#include "protocol/wire/message_types.hpp"

#include <algorithm>
#include <array>
#include <concepts>
#include <utility>
#include <variant>

#include "protocol/base/invariant.hpp"
#include "protocol/wire/state_schema.hpp"

namespace lockstep::wire {
namespace {

// A family is a variant and what its alternatives' schemas call their number in it.
template <typename Variant>
struct Family;
template <>
struct Family<raft::MessageBody> {
  template <typename Body>
  static constexpr NamedNumber kNumberOf = Schema<Body>::kMessage;
};
template <>
struct Family<RequestBody> {
  template <typename Body>
  static constexpr NamedNumber kNumberOf = Schema<Body>::kRequest;
};
template <>
struct Family<ResponseBody> {
  template <typename Body>
  static constexpr NamedNumber kNumberOf = Schema<Body>::kResponse;
};
template <>
struct Family<raft::EntryBody> {
  template <typename Body>
  static constexpr NamedNumber kNumberOf = Schema<Body>::kEntry;
};
template <>
struct Family<locks::Command> {
  template <typename Body>
  static constexpr NamedNumber kNumberOf = Schema<Body>::kCommand;
};
template <>
struct Family<locks::Result> {
  template <typename Body>
  static constexpr NamedNumber kNumberOf = Schema<Body>::kResult;
};

template <typename Body>
constexpr bool kIsExecute = std::same_as<Body, locks::Execute>;

// The alternatives of a variant as a list of types.
template <typename... Bodies>
struct TypeList {};
template <typename Variant>
struct AlternativesOf;
template <typename... Bodies>
struct AlternativesOf<std::variant<Bodies...>> {
  using List = TypeList<Bodies...>;
};
using Operations = AlternativesOf<locks::Operation>::List;

template <typename Variant>
struct Row {
  NamedNumber type;
  Variant (*blank)() = nullptr;
};

template <typename Variant, typename Body>
Variant make_blank() {
  return Body{};
}
template <typename Variant, typename Operation>
Variant make_blank_execute() {
  locks::Execute execute;
  execute.operation = Operation{};
  return execute;
}

template <typename Variant, typename... Bodies>
constexpr auto rows_of_operations(TypeList<Bodies...>) {
  return std::array{Row<Variant>{Family<Variant>::template kNumberOf<Bodies>, &make_blank_execute<Variant, Bodies>}...};
}

template <typename Variant, typename Body>
constexpr auto rows_of() {
  if constexpr (kIsExecute<Body>) {
    return rows_of_operations<Variant>(Operations{});
  } else {
    return std::array{Row<Variant>{Family<Variant>::template kNumberOf<Body>, &make_blank<Variant, Body>}};
  }
}

template <typename Table, std::size_t kSize>
constexpr void append(Table& table, std::size_t& size, const std::array<typename Table::value_type, kSize>& rows) {
  for (const auto& row : rows) table[size++] = row;
}

// In order of number.
template <typename Variant, typename... Bodies>
constexpr auto make_table(TypeList<Bodies...>) {
  std::array<Row<Variant>, (rows_of<Variant, Bodies>().size() + ...)> table{};
  std::size_t size = 0;
  (append(table, size, rows_of<Variant, Bodies>()), ...);
  std::sort(table.begin(), table.end(), [](const auto& a, const auto& b) { return a.type.number < b.type.number; });
  return table;
}

template <typename Table>
constexpr bool has_distinct_types(const Table& table) {
  for (std::size_t i = 0; i < table.size(); ++i) {
    if (table[i].type.number == 0 || table[i].type.number > 0xff || table[i].type.name.empty()) return false;
    for (std::size_t j = 0; j < i; ++j) {
      if (table[i].type.number == table[j].type.number || table[i].type.name == table[j].type.name) return false;
    }
  }
  return true;
}

template <typename Variant>
struct Types {
  static constexpr auto kTable = make_table<Variant>(typename AlternativesOf<Variant>::List{});
  static_assert(has_distinct_types(kTable), "two bodies of one family have the same number or name");

  static constexpr auto kNames = [] {
    std::array<NamedNumber, kTable.size()> names{};
    for (std::size_t i = 0; i < names.size(); ++i) names[i] = kTable[i].type;
    return names;
  }();
};

template <typename Type, typename Variant>
Type find_type(const Variant& variant) {
  return std::visit(
      []<typename Body>(const Body& body) {
        if constexpr (kIsExecute<Body>) {
          return std::visit(
              []<typename Operation>(const Operation&) {
                return static_cast<Type>(Family<Variant>::template kNumberOf<Operation>.number);
              },
              body.operation);
        } else {
          return static_cast<Type>(Family<Variant>::template kNumberOf<Body>.number);
        }
      },
      variant);
}

template <typename Variant, typename Type>
Variant make_blank_of(Type type) {
  const auto& table = Types<Variant>::kTable;
  const auto row = std::find_if(table.begin(), table.end(), [&](const Row<Variant>& candidate) {
    return candidate.type.number == static_cast<std::uint64_t>(type);
  });
  INVARIANT(row != table.end(), "a message's type is checked before its fields are read");
  return row->blank();
}

}  // namespace

template <>
std::span<const NamedNumber> names_of<MessageType>() {
  return Types<raft::MessageBody>::kNames;
}
template <>
std::span<const NamedNumber> names_of<RequestType>() {
  return Types<RequestBody>::kNames;
}
template <>
std::span<const NamedNumber> names_of<ResponseType>() {
  return Types<ResponseBody>::kNames;
}
template <>
std::span<const NamedNumber> names_of<EntryType>() {
  return Types<raft::EntryBody>::kNames;
}
template <>
std::span<const NamedNumber> names_of<CommandType>() {
  return Types<locks::Command>::kNames;
}
template <>
std::span<const NamedNumber> names_of<ResultType>() {
  return Types<locks::Result>::kNames;
}

MessageType type_of(const raft::MessageBody& body) { return find_type<MessageType>(body); }
RequestType type_of(const RequestBody& body) { return find_type<RequestType>(body); }
ResponseType type_of(const ResponseBody& body) { return find_type<ResponseType>(body); }
EntryType type_of(const raft::EntryBody& body) { return find_type<EntryType>(body); }
CommandType type_of(const locks::Command& command) { return find_type<CommandType>(command); }
ResultType type_of(const locks::Result& result) { return find_type<ResultType>(result); }

raft::MessageBody blank(MessageType type) { return make_blank_of<raft::MessageBody>(type); }
RequestBody blank(RequestType type) { return make_blank_of<RequestBody>(type); }
ResponseBody blank(ResponseType type) { return make_blank_of<ResponseBody>(type); }
raft::EntryBody blank(EntryType type) { return make_blank_of<raft::EntryBody>(type); }
locks::Command blank(CommandType type) { return make_blank_of<locks::Command>(type); }
locks::Result blank(ResultType type) { return make_blank_of<locks::Result>(type); }

}  // namespace lockstep::wire
