// The visitor that compares a message with its schema's rules.
#include "protocol/wire/message_rules.hpp"

#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "protocol/wire/schema.hpp"

namespace lockstep::wire {
namespace {

class RuleChecker {
 public:
  static constexpr bool kReads = false;

  std::optional<DecodeError> take() { return std::move(violation_); }

  void number(std::string_view name, const std::uint64_t& value, const Range& range) {
    note(name, range.refusal, validate_number(value, range));
  }
  void choice(std::string_view name, const std::uint64_t& value, std::span<const NamedNumber> names) {
    note(name, ErrorCode::kBadRequest, name_in(names, value).empty() ? "unknown value " + std::to_string(value) : "");
  }
  void text(std::string_view name, const std::string& value, const TextRule& rule) {
    note(name, refusal_of(rule), validate_text(value, rule));
  }
  void must(std::string_view name, bool holds, std::string_view detail) {
    note(name, ErrorCode::kBadRequest, std::string(holds ? "" : detail));
  }
  std::size_t begin_list(std::string_view name, std::size_t size, const Count& count) {
    note(name, ErrorCode::kBadRequest, validate_count(size, count));
    list_ = name;
    item_ = 0;
    return size;
  }
  void end_list() { list_ = {}; }

  // Their types say all that there is to say, or nothing that a client sends has them.
  void boolean(std::string_view, const bool&) {}
  void client_id(std::string_view, const ClientId&) {}
  void bytes(std::string_view, std::span<const std::uint8_t>) {}
  void command(std::string_view, const std::string&, CommandOrigin) {}
  void state_limits(std::string_view, const std::string&) {}
  void blob(std::string_view, const std::string&, std::size_t) {}
  void entry_body(std::string_view, const raft::EntryBody&) {}
  bool begin_optional(std::string_view, bool present) { return present; }
  void begin_record(std::string_view, std::size_t) {}
  void end_record() {}

 private:
  // An item of a list has no name of its own.
  void note(std::string_view name, ErrorCode code, std::string detail) {
    std::string path(name);
    if (name.empty()) path = std::string(list_) + "[" + std::to_string(item_++) + "]";
    if (!detail.empty() && !violation_) violation_ = DecodeError{code, std::move(path), std::move(detail), {}};
  }

  std::string_view list_;
  std::size_t item_ = 0;
  std::optional<DecodeError> violation_;
};

template <typename Variant>
std::optional<DecodeError> find_in(const Variant& variant) {
  RuleChecker checker;
  body_fields(checker, variant);
  return checker.take();
}

}  // namespace

std::optional<DecodeError> find_violation(const RequestBody& body) { return find_in(body); }
std::optional<DecodeError> find_violation(const locks::Operation& operation) { return find_in(operation); }

}  // namespace lockstep::wire
