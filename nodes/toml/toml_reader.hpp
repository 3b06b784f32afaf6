// Reads a TOML table strictly: every key must be known, present if it is required, and of its type.
//
// It remembers the line of each key it read, so that an error that shows only later (a port in use) can
// still name it. The first error is kept and later ones are not looked for, so a reader can read
// everything it wants and ask once at the end; values read after an error are defaults.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <toml++/toml.h>
#include <tl/expected.hpp>

#include "nodes/toml/config_error.hpp"
#include "protocol/base/types.hpp"

namespace lockstep {

tl::expected<toml::table, ConfigError> parse_toml(std::string_view text, const std::string& file);

// What all readers of one file share.
struct TomlReading {
  std::string file;
  KeyLines lines;                    // of every key that is there
  std::optional<ConfigError> error;  // the first

  void fail(const std::string& key, std::string detail);
};

class TomlReader {
 public:
  // `path` is that of the table: "" or "members[1]". Keys beside the known ones are an error at once.
  TomlReader(TomlReading& reading, const toml::table& table, std::string path, std::vector<std::string_view> known);

  std::string text(std::string_view key);  // required
  std::string text(std::string_view key, std::string otherwise);
  std::optional<std::string> optional_text(std::string_view key);
  // A string, or an integer as its digits.
  std::optional<std::string> word(std::string_view key);
  // Of an array, or one by itself; empty if it is not there.
  std::vector<std::string> texts(std::string_view key);
  bool boolean(std::string_view key, bool otherwise);
  std::int64_t integer(std::string_view key, std::int64_t lowest, std::int64_t highest, std::int64_t otherwise);
  Duration duration(std::string_view key, Duration lowest, Duration highest, Duration otherwise);

  // An optional table; none if it is not there.
  std::optional<TomlReader> table(std::string_view key, std::vector<std::string_view> known);
  // A required array of tables, [[key]].
  std::vector<TomlReader> tables(std::string_view key, const std::vector<std::string_view>& known);

  // What is wrong with the value of this key, for whoever knows more than its type.
  void fail(std::string_view key, std::string detail) { reading_->fail(path_of(key), std::move(detail)); }
  std::string path_of(std::string_view key) const;

 private:
  template <typename T>
  std::optional<T> value(std::string_view key);

  TomlReading* reading_;
  const toml::table* table_;
  std::string path_;
};

}  // namespace lockstep
