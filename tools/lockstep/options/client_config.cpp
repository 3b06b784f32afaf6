// Reads the configuration files, and checks what stands there as the options are checked.
#include "tools/lockstep/options/client_config.hpp"

#include <cerrno>
#include <cstdlib>
#include <system_error>

#include "nodes/system/whole_file.hpp"
#include "nodes/toml/toml_reader.hpp"

namespace lockstep {
namespace {

namespace fs = std::filesystem;

// As of the option, a text may have several, separated by commas.
void read_servers(TomlReader& table, GlobalOptions& options) {
  std::vector<std::string> servers;
  for (const std::string& text : table.texts("servers")) {
    for (std::string& server : split_servers(text)) {
      if (const std::string wrong = read_server(server); !wrong.empty()) table.fail("servers", wrong);
      servers.push_back(std::move(server));
    }
  }
  if (!servers.empty()) options.servers = std::move(servers);
}

void read_timeout(TomlReader& table, GlobalOptions& options) {
  const auto text = table.word("timeout");
  if (!text) return;
  if (const auto timeout = read_duration(*text)) {
    options.timeout = *timeout;
  } else {
    table.fail("timeout", timeout.error());
  }
}

}  // namespace

std::vector<fs::path> client_config_files() {
  std::vector<fs::path> files{"/etc/lockstep/client.toml"};
  const auto of_environment = [](const char* name) {
    const char* value = std::getenv(name);
    return fs::path(value == nullptr ? "" : value);
  };
  fs::path folder = of_environment("XDG_CONFIG_HOME");
  if (!folder.is_absolute()) {  // the XDG base directory specification: a relative one is not to be used
    const fs::path home = of_environment("HOME");
    folder = home.is_absolute() ? home / ".config" : fs::path();
  }
  if (!folder.empty()) files.push_back(folder / "lockstep" / "client.toml");
  return files;
}

tl::expected<void, ConfigError> read_client_config(const fs::path& file, GlobalOptions& options) {
  const auto text = read_whole_file(file);
  if (!text) {
    const int code = text.error();
    if (code == ENOENT || code == ENOTDIR || code == EACCES) return {};  // of another user: as if it were not there
    return tl::unexpected(ConfigError{file.string(), 0, "", std::generic_category().message(code)});
  }
  const auto parsed = parse_toml(*text, file.string());
  if (!parsed) return tl::unexpected(parsed.error());
  TomlReading reading{file.string(), {}, {}};
  TomlReader table(reading, *parsed, "", {"servers", "timeout"});
  read_servers(table, options);
  read_timeout(table, options);
  if (reading.error) return tl::unexpected(*reading.error);
  return {};
}

}  // namespace lockstep
