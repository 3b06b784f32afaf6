// How the state is shown: locks with their holders and waiters, sessions, ended grants.
#include "nodes/text/printable.hpp"
#include "protocol/base/duration_words.hpp"
#include "tools/lockstep/answers/report.hpp"

namespace lockstep {
namespace {

using Json = nlohmann::ordered_json;

Json json_of(const HolderInfo& holder) {
  return {{"owner", to_string(holder.owner)},
          {"session", holder.session.value()},
          {"token", holder.token.value()},
          {"since", format_time(holder.since)},
          {"note", holder.note}};
}

Json json_of(const WaiterInfo& waiter) {
  return {{"client", to_string(waiter.client)}, {"session", waiter.session.value()},  {"waiter", waiter.waiter.value()},
          {"mode", to_string(waiter.mode)},     {"since", format_time(waiter.since)}, {"note", waiter.note}};
}

template <typename T>
Json all_of(const std::vector<T>& views) {
  Json all = Json::array();
  for (const T& view : views) all.push_back(json_of(view));
  return all;
}

// " shared", " permits 3", or nothing for the usual kind.
std::string kind_of(const LockInfo& lock) {
  switch (lock.mode) {
    case LockMode::kExclusive: return "";
    case LockMode::kShared: return " shared";
    case LockMode::kPermit: return " permits " + std::to_string(lock.permits);
  }
  return "";
}

void append_more(std::string& text, std::uint64_t count, std::size_t shown) {
  if (count > shown) text += "\n  and " + std::to_string(count - shown) + " more";
}

}  // namespace

std::string number_of(std::uint64_t count, const std::string& what) {
  return std::to_string(count) + " " + what + (count == 1 ? "" : "s");
}

Report report_of(const LockInfo& lock, LogIndex applied_index) {
  const bool is_held = !lock.holders.empty();
  Report report;
  report.exit_code = is_held ? kExitYes : kExitNo;
  report.json["name"] = lock.name;
  report.json["result"] = is_held ? "held" : "free";
  report.text = (is_held ? "held " : "free ") + shown(lock.name) + kind_of(lock);
  if (is_held) {
    const HolderInfo& first = lock.holders.front();
    report.json["owner"] = to_string(first.owner);
    report.json["token"] = first.token.value();
    report.json["since"] = format_time(first.since);
    report.text += " by " + who(first.owner, first.note);
    if (lock.holder_count > 1) report.text += " and " + number_of(lock.holder_count - 1, "other");
    report.text += " (token " + std::to_string(first.token.value()) + ", since " + format_time(first.since) + ")";
  }
  report.json["mode"] = to_string(lock.mode);
  if (lock.mode == LockMode::kPermit) report.json["permits"] = lock.permits;
  report.json["holders"] = all_of(lock.holders);
  report.json["holder_count"] = lock.holder_count;
  report.json["waiters"] = all_of(lock.waiters);
  report.json["waiter_count"] = lock.waiter_count;
  report.json["applied_index"] = applied_index.value();
  if (lock.waiter_count != 0) report.text += ", " + number_of(lock.waiter_count, "waiter");
  return report;
}

std::string in_line(const LockInfo& lock) {
  if (lock.holder_count <= 1 && lock.waiter_count == 0) return {};
  std::string text;
  for (const HolderInfo& holder : lock.holders) {
    text += "\n  held by " + who(holder.owner, holder.note) + ", session " + std::to_string(holder.session.value()) +
            ", since " + format_time(holder.since);
  }
  append_more(text, lock.holder_count, lock.holders.size());
  for (const WaiterInfo& waiter : lock.waiters) {
    text += "\n  waiting (" + std::string(to_string(waiter.mode)) + "): " + who(waiter.client, waiter.note) +
            ", session " + std::to_string(waiter.session.value()) + ", since " + format_time(waiter.since);
  }
  append_more(text, lock.waiter_count, lock.waiters.size());
  return text;
}

Report report_of(const SessionInfo& session, LogIndex applied_index) {
  Report report;
  report.json = {{"session", session.session.value()},
                 {"client", to_string(session.client)},
                 {"ttl_ms", session.ttl_ms},
                 {"since", format_time(session.since)},
                 {"note", session.note},
                 {"locks", session.locks},
                 {"waits", session.waits},
                 {"applied_index", applied_index.value()}};
  const std::string ttl =
      session.ttl_ms == 0 ? "never expires" : "ttl " + in_words(std::chrono::milliseconds(session.ttl_ms));
  report.text = "session " + std::to_string(session.session.value()) + " of " + who(session.client, session.note) +
                ", " + ttl + ", since " + format_time(session.since) + ", " + number_of(session.locks, "lock") + ", " +
                number_of(session.waits, "wait");
  return report;
}

Report report_of(const PastHold& event) {
  Report report;
  const std::string reason(to_string(event.reason));
  report.json = {{"position", event.position},    {"name", event.name},
                 {"mode", to_string(event.mode)}, {"owner", to_string(event.client)},
                 {"token", event.token.value()},  {"from", format_time(event.from)},
                 {"to", format_time(event.to)},   {"reason", reason}};
  report.text = shown(event.name) + " held by " + to_string(event.client) + " (token " +
                std::to_string(event.token.value()) + ") from " + format_time(event.from) + " to " +
                format_time(event.to) + ": " + reason;
  if (event.by) {
    report.json["by"] = to_string(*event.by);
    report.json["why"] = event.why;
    report.text +=
        " by " + to_string(*event.by) + (event.why.empty() ? "" : ", \"" + printable(event.why, kShownLine) + "\"");
  }
  return report;
}

}  // namespace lockstep
