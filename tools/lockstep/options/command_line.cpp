// The options before the command's name, and the environment's.
#include "tools/lockstep/options/command_line.hpp"

#include <charconv>
#include <cstdint>
#include <sstream>

#include "nodes/text/duration.hpp"
#include "nodes/text/printable.hpp"
#include "nodes/transport/endpoint.hpp"
#include "protocol/wire/limits.hpp"

namespace lockstep {
namespace {

constexpr std::string_view kClientPort = ":7101";
constexpr char kBetweenServers = ',';

bool is_number(const std::string& text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string::npos;
}

}  // namespace

tl::expected<Duration, std::string> read_duration(const std::string& text) {
  return parse_duration(is_number(text) ? text + "s" : text);
}

std::vector<std::string> split_servers(const std::string& text) {
  std::vector<std::string> servers;
  std::istringstream parts(text);
  for (std::string part; std::getline(parts, part, kBetweenServers);) {
    if (!part.empty()) servers.push_back(std::move(part));
  }
  return servers.empty() ? std::vector{text} : servers;
}

std::string read_server(std::string& text) {
  constexpr std::string_view kBlanks = " \t\r\n";
  const std::size_t first = text.find_first_not_of(kBlanks);
  if (first == std::string::npos) return "there is an empty one; expected tcp://host:port, several separated by commas";
  text = text.substr(first, text.find_last_not_of(kBlanks) + 1 - first);
  if (is_number(text)) return "'" + text + "': a port needs its host, as in localhost:" + text;
  if (text.find("://") == std::string::npos && text.find_first_of(kBlanks) == std::string::npos) {
    const std::size_t end_of_host = text.starts_with('[') ? text.find(']') : 0;
    if (text.find(':', end_of_host) == std::string::npos) text += kClientPort;
    text = "tcp://" + text;
  }
  const auto endpoint = parse_connectable_endpoint(text);
  return endpoint ? "" : "'" + text + "': " + endpoint.error();
}

CLI::Option* add_duration_option(CLI::App& app, const std::string& names, Duration& value, const std::string& help) {
  const auto read = [&value, names](const std::string& text) {
    const auto duration = read_duration(text);
    if (!duration) throw CLI::ValidationError(names, duration.error());
    value = *duration;
  };
  return app.add_option_function<std::string>(names, read, help)
      ->type_name("DURATION")
      ->default_str(format_duration(value));
}

CLI::Validator an_ordinal() {
  constexpr std::size_t kShownNumber = 40;
  const auto detail_of = [](std::string& text) {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    const bool is_number = error == std::errc() && end == text.data() + text.size() && value <= wire::kMaxOrdinal;
    return is_number ? std::string() : "'" + printable(text, kShownNumber) + "' is not a number from 0 to 2^63 - 1";
  };
  return CLI::Validator(detail_of, "");
}

void add_global_options(CLI::App& app, GlobalOptions& options) {
  app.add_option("--server", options.servers, "Nodes to ask, separated by commas; the next is asked when one is silent")
      ->delimiter(kBetweenServers)
      ->allow_extra_args(false)  // the next word is a name
      ->transform(CLI::Validator(read_server, ""))
      ->envname("LOCKSTEP_SERVER")
      ->type_name("ENDPOINT")
      ->capture_default_str();
  const auto read_client_id = [&options](const std::string& text) {
    options.client_id = parse_client_id(text);
    if (!options.client_id) {
      throw CLI::ValidationError("--client-id",
                                 "'" + text + "' is not a UUID like 6ba7b810-9dad-11d1-80b4-00c04fd430c8");
    }
  };
  app.add_option_function<std::string>("--client-id", read_client_id,
                                       "Who you are to the cluster; left out, an id kept for this user")
      ->envname("LOCKSTEP_CLIENT_ID")
      ->type_name("UUID");
  app.add_flag(kJsonOption, options.json, "One JSON object a line on stdout, for errors too");
  add_duration_option(app, "--timeout", options.timeout, "How long to wait without an answer, then exit 3");
}

}  // namespace lockstep
