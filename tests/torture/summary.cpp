#include "tests/torture/summary.hpp"

#include <algorithm>
#include <cstdio>

#include <nlohmann/json.hpp>

#include "tests/torture/evidence.hpp"

namespace lockstep::torture {
namespace {

std::string result_of(const Call& call) {
  const std::string verb(to_string(call.verb));
  if (call.answer->result != Result::kError) return verb + " " + std::string(to_string(call.answer->result));
  return verb + " " + call.answer->error + (call.answer->definite ? "" : " (indefinite)");
}

// A command that went through the log, so that the cluster was there.
bool shows_service(const Call& call) {
  return call.answer && !is_read(call.verb) && call.answer->result != Result::kError && call.answer->index != 0;
}

struct Served {
  Nanoseconds called = 0;
  Nanoseconds returned = 0;
};

std::vector<Served> served(const History& history) {
  std::vector<Served> all;
  for (const Call& call : history.calls) {
    if (shows_service(call)) all.push_back({call.called, call.answer->returned});
  }
  return all;
}

void find_gaps(Summary& summary, const History& history) {
  std::vector<Nanoseconds> moments{history.run.load_from, history.run.load_to};
  for (const Served& each : served(history)) {
    if (each.returned > history.run.load_from && each.returned < history.run.load_to) moments.push_back(each.returned);
  }
  std::sort(moments.begin(), moments.end());
  for (std::size_t i = 1; i < moments.size(); ++i) {
    const Nanoseconds gap = moments[i] - moments[i - 1];
    if (gap <= summary.unavailable) continue;
    summary.unavailable = gap;
    summary.unavailable_from = moments[i - 1] - history.run.load_from;
  }
}

void find_failovers(Summary& summary, const History& history) {
  std::vector<Served> all = served(history);
  std::sort(all.begin(), all.end(), [](const Served& a, const Served& b) { return a.called < b.called; });
  for (std::size_t i = all.size(); i > 1; --i) all[i - 2].returned = std::min(all[i - 2].returned, all[i - 1].returned);
  for (const Fault& fault : history.faults) {
    if (!fault.of_leader) continue;
    const auto after = std::lower_bound(all.begin(), all.end(), fault.from,
                                        [](const Served& each, Nanoseconds from) { return each.called < from; });
    if (after != all.end()) summary.failovers.push_back(after->returned - fault.from);
  }
  std::sort(summary.failovers.begin(), summary.failovers.end());
}

std::string in_ms(Nanoseconds time) {
  char text[40];
  std::snprintf(text, sizeof text, "%.1f ms", static_cast<double>(time) / 1e6);
  return text;
}

}  // namespace

Nanoseconds percentile(const std::vector<Nanoseconds>& sorted, int percent) {
  if (sorted.empty()) return 0;
  const std::size_t rank = (sorted.size() * static_cast<std::size_t>(percent) + 99) / 100;
  return sorted[std::max<std::size_t>(rank, 1) - 1];
}

Summary summarize(const History& history) {
  Summary summary;
  summary.run = history.run;
  summary.calls = history.calls.size();
  for (const Call& call : history.calls) {
    if (call.answer) {
      ++summary.results[result_of(call)];
    } else {
      ++summary.unanswered;
    }
  }
  for (const Fault& fault : history.faults) {
    ++summary.faults[fault.kind + (fault.detail.empty() ? "" : " (" + fault.detail + ")") +
                     (fault.of_leader ? ", of the leader" : "")];
  }
  const auto count = [&](auto* is_one) {
    return static_cast<std::uint64_t>(std::count_if(history.faults.begin(), history.faults.end(), is_one));
  };
  summary.behind = count(is_behind);
  summary.behind_to_its_end = count(is_behind_to_its_end);
  summary.entries = history.entries.size();
  for (const Entry& entry : history.entries) summary.terms = std::max(summary.terms, entry.term);
  find_gaps(summary, history);
  find_failovers(summary, history);
  return summary;
}

std::string to_text(const Summary& summary, const Verdict& verdict) {
  std::string text;
  const auto line = [&](const std::string& what) { text += what + "\n"; };
  line(std::to_string(summary.run.nodes) + " nodes, " + std::to_string(summary.run.clients) + " clients, " +
       std::to_string(summary.run.seconds) + " s, seed " + std::to_string(summary.run.seed));
  line("calls: " + std::to_string(summary.calls) + ", of which " + std::to_string(summary.unanswered) +
       " were never answered, their client was killed");
  for (const auto& [result, count] : summary.results) line("  " + std::to_string(count) + "  " + result);
  line("faults:");
  for (const auto& [kind, count] : summary.faults) line("  " + std::to_string(count) + "  " + kind);
  for (const std::string& skipped : summary.run.skipped) line("  SKIPPED  " + skipped);
  line("log: " + (summary.entries == 0 ? "not known, NOT REPLAYED"
                                       : std::to_string(summary.entries) + " entries replayed, " +
                                             std::to_string(summary.terms) + " terms"));
  line("snapshots: a node was away " + std::to_string(summary.behind) + " times, " +
       std::to_string(summary.behind_to_its_end) + " of them until the others had cut their logs; " +
       std::to_string(summary.run.snapshots_installed) + " snapshots installed");
  line("worst unavailability: " + in_ms(summary.unavailable) + ", from second " +
       std::to_string(summary.unavailable_from / 1'000'000'000) + " on");
  line("failover after a fault at the leader: p50 " + in_ms(percentile(summary.failovers, 50)) + ", p99 " +
       in_ms(percentile(summary.failovers, 99)) + " (" + std::to_string(summary.failovers.size()) + " times)");
  for (const std::string& name : verdict.given_up) {
    line("NOT SEARCHED to the end: the orders of the calls on " + name + ", which are too many");
  }
  line("violations: " + std::to_string(verdict.violations.size()));
  for (const Violation& violation : verdict.violations) line("  " + violation.rule + ": " + violation.text);
  return text;
}

std::string to_json(const Summary& summary, const Verdict& verdict) {
  nlohmann::json found = nlohmann::json::array();
  for (const Violation& violation : verdict.violations)
    found.push_back({{"rule", violation.rule}, {"text", violation.text}});
  return nlohmann::json{{"nodes", summary.run.nodes},
                        {"clients", summary.run.clients},
                        {"seconds", summary.run.seconds},
                        {"seed", summary.run.seed},
                        {"calls", summary.calls},
                        {"unanswered", summary.unanswered},
                        {"results", summary.results},
                        {"faults", summary.faults},
                        {"skipped", summary.run.skipped},
                        {"entries_replayed", summary.entries},
                        {"terms", summary.terms},
                        {"behind", summary.behind},
                        {"behind_to_its_end", summary.behind_to_its_end},
                        {"snapshots_installed", summary.run.snapshots_installed},
                        {"worst_unavailability_ns", summary.unavailable},
                        {"failovers", summary.failovers.size()},
                        {"failover_p50_ns", percentile(summary.failovers, 50)},
                        {"failover_p99_ns", percentile(summary.failovers, 99)},
                        {"not_searched", verdict.given_up},
                        {"violations", std::move(found)}}
      .dump();
}

}  // namespace lockstep::torture
