// What is wrong with a configuration, as one line that names file, line and key.
#pragma once

#include <map>
#include <string>
#include <string_view>

namespace lockstep {

struct ConfigError {
  std::string file;
  int line = 0;     // 0: not of a line
  std::string key;  // "members[1].client"; empty if it is about the file
  std::string detail;
};

// "a.toml:7: members[1].client: the port must be 1 to 65535, not '0'"; whatever the file contains, no line break.
std::string to_string(const ConfigError& error);

// Where each key of a file stands.
class KeyLines {
 public:
  void set(const std::string& key, int line) { lines_[key] = line; }
  // A key that is left out is looked for where its table begins; 0 if nothing is known.
  int of(std::string_view key) const;

 private:
  std::map<std::string, int, std::less<>> lines_;
};

}  // namespace lockstep
