// The one line, and the line number of a key or of the table it should stand in.
#include "nodes/toml/config_error.hpp"

namespace lockstep {

std::string to_string(const ConfigError& error) {
  std::string line = error.file;
  if (error.line != 0) line += ":" + std::to_string(error.line);
  if (!error.key.empty()) line += ": " + error.key;
  line += ": " + error.detail;
  for (char& c : line) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  }
  return line;
}

int KeyLines::of(std::string_view key) const {
  for (;;) {
    if (const auto found = lines_.find(key); found != lines_.end()) return found->second;
    if (key.empty()) return 0;
    const std::size_t dot = key.rfind('.');
    key = dot == std::string_view::npos ? std::string_view{} : key.substr(0, dot);
  }
}

}  // namespace lockstep
