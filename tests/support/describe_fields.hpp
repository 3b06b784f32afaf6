// The fields of a message as rows of a Markdown table: a visitor of the schema. docs/protocol.md holds
// what this writes, and a test compares the two.
#pragma once

#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/wire/schema.hpp"

namespace lockstep::testing {

class DescribeFields {
 public:
  static constexpr bool kReads = true;
  bool ok() const { return true; }
  const std::string& rows() const { return rows_; }

  void number(std::string_view name, std::uint64_t& value, const wire::Range& range) {
    value = range.min;
    add(name, "unsigned integer", limits(range));
  }
  void choice(std::string_view name, std::uint64_t& value, std::span<const wire::NamedNumber> names) {
    value = names.front().number;
    const bool is_error = names.data() == wire::names_of<ErrorCode>().data();
    std::string values;
    for (const wire::NamedNumber& entry : names) {
      values += (values.empty() ? "" : ", ") + std::to_string(entry.number) + " " + std::string(entry.name);
    }
    add(name, "unsigned integer", is_error ? "a number of the table of errors" : values);
  }
  void boolean(std::string_view name, bool&) { add(name, "boolean", ""); }
  void text(std::string_view name, std::string&, const wire::TextRule& rule) {
    using Alphabet = wire::TextRule::Alphabet;
    const std::string size = std::to_string(rule.may_be_empty ? 0 : 1) + " to " + std::to_string(rule.max) + " bytes";
    const std::string_view of = rule.alphabet == Alphabet::kLockName     ? ", a lock name"
                                : rule.alphabet == Alphabet::kMemberName ? ", a node's name"
                                : rule.alphabet == Alphabet::kEndpoint   ? ", an endpoint"
                                                                         : "";
    add(name, "string", size + std::string(of) + (rule.may_be_empty && !of.empty() ? " or empty" : ""));
  }
  void client_id(std::string_view name, ClientId&) { add(name, "bytes", "16, a UUID"); }
  void bytes(std::string_view name, std::span<std::uint8_t> value) { add(name, "bytes", std::to_string(value.size())); }
  void command(std::string_view name, std::string&, wire::CommandOrigin origin) {
    const bool of_log = origin == wire::CommandOrigin::kLog;
    add(name, "bytes", at_most(wire::kMaxCommand) + (of_log ? "a command" : "a command, not an expire"));
  }
  // What holds between fields is told in words.
  void must(std::string_view, bool, std::string_view) {}
  void state_limits(std::string_view name, std::string&) {
    add(name, "bytes", at_most(wire::kMaxStateLimits) + "limits of the state");
  }
  void blob(std::string_view name, std::string&, std::size_t max) { add(name, "bytes", at_most(max) + "anything"); }
  void entry_body(std::string_view name, raft::EntryBody&) {
    add(name, "bytes", at_most(wire::kMaxEntryBody) + "an entry's body");
  }
  bool begin_optional(std::string_view, bool) {
    prefix_of_type_ = "nil or ";
    return true;
  }
  std::size_t begin_list(std::string_view name, std::size_t, const wire::Count& count) {
    add(name, "array", std::to_string(count.min) + " to " + std::to_string(count.max) + " elements");
    scopes_.push_back(std::string(name) + "[]");
    return 1;
  }
  void end_list() { scopes_.pop_back(); }
  void begin_record(std::string_view name, std::size_t fields) {
    add(name, "array", std::to_string(fields) + " fields");
    scopes_.push_back(std::string(name));
  }
  void end_record() { scopes_.pop_back(); }

 private:
  static std::string at_most(std::size_t max) { return "at most " + std::to_string(max) + ": "; }

  static std::string limits(const wire::Range& range) {
    if (range.max == std::numeric_limits<std::uint64_t>::max()) return range.min == 0 ? "" : "not 0";
    const std::string max = range.max == wire::kMaxOrdinal                           ? "2^63 - 1"
                            : range.max == std::numeric_limits<std::uint32_t>::max() ? "2^32 - 1"
                                                                                     : std::to_string(range.max);
    return (range.or_zero ? "0, or " : "") + std::to_string(range.min) + " to " + max;
  }

  void add(std::string_view name, std::string_view type, const std::string& limit) {
    std::string path;
    for (const std::string& scope : scopes_) path += (path.empty() || scope.empty() ? "" : ".") + scope;
    if (!name.empty()) path += (path.empty() ? "" : ".") + std::string(name);
    rows_ += "| `" + path + "` | " + prefix_of_type_ + std::string(type) + " | " + limit + " |\n";
    prefix_of_type_.clear();
  }

  std::string rows_;
  std::vector<std::string> scopes_;
  std::string prefix_of_type_;
};

}  // namespace lockstep::testing
