// Which locks are known decides what a change is called.
#include "tools/lockstep/answers/watch_lines.hpp"

#include <string>

#include "tools/lockstep/answers/table.hpp"

namespace lockstep {
namespace {

std::string grant_of(const LockEvent& change) {
  std::string text = shown(change.name);
  if (change.mode != LockMode::kExclusive) text += " " + std::string(to_string(change.mode));
  const std::string id = to_string(change.owner);
  return text + " by " + (is_at_terminal() ? id.substr(0, kShortId) : id) + " (token " +
         std::to_string(change.token.value()) + ")";
}

Report report_of_change(const LockEvent& change, std::string_view event) {
  Report report;
  report.json = {{"event", event},
                 {"index", change.index.value()},
                 {"name", change.name},
                 {"mode", to_string(change.mode)},
                 {"owner", to_string(change.owner)},
                 {"token", change.token.value()}};
  return report;
}

Report report_of_lock(const LockEvent& change) {
  Report report = report_of_change(change, "state");
  report.text = "held " + grant_of(change);
  return report;
}

Report report_of_event(const LockEvent& change) {
  Report report = report_of_change(change, change.ended ? "ended" : "granted");
  report.text = std::to_string(change.index.value()) + " ";
  if (change.ended) {
    const std::string reason(to_string(*change.ended));
    report.json["reason"] = reason;
    report.text += reason + " " + grant_of(change);
  } else {
    report.text += "granted " + grant_of(change);
  }
  return report;
}

Report report_of_index(std::string_view event, LogIndex index, const std::string& text) {
  Report report;
  report.json = {{"event", event}, {"index", index.value()}};
  report.text = text;
  return report;
}

Report report_of_reset(const WatchCursor& asked, LogIndex index) {
  const std::string state = "the state at " + std::to_string(index.value());
  if (!asked.from) return report_of_index("reset", index, state);
  const std::string from = std::to_string(asked.from.value());
  Report report = report_of_index("reset", index, "index " + from + " is too long ago; " + state);
  report.json["too_old"] = asked.from.value();
  return report;
}

}  // namespace

std::vector<Report> WatchLines::of(const WatchCursor& asked, const WatchPage& answer) {
  const LogIndex index = answer.next.from;
  std::vector<Report> lines;
  if (answer.reset) {
    in_state_ = true;
    has_locks_ = false;
    lines.push_back(report_of_reset(asked, index));
  }
  for (const LockEvent& change : answer.changes) {
    // While the full state is not complete, what is still to come of it has this change in it.
    if (!in_state_ || change.name <= asked.after) lines.push_back(report_of_event(change));
  }
  for (const LockEvent& lock : answer.locks) lines.push_back(report_of_lock(lock));
  has_locks_ = has_locks_ || !answer.locks.empty();
  if (in_state_ && !answer.more) {
    in_state_ = false;
    const std::string all = has_locks_ ? "that is the state at " : "no locks at ";
    lines.push_back(report_of_index("complete", index, all + std::to_string(index.value()) + "; changes follow:"));
  }
  return lines;
}

}  // namespace lockstep
