#include "protocol/wire/message_types.hpp"

#include <doctest/doctest.h>

#include <set>

namespace lockstep::names_test {

using namespace lockstep::wire;

namespace {

// A table's numbers are those of the enumeration, so its size is what the enumeration has.
template <typename Enum>
void check_table(std::size_t size) {
  const auto table = names_of<Enum>();
  CHECK(table.size() == size);
  std::set<std::string_view> names;
  std::set<std::uint64_t> numbers;
  for (const NamedNumber& entry : table) {
    CHECK(names.insert(entry.name).second);
    CHECK(numbers.insert(entry.number).second);
    CHECK(name_in(table, entry.number) == entry.name);
    REQUIRE(find_name(table, entry.name) != nullptr);
    CHECK(find_name(table, entry.name)->number == entry.number);
  }
  CHECK(name_in(table, 200).empty());
  CHECK(find_name(table, "") == nullptr);
}

// The type of a blank body is the type it was asked for.
template <typename Type>
void check_blanks() {
  for (const NamedNumber& entry : names_of<Type>()) {
    const auto type = static_cast<Type>(entry.number);
    CHECK(type_of(blank(type)) == type);
    CHECK(to_string(type) == entry.name);
  }
}

}  // namespace

TEST_CASE("every value has one name and every name one value") {
  check_table<MessageType>(std::variant_size_v<raft::MessageBody>);
  constexpr std::size_t kOperations = std::variant_size_v<locks::Operation>;  // each has a type of its own
  check_table<RequestType>(std::variant_size_v<RequestBody> - 1 + kOperations);
  check_table<ResponseType>(std::variant_size_v<ResponseBody>);
  check_table<EntryType>(std::variant_size_v<raft::EntryBody>);
  check_table<CommandType>(std::variant_size_v<locks::Command> - 1 + kOperations);
  check_table<Role>(5);
  check_table<ReadMode>(2);
  check_table<ErrorCode>(error_table().size());
}

TEST_CASE("every type has a body of its own") {
  check_blanks<MessageType>();
  check_blanks<RequestType>();
  check_blanks<ResponseType>();
  check_blanks<EntryType>();
  check_blanks<CommandType>();
}

TEST_CASE("roles and modes have the names that the command line shows") {
  CHECK(to_string(Role::kPreCandidate) == "pre_candidate");
  CHECK(to_string(Role::kLeader) == "leader");
  CHECK(to_string(ReadMode::kLinearizable) == "linearizable");
}

}  // namespace lockstep::names_test
