// docs/protocol.md says what the code does: its tables of messages, errors and limits are made from the
// schema, the error table and limits.hpp; so are those of a state in docs/storage-format.md. A failure shows the text
// that the document should have.
#include <doctest/doctest.h>

#include <fstream>
#include <sstream>

#include "protocol/raft/raft.hpp"
#include "protocol/wire/message_types.hpp"
#include "protocol/wire/state_schema.hpp"
#include "tests/support/describe_fields.hpp"

namespace lockstep::document_test {

using lockstep::testing::DescribeFields;

namespace {

std::string document(const std::string& name) {
  std::ifstream file(LOCKSTEP_SOURCE_DIR "/docs/" + name);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

// The part below a heading of the second level.
std::string section(const std::string& heading, const std::string& name = "protocol.md") {
  const std::string whole = document(name);
  const std::size_t start = whole.find("\n## " + heading + "\n");
  REQUIRE_MESSAGE(start != std::string::npos, "docs/" << name << " has no section " << heading);
  return whole.substr(start, whole.find("\n## ", start + 1) - start);
}

// As a whole paragraph or table: nothing follows in it.
void check_has(const std::string& text, const std::string& expected) {
  const bool found = (text + "\n").find(expected + "\n") != std::string::npos;
  if (!found) FAIL_CHECK("docs/protocol.md should have this:\n" << expected);
}

std::string fields_table(const std::string& title, const std::string& rows) {
  if (rows.empty()) return "### " + title + "\n\nNo fields.\n";
  return "### " + title + "\n\n| field | type | limits |\n|---|---|---|\n" + rows;
}

template <typename Type>
void check_types(const std::string& text) {
  for (const wire::NamedNumber& entry : wire::names_of<Type>()) {
    DescribeFields fields;
    auto body = wire::blank(static_cast<Type>(entry.number));
    wire::body_fields(fields, body);
    check_has(text, fields_table(std::to_string(entry.number) + " " + std::string(entry.name), fields.rows()));
  }
}

std::string limit_row(const std::string& what, std::uint64_t value, const std::string& unit) {
  return "| " + what + " | " + std::to_string(value) + " " + unit + " |\n";
}

}  // namespace

TEST_CASE("docs/protocol.md has every message between nodes, with its fields as they are") {
  const std::string text = section("Messages between nodes");
  check_types<wire::MessageType>(text);
  check_types<wire::EntryType>(text);
  check_types<wire::CommandType>(text);
  DescribeFields limits;
  locks::StateLimits of_state;
  wire::field(limits, "", of_state);
  check_has(text, fields_table("Limits of the state", limits.rows()));
}

TEST_CASE("docs/protocol.md has every message of clients, with its fields as they are") {
  const std::string text = section("Messages of clients");
  check_types<wire::RequestType>(text);
  check_types<wire::ResponseType>(text);
}

TEST_CASE("docs/storage-format.md has the records of a state, with their fields as they are") {
  const std::string text = section("The state in a snapshot", "storage-format.md");
  DescribeFields of_image;
  locks::StateImage image;
  wire::Schema<locks::StateImage>::fields(of_image, image);
  check_has(text, fields_table("State", of_image.rows()));
  DescribeFields of_refused;
  locks::Refused refused;
  wire::Schema<locks::Refused>::fields(of_refused, refused);
  check_has(text, fields_table("Refused", of_refused.rows()));
}

TEST_CASE("docs/protocol.md has the error table as it is") {
  std::string expected = "| number | name | certainty | exit | means | what to do |\n|---|---|---|---|---|---|\n";
  for (const ErrorInfo& info : error_table()) {
    expected += "| " + std::to_string(static_cast<int>(info.code)) + " | `" + std::string(info.name) + "` | " +
                std::string(to_string(info.certainty)) + " | " + std::to_string(info.exit_code) + " | " +
                std::string(info.meaning) + " | " + std::string(info.way_out) + " |\n";
  }
  check_has(section("Errors"), expected);
}

TEST_CASE("docs/protocol.md has the limits as they are") {
  const std::string expected =
      "| what | at most |\n|---|---|\n" + limit_row("a lock's name", wire::kMaxLockName, "bytes of UTF-8") +
      limit_row("a client's request", wire::kMaxClientRequest, "bytes") +
      limit_row("a client's frame, before its connection is closed", wire::kMaxClientFrame, "bytes") +
      limit_row("locks in one answer to list", wire::kMaxListPage, "locks") +
      limit_row("events in one answer to history", wire::kMaxHistoryPage, "events") +
      limit_row("sessions in one answer to sessions", wire::kMaxSessionsPage, "sessions") +
      limit_row("changes, or holds, in one answer to watch", wire::kMaxWatched, "changes") +
      limit_row("holders, and as many waiters, that are shown of one lock", locks::kShownHolders, "of each") +
      limit_row("how long a wait or a watch is held back", wire::kMaxPollMs, "ms") +
      limit_row("names of one acquire", locks::kMaxAcquireNames, "names") +
      limit_row("permits of a semaphore", locks::kMaxPermits, "permits") +
      limit_row("who shares a lock; more wait", locks::kMaxHolders, "holders") +
      limit_row("a session's note", wire::kMaxNote, "bytes") +
      limit_row("an operator's reason", wire::kMaxWhy, "bytes") +
      limit_row("an error's text", wire::kMaxErrorDetail, "bytes") +
      limit_row("a session's secret, exactly", wire::kSecretSize, "bytes") +
      limit_row("a session's TTL, if not 0: at least", wire::kMinTtlMs, "ms") +
      limit_row("a session's TTL, if not 0: at most", wire::kMaxTtlMs, "ms") +
      limit_row("unacknowledged requests of a session", locks::kMaxUnacknowledged, "requests") +
      limit_row("members of a cluster", wire::kMaxMembers, "nodes") +
      limit_row("a node's name", wire::kMaxMemberName, "letters, digits, '-', '_', '.'") +
      limit_row("an endpoint", wire::kMaxEndpoint, "printable characters of ASCII") +
      limit_row("a command", wire::kMaxCommand, "bytes") + limit_row("an entry's body", wire::kMaxEntryBody, "bytes") +
      limit_row("entries of one append", wire::kMaxEntries, "entries") +
      limit_row("commands of one forward", wire::kMaxForward, "commands") +
      limit_row("sessions renewed with one barrier", wire::kMaxRenewals, "sessions") +
      limit_row("a refusal's reason", wire::kMaxReason, "bytes") +
      limit_row("a frame between nodes", wire::kMaxPeerFrame, "bytes") +
      limit_row("entries published in one frame, as senders keep to it", raft::Bounds{}.published_bytes, "bytes") +
      limit_row("entries in one answer to a fetch, as senders keep to it", raft::Bounds{}.fetched_bytes, "bytes") +
      limit_row("commands in one forward, as senders keep to it", wire::kForwardedFrame, "bytes") +
      limit_row("locks in the state, by default", locks::StateLimits{}.locks, "locks") +
      limit_row("living sessions in the state, by default", locks::StateLimits{}.sessions, "sessions") +
      limit_row("locks of one session, held and waited for, by default", locks::StateLimits{}.locks_per_session,
                "locks") +
      limit_row("waiters of one lock, by default", locks::StateLimits{}.waiters_per_lock, "waiters") +
      limit_row("events in the history", locks::kKeptHistory, "events") +
      limit_row("ended sessions whose end is remembered", locks::kKeptEndedSessions, "sessions");
  check_has(section("Limits"), expected);
}

}  // namespace lockstep::document_test
