// Rows of text, padded; and which cells locks, sessions and past holds have.
#include "tools/lockstep/answers/table.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdint>

#include "nodes/text/printable.hpp"
#include "protocol/base/duration_words.hpp"
#include "protocol/wire/limits.hpp"
#include "tools/lockstep/answers/report.hpp"

namespace lockstep {
namespace {

constexpr std::size_t kShownCell = 60;

// The note says who that is; the id, which tells two of the same note apart, comes after it.
std::string client_cell(const ClientId& client, const std::string& note) {
  const std::string id = to_string(client);
  return note.empty() ? id : printable(note, kShownCell) + " (" + id.substr(0, kShortId) + ")";
}

// In characters: a byte of UTF-8 that goes on with one has the bits 10 at its front.
std::size_t width_of(const std::string& text) {
  const auto begins = [](char byte) { return (static_cast<unsigned char>(byte) & 0xc0U) != 0x80U; };
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), begins));
}

std::string name_cell(const std::string& name) { return printable(name, wire::kMaxLockName); }

std::string mode_cell(LockMode mode, std::uint32_t permits) {
  return std::string(to_string(mode)) + (mode == LockMode::kPermit ? " " + std::to_string(permits) : "");
}

}  // namespace

std::vector<std::string> aligned(const std::vector<Row>& rows) {
  std::vector<std::size_t> widths(rows.empty() ? 0 : rows.front().size());
  for (const Row& row : rows) {
    for (std::size_t column = 0; column < row.size(); ++column) {
      widths[column] = std::max(widths[column], width_of(row[column]));
    }
  }
  std::vector<std::string> lines;
  for (const Row& row : rows) {
    std::string line;
    for (std::size_t column = 0; column + 1 < row.size(); ++column) {
      line += row[column] + std::string(widths[column] - width_of(row[column]) + 2, ' ');
    }
    lines.push_back(line + row.back());
  }
  return lines;
}

bool is_at_terminal() { return isatty(STDOUT_FILENO) == 1; }

std::string ago(WallTime then, WallTime now) {
  struct Unit {
    std::int64_t seconds;
    std::string_view name;
  };
  constexpr std::int64_t kMinute = 60;
  constexpr std::int64_t kHour = 60 * kMinute;
  constexpr std::int64_t kDay = 24 * kHour;
  constexpr std::array kUnits{Unit{kDay, "day"}, Unit{kHour, "h"}, Unit{kMinute, "min"}, Unit{1, "s"}};
  const std::int64_t seconds = std::chrono::duration_cast<std::chrono::seconds>(now - then).count();
  for (const auto& [length, name] : kUnits) {
    const std::int64_t count = seconds / length;
    if (count < 1) continue;
    if (length == kDay) return number_of(static_cast<std::uint64_t>(count), "day") + " ago";
    return std::to_string(count) + " " + std::string(name) + " ago";
  }
  return "just now";
}

std::string when(WallTime then, WallTime now) {
  constexpr std::size_t kToTheSecond = 19;
  std::string text = format_time(then).substr(0, kToTheSecond);
  std::replace(text.begin(), text.end(), 'T', ' ');
  return text + " (" + ago(then, now) + ")";
}

std::vector<std::string> table_of(const std::vector<LockInfo>& locks, WallTime now) {
  std::vector<Row> rows{{"NAME", "KIND", "HELD BY", "TOKEN", "SINCE", "WAITING"}};
  for (const LockInfo& lock : locks) {
    const std::string name = name_cell(lock.name);
    const std::string waiting = std::to_string(lock.waiter_count);
    if (lock.holders.empty()) {
      rows.push_back({name, mode_cell(lock.mode, lock.permits), "-", "-", "-", waiting});
      continue;
    }
    const HolderInfo& first = lock.holders.front();
    const std::string others =
        lock.holder_count > 1 ? " and " + number_of(lock.holder_count - 1, "other") : std::string();
    rows.push_back({name, mode_cell(lock.mode, lock.permits), client_cell(first.owner, first.note) + others,
                    std::to_string(first.token.value()), when(first.since, now), waiting});
  }
  return aligned(rows);
}

std::vector<std::string> table_of(const std::vector<SessionInfo>& sessions, WallTime now) {
  std::vector<Row> rows{{"SESSION", "CLIENT", "TTL", "SINCE", "LOCKS", "WAITS"}};
  for (const SessionInfo& session : sessions) {
    const std::string ttl = session.ttl_ms == 0 ? "never expires" : in_words(std::chrono::milliseconds(session.ttl_ms));
    rows.push_back({std::to_string(session.session.value()), client_cell(session.client, session.note), ttl,
                    when(session.since, now), std::to_string(session.locks), std::to_string(session.waits)});
  }
  return aligned(rows);
}

std::vector<std::string> table_of(const std::vector<PastHold>& events, const ClientNotes& notes, WallTime now) {
  const auto cell_of = [&](const ClientId& client) {
    const auto note = notes.find(client);
    return client_cell(client, note == notes.end() ? std::string() : note->second);
  };
  std::vector<Row> rows{{"NAME", "HELD BY", "TOKEN", "FOR", "ENDED", "REASON"}};
  for (const PastHold& event : events) {
    std::string reason(to_string(event.reason));
    if (event.by) reason += " by " + cell_of(*event.by);
    if (!event.why.empty()) reason += ": " + printable(event.why, kShownCell);
    rows.push_back({name_cell(event.name), cell_of(event.client), std::to_string(event.token.value()),
                    in_words(event.to - event.from), when(event.to, now), reason});
  }
  return aligned(rows);
}

}  // namespace lockstep
