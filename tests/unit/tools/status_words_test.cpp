// docs/operations.md explains every word that `lockstep status` shows, and no other: compared both ways.
#include <doctest/doctest.h>

#include <fstream>
#include <regex>
#include <set>
#include <sstream>

#include "protocol/wire/names.hpp"
#include "tools/lockstep/commands/cluster_health.hpp"
#include "tools/lockstep/commands/status_command.hpp"

namespace lockstep::status_words_test {

namespace {

std::string section() {
  std::ifstream file(LOCKSTEP_SOURCE_DIR "/docs/operations.md");
  std::ostringstream text;
  text << file.rdbuf();
  const std::string whole = text.str();
  const std::size_t start = whole.find("\n## What the status says\n");
  REQUIRE(start != std::string::npos);
  return whole.substr(start, whole.find("\n## ", start + 1) - start);
}

// The words that the document's tables explain: the first cell of each row.
std::multiset<std::string> explained() {
  const std::string text = section();
  const std::regex row("\n\\| `([A-Za-z_]+)` \\| [^ |]");
  std::multiset<std::string> words;
  for (std::sregex_iterator found(text.begin(), text.end(), row), end; found != end; ++found) words.insert((*found)[1]);
  return words;
}

std::multiset<std::string> shown() {
  std::multiset<std::string> words;
  for (const wire::NamedNumber& role : wire::names_of<wire::Role>()) words.insert(std::string(role.name));
  for (const HealthKind kind : {HealthKind::kHealthy, HealthKind::kDegraded, HealthKind::kForming,
                                HealthKind::kNoLeader, HealthKind::kQuorumLost}) {
    words.insert(std::string(to_string(kind)));
  }
  // A member that does not answer, and above it the names of the columns.
  const MemberReport silent{{"a", "tcp://127.0.0.1:1", NodeId(1)},
                            tl::unexpected(Error{ErrorCode::kUnavailable, false, "", {}})};
  const std::vector<std::string> table = table_of({silent});
  std::istringstream columns(table.at(0));
  for (std::string word; columns >> word;) words.insert(word);
  std::istringstream row(table.at(1));
  std::string name;
  std::string role;
  row >> name >> role;
  words.insert(role);
  return words;
}

}  // namespace

TEST_CASE("docs/operations.md has every word of `lockstep status`, and no others") {
  const std::multiset<std::string> in_document = explained();
  const std::multiset<std::string> in_code = shown();
  // `forming` is a role, and the health of a cluster.
  for (const std::string& word : in_code) {
    CHECK_MESSAGE(in_document.count(word) == in_code.count(word), word, " is not explained as often as it is shown");
  }
  for (const std::string& word : in_document) CHECK_MESSAGE(in_code.contains(word), word, " is never shown");
}

}  // namespace lockstep::status_words_test
