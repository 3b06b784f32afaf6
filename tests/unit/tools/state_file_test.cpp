#include "tools/lockstep/kept/state_file.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <thread>

#include "tests/support/process.hpp"
#include "tools/lockstep/kept/state_folder.hpp"

namespace lockstep::state_file_test {

using namespace std::chrono_literals;
using lockstep::testing::TemporaryFolder;

namespace {

const ClientId kClient = *parse_client_id("6ba7b810-9dad-11d1-80b4-00c04fd430c8");
constexpr ClusterId kCluster{0x66722dcc9ec035f1};

KeptSessions example() {
  KeptSession kept;
  kept.secret[0] = 0xab;
  kept.secret[31] = 0x01;
  kept.saved.session = SessionId(7);
  kept.saved.next_number = RequestNumber(12);
  kept.saved.highest_index = LogIndex(0xffff'ffff'ffff'ffff);
  kept.saved.unfinished = {{RequestNumber(9), locks::Preempt{"a \"b\" \u00fc"}},
                           {RequestNumber(11), locks::Release{"c"}}};
  KeptSession opening;
  opening.saved.open_nonce = 99;
  opening.saved.replaces = SessionId(5);
  return {{kCluster, kept}, {ClusterId(1), opening}};
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const auto at = text.find(from);
  REQUIRE(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

void write(const std::filesystem::path& path, const std::string& text) { std::ofstream(path) << text; }

mode_t mode_of(const std::filesystem::path& path) {
  struct stat status {};
  REQUIRE(stat(path.c_str(), &status) == 0);
  return status.st_mode & 0777;
}

}  // namespace

TEST_CASE("what is kept reads back as it was written") {
  const auto decoded = decode_state(kClient, encode_state(kClient, example()));
  REQUIRE_MESSAGE(decoded, decoded.error());
  CHECK(*decoded == example());
  CHECK(decode_state(kClient, "")->empty());
}

TEST_CASE("whatever operation is unfinished reads back as it was written") {
  using locks::Mode;
  const locks::Operation operations[] = {
      locks::Preempt{"a"},
      locks::Release{"a"},
      locks::Acquire{{"a", "b"}, Mode::kShared, 0, true, 0xffff'ffff'ffff'ffff},
      locks::Acquire{{"a"}, Mode::kPermit, 3, false, 0},
      locks::Cancel{WaiterId(8)},
      locks::Close{},
      locks::ForceRelease{"a", "it is \"stuck\""},
      locks::CloseSession{SessionId(4), ""},
  };
  for (const locks::Operation& operation : operations) {
    KeptSessions sessions = example();
    sessions[kCluster].saved.unfinished = {{RequestNumber(9), operation}};
    const auto decoded = decode_state(kClient, encode_state(kClient, sessions));
    REQUIRE_MESSAGE(decoded, decoded.error());
    CHECK(*decoded == sessions);
  }
}

TEST_CASE("a file of the first version, which knew two operations, is read") {
  const auto decoded = decode_state(kClient, R"({"format": 1, "client_id": "6ba7b810-9dad-11d1-80b4-00c04fd430c8",
    "clusters": {"66722dcc9ec035f1": {"session": 7,
      "secret": "ab00000000000000000000000000000000000000000000000000000000000001", "next_number": 12,
      "highest_index": 40, "open_nonce": 0, "replaces": 0, "unfinished": [
        {"number": 9, "operation": "preempt", "name": "a"}, {"number": 11, "operation": "release", "name": "c"}]}}})");
  REQUIRE_MESSAGE(decoded, decoded.error());
  const std::vector<UnfinishedRequest> expected{{RequestNumber(9), locks::Preempt{"a"}},
                                                {RequestNumber(11), locks::Release{"c"}}};
  CHECK(decoded->at(kCluster).saved.unfinished == expected);
}

TEST_CASE("the numbers of a kept session are checked before they are believed") {
  const std::string good = encode_state(kClient, example());
  struct Case {
    const char *from, *to, *named;
  };
  const Case cases[] = {
      {"\"format\": 1", "\"format\": 2", "format"},
      {"6ba7b810", "6ba7b811", "client_id"},
      {"66722dcc9ec035f1", "66722dcc9ec035f", "cluster id"},
      {"\"session\": 7", "\"session\": -7", "session"},
      {"\"session\": 7", "\"session\": 0", "session"},
      {"\"next_number\": 12", "\"next_number\": 11", "next_number"},
      {"\"next_number\": 12", "\"next_number\": \"12\"", "next_number"},
      {"\"highest_index\"", "\"highest\"", "highest_index"},
      {"\"secret\": \"ab", "\"secret\": \"xb", "secret"},
      {"\"secret\": \"ab", "\"secret\": \"", "secret"},
      {"\"number\": 11", "\"number\": 9", "order"},
      {"\"operation\": \"release\"", "\"operation\": \"steal\"", "operation"},
      {"\"name\": \"c\"", "\"name\": \"\"", "name"},
      {"\"operation\": \"release\"", "\"operation\": \"open\"", "operation"},
      {"\"operation\": \"release\"", "\"operation\": \"acquire\"", "name"},
      {"\"operation\": \"release\"", "\"operation\": \"close\"", "name"},
      {"\"operation\": \"release\",", "", "lacks"},
      {"\"unfinished\": [", "\"unfinished\": [ 3", "unfinished"},
      {"{", "", "JSON"},
  };
  for (const Case& wrong : cases) {
    CAPTURE(std::string(wrong.to));
    const auto decoded = decode_state(kClient, replaced(good, wrong.from, wrong.to));
    REQUIRE_FALSE(decoded);
    CAPTURE(decoded.error());
    CHECK(decoded.error().find(wrong.named) != std::string::npos);
  }
  for (const char* text : {"[]", "{}", "3", "null", "{\"format\": 1}"}) CHECK_FALSE(decode_state(kClient, text));
  for (std::size_t length = 1; length + 2 < good.size(); ++length) {
    CHECK_FALSE(decode_state(kClient, std::string_view(good).substr(0, length)));  // a torn file
  }
}

TEST_CASE("what was stored is there for the next command, for its user only") {
  const TemporaryFolder folder;
  std::array<std::uint8_t, 32> secret;
  {
    auto file = StateFile::open(folder.path(), kClient, 0s);
    REQUIRE(file);
    secret = file->session_in(kCluster).secret;
    CHECK(secret != std::array<std::uint8_t, 32>{});
    file->session_in(kCluster).saved.session = SessionId(3);
    REQUIRE(file->store());
  }
  const auto path = folder.path() / to_string(kClient);
  CHECK(mode_of(path) == 0600);
  CHECK_FALSE(std::filesystem::exists(path.string() + ".tmp"));
  auto file = StateFile::open(folder.path(), kClient, 0s);
  REQUIRE(file);
  CHECK(file->session_in(kCluster).secret == secret);
  CHECK(file->session_in(kCluster).saved.session == SessionId(3));
  CHECK(read_state(folder.path(), kClient)->size() == 1);
}

TEST_CASE("one command at a time has the file, also after it has stored") {
  const TemporaryFolder folder;
  {
    auto first = StateFile::open(folder.path(), kClient, 0s);
    REQUIRE(first);
    for (int i = 0; i < 2; ++i) {
      const auto second = StateFile::open(folder.path(), kClient, 20ms);
      REQUIRE_FALSE(second);
      CHECK(second.error().name() == "client_id_in_use");
      CHECK(second.error().detail.find(to_string(kClient)) != std::string::npos);
      first->session_in(kCluster);
      REQUIRE(first->store());
    }
    CHECK(read_state(folder.path(), kClient)->size() == 1);  // readers do not wait
    ClientId other = kClient;
    ++other.bytes[0];
    CHECK(StateFile::open(folder.path(), other, 0s));
  }
  CHECK(StateFile::open(folder.path(), kClient, 0s));
}

TEST_CASE("a command waits for the one before it and then sees what that one stored") {
  const TemporaryFolder folder;
  auto first = StateFile::open(folder.path(), kClient, 0s);
  REQUIRE(first);
  std::thread waiting([&] {
    auto second = StateFile::open(folder.path(), kClient, 30s);
    REQUIRE(second);
    CHECK(second->session_in(kCluster).saved.next_number == RequestNumber(41));
  });
  first->session_in(kCluster).saved.next_number = RequestNumber(40);
  REQUIRE(first->store());
  first->session_in(kCluster).saved.next_number = RequestNumber(41);
  REQUIRE(first->store());
  { const StateFile ended = *std::move(first); }
  waiting.join();
}

TEST_CASE("a file that cannot be read is left alone, and the error says what to do") {
  const TemporaryFolder folder;
  const auto path = folder.path() / to_string(kClient);
  write(path, "{\"format\": 1, \"clu");
  const auto file = StateFile::open(folder.path(), kClient, 0s);
  REQUIRE_FALSE(file);
  CHECK(file.error().name() == "state_file");
  CHECK(file.error().definite);
  CHECK(file.error().detail.find(path.string()) == 0);
  CHECK(file.error().detail.find("another client id") != std::string::npos);
  CHECK(lockstep::testing::read_file(path) == "{\"format\": 1, \"clu");
}

TEST_CASE("where nothing can be written, the error names the path") {
  const TemporaryFolder folder;
  const auto file = StateFile::open(folder.path() / "missing", kClient, 0s);
  REQUIRE_FALSE(file);
  CHECK(file.error().detail.find("missing") != std::string::npos);
}

TEST_CASE("the folder and this user's client id are made once") {
  const TemporaryFolder base;
  REQUIRE(setenv("XDG_STATE_HOME", (base.path() / "state").c_str(), 1) == 0);
  const auto folder = open_state_folder();
  REQUIRE(folder);
  CHECK(*folder == base.path() / "state" / "lockstep");
  CHECK(mode_of(*folder) == 0700);
  CHECK_FALSE(kept_client_id(*folder)->has_value());
  const auto id = default_client_id(*folder);
  REQUIRE(id);
  CHECK(default_client_id(*folder) == *id);
  CHECK(*kept_client_id(*folder) == *id);
  CHECK(mode_of(*folder / "client-id") == 0600);

  write(*folder / "client-id", "nonsense\n");
  const auto bad = default_client_id(*folder);
  REQUIRE_FALSE(bad);
  CHECK(bad.error().detail.find("remove the file") != std::string::npos);
}

TEST_CASE("the state folder follows the XDG specification") {
  const TemporaryFolder base;
  REQUIRE(setenv("HOME", base.path().c_str(), 1) == 0);
  for (const char* ignored : {"", "relative/path"}) {
    REQUIRE(setenv("XDG_STATE_HOME", ignored, 1) == 0);
    CHECK(*open_state_folder() == base.path() / ".local/state/lockstep");
  }
  REQUIRE(unsetenv("XDG_STATE_HOME") == 0);
  REQUIRE(unsetenv("HOME") == 0);
  CHECK(open_state_folder().error().name() == "state_file");
}

TEST_CASE("a file of any name says whose it is, and a new one becomes that of whom it is opened for") {
  const TemporaryFolder folder;
  const auto path = folder.path() / "who";
  const auto named = StateFile::open(path, kClient);
  REQUIRE(named);
  CHECK(named->client_id() == kClient);
  const auto fresh = folder.path() / "somebody";
  std::optional<ClientId> made;
  {
    auto file = StateFile::open(fresh, std::nullopt);
    REQUIRE(file);
    made = file->client_id();
    file->session_in(kCluster).saved.session = SessionId(7);
    REQUIRE(file->store());
    CHECK_FALSE(StateFile::open(fresh, std::nullopt));  // another uses it
  }
  CHECK(mode_of(fresh) == 0600);
  auto again = StateFile::open(fresh, std::nullopt);
  REQUIRE(again);
  CHECK(again->client_id() == made);
  CHECK(again->session_in(kCluster).saved.session == SessionId(7));
  again = tl::unexpected(Error{});  // gives it back
  CHECK(StateFile::open(fresh, kClient).error().detail.find(to_string(*made)) != std::string::npos);
  for (const char* text : {"not ours", "{}", R"({"client_id": "me"})"}) {
    write(fresh, text);
    CHECK_FALSE(StateFile::open(fresh, std::nullopt));
  }
}

}  // namespace lockstep::state_file_test
