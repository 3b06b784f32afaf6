// Real time against the log: what was complete before a call began is in what the call saw.
#include <algorithm>

#include "tests/torture/checker.hpp"
#include "tests/torture/evidence.hpp"

namespace lockstep::torture {
namespace {

// The entry that did what the answer says; 0 if the answer does not tell.
std::uint64_t entry_of(const Call& call) {
  switch (call.answer->result) {
    case Result::kGranted: return call.answer->token;
    case Result::kHeld:
    case Result::kReleased:
    case Result::kNotHolder:
    case Result::kClosed: return call.answer->index;
    default: return 0;
  }
}

class Order {
 public:
  explicit Order(const History& history) : history_(history), progress_(history) {}

  std::vector<Violation> run() {
    for (const Call& call : history_.calls) {
      if (!call.answer) continue;
      if (is_read(call.verb)) {
        if (call.linearizable) judge_linearizable(call);
      } else {
        judge_command(call);
      }
    }
    for (const auto& [client, calls] : calls_by_client(history_)) {
      judge_own(calls);
      judge_turns(calls);
    }
    return std::move(violations_);
  }

 private:
  void add(const char* rule, std::string text) {
    if (violations_.size() < kMostViolations) violations_.push_back({rule, std::move(text)});
  }

  void judge_linearizable(const Call& call) {
    if (call.answer->index == 0) return;
    const std::uint64_t known = progress_.index_before(call.called);
    if (call.answer->index >= known) return;
    add("stale read", describe(call) + "; but index " + std::to_string(known) + " was known before the call");
  }

  // A command becomes an entry after its call, so behind all that had been applied by then.
  void judge_command(const Call& call) {
    const std::uint64_t entry = entry_of(call);
    if (entry == 0) return;
    const std::uint64_t known = progress_.index_before(call.called);
    if (entry <= known) {
      add("order", describe(call) + "; but index " + std::to_string(known) + " was known before the call");
    }
    if (call.answer->index < entry) add("order", describe(call) + "; the answer is older than what it tells of");
  }

  // A client never sees an older state than it has seen.
  void judge_own(const std::vector<const Call*>& calls) {
    std::uint64_t seen = 0;
    for (const Call* call : calls) {
      if (!call->answer || call->answer->index == 0) continue;
      if (is_read(call->verb) && call->answer->index < seen) {
        add("stale read", describe(*call) + "; but this client had seen index " + std::to_string(seen));
      }
      seen = std::max({seen, call->answer->index, call->answer->token});
    }
  }

  // The judge of all else relies on it.
  void judge_turns(const std::vector<const Call*>& calls) {
    for (std::size_t i = 1; i < calls.size(); ++i) {
      const Call& before = *calls[i - 1];
      if (before.answer && before.answer->returned <= calls[i]->called) continue;
      add("overlapping calls", describe(before) + "; and " + describe(*calls[i]));
    }
  }

  const History& history_;
  Progress progress_;
  std::vector<Violation> violations_;
};

}  // namespace

std::vector<Violation> check_order(const History& history) { return Order(history).run(); }

Verdict check(const History& history) {
  Verdict verdict = check_linearizable(history);
  std::vector<Violation> all;
  for (const Finding& finding : history.findings) all.push_back({finding.rule, finding.text});
  for (const auto& part : {check_substance(history), check_log(history), check_order(history), check_holds(history),
                           check_leases(history), verdict.violations, check_replay(history)}) {
    all.insert(all.end(), part.begin(), part.end());
  }
  verdict.violations = std::move(all);
  return verdict;
}

}  // namespace lockstep::torture
