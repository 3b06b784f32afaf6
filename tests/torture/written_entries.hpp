// What nodes that have stopped ever wrote to their logs, and the one log that comes of it. Nothing is changed in the
// folders.
//
// An entry's index and term say which entry it is, and which came before it, in any log that has it (Raft section 5.3,
// the Log Matching Property). So the log is found by going back from its end from entry to entry, whoever still has
// each of them; and two records that differ in more than that are a violation of the property.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <tl/expected.hpp>

#include "protocol/raft/entry.hpp"
#include "tests/torture/history.hpp"

namespace lockstep::torture {

class WrittenEntries {
 public:
  struct NodeLog {
    raft::EntryId base;       // what its entries follow; of term 0: not known
    std::vector<Term> terms;  // of its entries, as its log was when it stopped
    // Of the entry at this index; none if the log does not have it.
    std::optional<Term> term_at(LogIndex index) const;
  };

  // All segments in these folders, which belong to one node. An error is a sentence.
  tl::expected<NodeLog, std::string> read(const std::string& node, const std::vector<std::filesystem::path>& folders);

  // The log that ends with this entry, from index 1 on. An error says which entry nobody has.
  tl::expected<std::vector<Entry>, std::string> log_up_to(raft::EntryId last) const;

  const std::vector<std::string>& contradictions() const { return contradictions_; }

 private:
  struct Written {
    raft::Entry entry;
    std::optional<Term> after;  // the term of the entry before it, if any of those who have it know
    std::string node;           // who was the first to tell
  };
  class Reader;

  void write(const std::string& node, LogIndex index, const raft::Entry& entry, std::optional<Term> after);

  std::map<std::pair<LogIndex, Term>, Written> written_;
  std::vector<std::string> contradictions_;
};

}  // namespace lockstep::torture
