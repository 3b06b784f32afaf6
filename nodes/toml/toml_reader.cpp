// toml++ behind questions about keys, and its errors as sentences.
#include "nodes/toml/toml_reader.hpp"

#include <algorithm>
#include <cctype>

#include "nodes/text/duration.hpp"
#include "protocol/base/joined.hpp"

namespace lockstep {
namespace {

int line_of(const toml::source_region& source) { return static_cast<int>(source.begin.line); }

std::string_view name_of(toml::node_type type) {
  switch (type) {
    case toml::node_type::table: return "a table";
    case toml::node_type::array: return "an array";
    case toml::node_type::string: return "a string";
    case toml::node_type::integer: return "an integer";
    case toml::node_type::floating_point: return "a number with a fraction";
    case toml::node_type::boolean: return "true or false";
    case toml::node_type::date:
    case toml::node_type::time:
    case toml::node_type::date_time: return "a date or time";
    case toml::node_type::none: break;
  }
  return "nothing";
}

std::string expected(toml::node_type wanted, toml::node_type found) {
  return "expected " + std::string(name_of(wanted)) + ", got " + std::string(name_of(found));
}

template <typename T>
constexpr toml::node_type kTypeOf = toml::node_type::none;
template <>
constexpr toml::node_type kTypeOf<std::string> = toml::node_type::string;
template <>
constexpr toml::node_type kTypeOf<std::int64_t> = toml::node_type::integer;
template <>
constexpr toml::node_type kTypeOf<bool> = toml::node_type::boolean;

std::string comma_separated(std::vector<std::string_view> words) {
  std::sort(words.begin(), words.end());
  return joined(words);
}

// Whether the value on that line looks like a text without one of its quotes: it begins like a word, a path or an
// endpoint, or has one quote only.
bool lacks_a_quote(std::string_view text, int line) {
  for (int before = 1; before < line && !text.empty(); ++before)
    text.remove_prefix(std::min(text.find('\n'), text.size() - 1) + 1);
  text = text.substr(0, text.find('\n'));
  const std::size_t equals = text.find('=');
  if (equals == std::string_view::npos) return false;
  const std::string_view value = text.substr(std::min(text.find_first_not_of(" \t", equals + 1), text.size()));
  if (value.empty() || value.starts_with("true") || value.starts_with("false")) return false;
  const bool is_word = std::isalpha(static_cast<unsigned char>(value[0])) != 0 || value[0] == '/' || value[0] == '.';
  return is_word || std::count(value.begin(), value.end(), '"') == 1;
}

}  // namespace

tl::expected<toml::table, ConfigError> parse_toml(std::string_view text, const std::string& file) {
  try {
    return toml::parse(text);
  } catch (const toml::parse_error& error) {
    const int line = line_of(error.source());
    const std::string hint = lacks_a_quote(text, line) ? " (is a quote missing?)" : "";
    return tl::unexpected(ConfigError{file, line, "", std::string(error.description()) + hint});
  }
}

void TomlReading::fail(const std::string& key, std::string detail) {
  if (!error) error = ConfigError{file, lines.of(key), key, std::move(detail)};
}

TomlReader::TomlReader(TomlReading& reading, const toml::table& table, std::string path,
                       std::vector<std::string_view> known)
    : reading_(&reading), table_(&table), path_(std::move(path)) {
  reading.lines.set(path_, std::max(1, line_of(table.source())));
  std::vector<const toml::key*> unknown;
  for (auto&& [key, node] : table) {
    reading.lines.set(path_of(key.str()), line_of(key.source()));
    if (std::find(known.begin(), known.end(), key.str()) == known.end()) unknown.push_back(&key);
  }
  if (unknown.empty()) return;
  const auto first = std::min_element(unknown.begin(), unknown.end(), [](const toml::key* a, const toml::key* b) {
    return a->source().begin < b->source().begin;
  });
  fail((*first)->str(), "unknown key; known here are " + comma_separated(std::move(known)));
}

std::string TomlReader::path_of(std::string_view key) const {
  return path_.empty() ? std::string(key) : path_ + "." + std::string(key);
}

template <typename T>
std::optional<T> TomlReader::value(std::string_view key) {
  const toml::node* node = table_->get(key);
  if (node == nullptr) return std::nullopt;
  if (const auto* found = node->as<T>()) return found->get();
  fail(key, expected(kTypeOf<T>, node->type()));
  return T{};
}

std::string TomlReader::text(std::string_view key) {
  auto found = value<std::string>(key);
  if (!found) fail(key, "missing key");
  return found.value_or("");
}

std::string TomlReader::text(std::string_view key, std::string otherwise) {
  return value<std::string>(key).value_or(std::move(otherwise));
}

std::vector<std::string> TomlReader::texts(std::string_view key) {
  const toml::node* node = table_->get(key);
  if (node == nullptr) return {};
  const toml::array* found = node->as_array();
  if (found == nullptr) return {text(key)};
  std::vector<std::string> all;
  for (const toml::node& item : *found) {
    if (!item.is_string()) fail(key, expected(toml::node_type::string, item.type()));
    all.push_back(item.value_or(std::string()));
  }
  return all;
}

std::optional<std::string> TomlReader::optional_text(std::string_view key) { return value<std::string>(key); }

std::optional<std::string> TomlReader::word(std::string_view key) {
  const toml::node* node = table_->get(key);
  if (node == nullptr) return std::nullopt;
  if (const auto* number = node->as_integer()) return std::to_string(number->get());
  if (const auto* text = node->as_string()) return text->get();
  fail(key, "expected a string or an integer, got " + std::string(name_of(node->type())));
  return std::string();
}

bool TomlReader::boolean(std::string_view key, bool otherwise) { return value<bool>(key).value_or(otherwise); }

std::int64_t TomlReader::integer(std::string_view key, std::int64_t lowest, std::int64_t highest,
                                 std::int64_t otherwise) {
  const auto found = value<std::int64_t>(key);
  if (!found) return otherwise;
  if (*found >= lowest && *found <= highest) return *found;
  fail(key, "must be " + std::to_string(lowest) + " to " + std::to_string(highest) + ", not " + std::to_string(*found));
  return otherwise;
}

Duration TomlReader::duration(std::string_view key, Duration lowest, Duration highest, Duration otherwise) {
  const auto found = value<std::string>(key);
  if (!found) return otherwise;
  const auto parsed = parse_duration(*found);
  if (!parsed) {
    fail(key, parsed.error());
    return otherwise;
  }
  if (*parsed >= lowest && *parsed <= highest) return *parsed;
  fail(key, "must be " + format_duration(lowest) + " to " + format_duration(highest) + ", not " + *found);
  return otherwise;
}

std::optional<TomlReader> TomlReader::table(std::string_view key, std::vector<std::string_view> known) {
  const toml::node* node = table_->get(key);
  if (node == nullptr) return std::nullopt;
  if (const toml::table* found = node->as_table()) return TomlReader(*reading_, *found, path_of(key), std::move(known));
  fail(key, expected(toml::node_type::table, node->type()));
  return std::nullopt;
}

std::vector<TomlReader> TomlReader::tables(std::string_view key, const std::vector<std::string_view>& known) {
  std::vector<TomlReader> readers;
  const toml::node* node = table_->get(key);
  if (node == nullptr) fail(key, "missing key");
  if (node == nullptr) return readers;
  const toml::array* found = node->as_array();
  if (found == nullptr || !found->is_array_of_tables()) {
    fail(key, "expected tables, each written [[" + path_of(key) + "]]");
    return readers;
  }
  for (std::size_t i = 0; i < found->size(); ++i) {
    const std::string path = path_of(key) + "[" + std::to_string(i) + "]";
    readers.emplace_back(*reading_, *found->get(i)->as_table(), path, known);
  }
  return readers;
}

}  // namespace lockstep
