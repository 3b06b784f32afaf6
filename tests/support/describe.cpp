#include "tests/support/describe.hpp"

namespace lockstep::raft {
namespace {

constexpr std::size_t kLongestSpelledRun = 4;

std::string text(std::uint64_t value) { return std::to_string(value); }

std::string position(LogIndex index, Term term) { return text(index.value()) + "/" + text(term.value()); }

std::string joined(const std::vector<std::string>& words) {
  std::string all;
  for (const std::string& word : words) all += (all.empty() ? "" : " ") + word;
  return all;
}

std::string entries_of(const Append& append) {
  if (append.entries.empty()) return "empty";
  const bool one_term = append.entries.front().term == append.entries.back().term;
  const bool one_entry = append.entries.size() == 1;
  return std::string(one_entry ? "entry " : "entries ") +
         describe_range(append.previous_index.next(), append.previous_index + append.entries.size()) +
         (one_term ? " of term " + text(append.entries.front().term.value())
                   : " of terms " + describe_terms(append.entries));
}

struct Describer {
  const NameOf& name_of;

  std::string leader(NodeId id) const { return id ? ", leader " + name_of(id) : ""; }

  std::string operator()(const Append& m) const {
    return std::string(m.fetch ? "fetched append" : "append") + " prev " + position(m.previous_index, m.previous_term) +
           " " + entries_of(m) + " commit " + text(m.commit.value()) + " round " + text(m.round.value());
  }
  std::string operator()(const VoteRequest& m) const {
    return std::string(m.pre_vote ? "pre-vote" : "vote") + " request, log ends " + position(m.last_index, m.last_term);
  }
  std::string operator()(const Vote& m) const {
    return std::string(m.pre_vote ? "pre-vote" : "vote") + (m.granted ? " granted" : " denied") + leader(m.leader);
  }
  std::string operator()(const Ack& m) const {
    return "ack match " + text(m.match.value()) + " round " + text(m.round.value());
  }
  std::string operator()(const Fetch& m) const { return "fetch after " + position(m.index, m.term); }
  std::string operator()(const Forward& m) const { return "forward " + text(m.commands.size()) + " commands"; }
  std::string operator()(const Barrier&) const { return "barrier"; }
  std::string operator()(const BarrierAnswer& m) const { return "barrier answered: index " + text(m.index.value()); }
  std::string operator()(const NotLeader& m) const { return "not leader" + leader(m.leader); }
  std::string operator()(const Busy&) const { return "busy"; }
  std::string operator()(const Hello& m) const {
    return "hello from " + m.name + ", members " + joined(m.initial_members);
  }
  std::string operator()(const Form& m) const {
    std::vector<std::string> names;
    for (const Member& member : m.configuration.voters) names.push_back(member.name);
    return "form a cluster of " + joined(names);
  }
  std::string operator()(const SnapshotPart& m) const {
    return "snapshot up to " + text(m.head.index.value()) + " of term " + text(m.head.term.value()) + ", bytes " +
           std::to_string(m.offset) + " to " + std::to_string(m.offset + m.bytes.size()) + " of " +
           std::to_string(m.head.state_bytes);
  }
  std::string operator()(const HelloRefused& m) const { return "hello refused: " + m.reason; }
};

}  // namespace

std::string describe_range(LogIndex first, LogIndex last) {
  if (first == last) return text(first.value());
  return text(first.value()) + ".." + text(last.value());
}

std::string describe(const MessageBody& body, const NameOf& name_of) { return std::visit(Describer{name_of}, body); }

std::string describe_terms(const std::vector<Entry>& entries) {
  std::vector<std::string> words;
  for (std::size_t begin = 0; begin < entries.size();) {
    std::size_t end = begin;
    while (end < entries.size() && entries[end].term == entries[begin].term) ++end;
    const std::string term = text(entries[begin].term.value());
    if (end - begin > kLongestSpelledRun) {
      words.push_back(term + "x" + text(end - begin));
    } else {
      words.insert(words.end(), end - begin, term);
    }
    begin = end;
  }
  return joined(words);
}

}  // namespace lockstep::raft
