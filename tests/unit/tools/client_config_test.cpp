// The client's configuration files.
#include "tools/lockstep/options/client_config.hpp"

#include <doctest/doctest.h>

#include <fstream>

#include "tests/support/process.hpp"

namespace lockstep::client_config_test {
namespace {

struct File {
  explicit File(const std::string& text) { std::ofstream(path) << text; }
  // The options after the file, or what is wrong with it, without the folder.
  std::string problem(GlobalOptions& options) {
    const auto read = read_client_config(path, options);
    if (read) return {};
    const std::string line = to_string(read.error());
    return line.substr(line.find("client.toml"));
  }
  testing::TemporaryFolder folder;
  std::filesystem::path path = folder.path() / "client.toml";
};

std::string problem_of(const std::string& text) {
  GlobalOptions options;
  return File(text).problem(options);
}

}  // namespace

TEST_CASE("servers and timeout are read, and what is left out stays") {
  GlobalOptions options;
  CHECK(File("servers = [\"tcp://10.0.0.1:7101\", \"b:7102\"]\ntimeout = \"10s\"\n").problem(options) == "");
  CHECK(options.servers == std::vector<std::string>{"tcp://10.0.0.1:7101", "tcp://b:7102"});
  CHECK(options.timeout == std::chrono::seconds(10));
  CHECK(File("servers = \"c\"").problem(options) == "");
  CHECK(options.servers == std::vector<std::string>{"tcp://c:7101"});
  CHECK(options.timeout == std::chrono::seconds(10));
  CHECK(File("").problem(options) == "");
  CHECK(options.servers.size() == 1);
}

TEST_CASE("servers and timeout are taken as their options take them") {
  GlobalOptions options;
  CHECK(File("servers = \"a, b:7102\"\ntimeout = 10\n").problem(options) == "");
  CHECK(options.servers == std::vector<std::string>{"tcp://a:7101", "tcp://b:7102"});
  CHECK(options.timeout == std::chrono::seconds(10));
  CHECK(File("servers = [\"c,d\", \"e,\"]\ntimeout = \"7\"\n").problem(options) == "");
  CHECK(options.servers == std::vector<std::string>{"tcp://c:7101", "tcp://d:7101", "tcp://e:7101"});
  CHECK(options.timeout == std::chrono::seconds(7));
}

TEST_CASE("a file that is not there, or is not for us to read, says nothing") {
  GlobalOptions options;
  CHECK(read_client_config("/nowhere/client.toml", options));
  CHECK(read_client_config("/dev/null/client.toml", options));
}

TEST_CASE("what is wrong is told with file, line and key") {
  CHECK(problem_of("\nserver = \"a\"") == "client.toml:2: server: unknown key; known here are servers, timeout");
  CHECK(problem_of("servers = [\"a\", 7]").starts_with("client.toml:1: servers: expected a string, got an integer"));
  CHECK(problem_of("servers = 7101").starts_with("client.toml:1: servers: expected a string, got an integer"));
  CHECK(problem_of("servers = [\"7101\"]").starts_with("client.toml:1: servers: '7101': a port needs its host"));
  CHECK(problem_of("timeout = \"soon\"").starts_with("client.toml:1: timeout: expected a duration"));
  CHECK(problem_of("timeout = -5").starts_with("client.toml:1: timeout: expected a duration"));
  CHECK(problem_of("timeout = 1.5") ==
        "client.toml:1: timeout: expected a string or an integer, got a number with a fraction");
  CHECK(problem_of("timeout = \"9000h\"") == "client.toml:1: timeout: '9000h' is longer than a year");
  CHECK(problem_of("servers = \"\"").starts_with("client.toml:1: servers: there is an empty one"));
  CHECK(problem_of("servers = \"a,7101\"").starts_with("client.toml:1: servers: '7101': a port needs its host"));
  CHECK(problem_of("timeout = ").starts_with("client.toml:1: "));
}

TEST_CASE("a folder in the place of a file is told as such") {
  const testing::TemporaryFolder folder;
  GlobalOptions options;
  const auto read = read_client_config(folder.path(), options);
  REQUIRE_FALSE(read);
  CHECK(to_string(read.error()) == folder.path().string() + ": Is a directory");
}

TEST_CASE("the files are the machine's, and the user's after it") {
  const auto files = client_config_files();
  REQUIRE_FALSE(files.empty());
  CHECK(files.front() == "/etc/lockstep/client.toml");
  for (const auto& file : files) CHECK(file.filename() == "client.toml");
}

}  // namespace lockstep::client_config_test
