// Random messages within the limits: a visitor of the schema that fills every field in, often with the
// smallest or the largest value allowed. The same seed gives the same messages.
#pragma once

#include <algorithm>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/base/random.hpp"
#include "protocol/wire/codec.hpp"
#include "protocol/wire/schema.hpp"

namespace lockstep::testing {

inline locks::Command random_command(Random& random, wire::CommandOrigin origin = wire::CommandOrigin::kLog);

class RandomFill {
 public:
  static constexpr bool kReads = true;
  explicit RandomFill(Random& random) : random_(random) {}
  bool ok() const { return true; }
  // Whether what was filled in keeps the rules that no single field's range can say.
  bool keeps_the_rules() const { return keeps_the_rules_; }

  void number(std::string_view, std::uint64_t& value, const wire::Range& range) {
    const std::uint64_t width = range.max - range.min;
    switch (random_.below(4)) {
      case 0: value = range.or_zero ? 0 : range.min; break;
      case 1: value = range.max; break;
      case 2: value = range.min + random_.below(std::min<std::uint64_t>(width, 300) + 1); break;
      default: value = width + 1 == 0 ? random_.next() : range.min + random_.below(width + 1);
    }
  }
  void choice(std::string_view, std::uint64_t& value, std::span<const wire::NamedNumber> names) {
    value = names[random_.below(names.size())].number;
  }
  void boolean(std::string_view, bool& value) { value = random_.one_in(2); }
  void client_id(std::string_view name, ClientId& value) { bytes(name, std::span(value.bytes)); }
  void bytes(std::string_view, std::span<std::uint8_t> value) {
    for (std::uint8_t& byte : value) byte = static_cast<std::uint8_t>(random_.next());
  }
  void text(std::string_view, std::string& value, const wire::TextRule& rule) {
    value.clear();
    if (rule.may_be_empty && random_.one_in(3)) return;
    const std::size_t size = random_.one_in(4) ? rule.max : 1 + random_.below(std::min<std::size_t>(rule.max, 20));
    while (value.size() < size) {
      const std::string_view next = character(rule);
      value += value.size() + next.size() <= rule.max ? next : "x";
    }
  }
  void command(std::string_view, std::string& value, wire::CommandOrigin origin) {
    value = wire::encode(random_command(random_, origin));
  }
  void state_limits(std::string_view, std::string& value) {
    locks::StateLimits limits;
    wire::field(*this, "", limits);
    value = wire::encode(limits);
  }
  void blob(std::string_view, std::string& value, std::size_t) {
    value.resize(random_.below(40));
    for (char& byte : value) byte = static_cast<char>(random_.next());
  }
  void entry_body(std::string_view, raft::EntryBody& value) { wire::tagged(*this, "", value); }
  void must(std::string_view, bool holds, std::string_view) { keeps_the_rules_ = keeps_the_rules_ && holds; }
  bool begin_optional(std::string_view, bool) { return random_.one_in(2); }
  std::size_t begin_list(std::string_view, std::size_t, const wire::Count& count) {
    return std::min<std::size_t>(count.max, count.min + random_.below(8));
  }
  void end_list() {}
  void begin_record(std::string_view, std::size_t) {}
  void end_record() {}

 private:
  std::string_view character(const wire::TextRule& rule) {
    using Alphabet = wire::TextRule::Alphabet;
    static constexpr std::string_view kForMembers[] = {"a", "Z", "7", "-", "_", "."};
    static constexpr std::string_view kForEndpoints[] = {"t", ":", "/", "[", "*", "~", "!"};
    // The first and last characters of each length in UTF-8 that are no control characters.
    static constexpr std::string_view kForAll[] = {" ",
                                                   "~",
                                                   "\xC2\xA0",
                                                   "\xDF\xBF",
                                                   "\xE0\xA0\x80",
                                                   "\xED\x9F\xBF",
                                                   "\xEF\xBF\xBF",
                                                   "\xF0\x90\x80\x80",
                                                   "\xF4\x8F\xBF\xBF",
                                                   "\"",
                                                   "\\"};
    if (rule.alphabet == Alphabet::kMemberName) return kForMembers[random_.below(std::size(kForMembers))];
    if (rule.alphabet == Alphabet::kEndpoint) return kForEndpoints[random_.below(std::size(kForEndpoints))];
    return kForAll[random_.below(std::size(kForAll))];
  }

  Random& random_;
  bool keeps_the_rules_ = true;
};

// What `make` fills in, made anew until it keeps the rules.
template <typename Make>
auto random_valid(Random& random, const Make& make) {
  for (;;) {
    RandomFill fill(random);
    auto value = make(fill);
    if (fill.keeps_the_rules()) return value;
  }
}

inline locks::Command random_command(Random& random, wire::CommandOrigin origin) {
  return random_valid(random, [&](RandomFill& fill) {
    locks::Command command;
    wire::tagged(fill, "", command);
    const bool is_expire = std::holds_alternative<locks::Expire>(command);
    fill.must("", !is_expire || origin == wire::CommandOrigin::kLog, "only a leader makes an expire");
    return command;
  });
}

inline raft::EntryBody random_entry_body(Random& random) {
  return random_valid(random, [](RandomFill& fill) {
    raft::EntryBody body;
    wire::tagged(fill, "", body);
    return body;
  });
}

// A raft::Message, Request or Response of the given type.
template <typename Frame, typename Type>
Frame random_frame(Random& random, Type type) {
  return random_valid(random, [&](RandomFill& fill) {
    Frame frame;
    Type any{};
    wire::header(fill, frame, any);
    frame.body = wire::blank(type);
    wire::body_fields(fill, frame.body);
    return frame;
  });
}

// One of every type, `each` times.
template <typename Frame>
std::vector<Frame> random_frames(Random& random, int each) {
  using Type = decltype(wire::type_of(Frame{}.body));
  std::vector<Frame> frames;
  for (const wire::NamedNumber& type : wire::names_of<Type>()) {
    for (int i = 0; i < each; ++i) frames.push_back(random_frame<Frame>(random, static_cast<Type>(type.number)));
  }
  return frames;
}

}  // namespace lockstep::testing
