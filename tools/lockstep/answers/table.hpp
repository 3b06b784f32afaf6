// Columns for a person at a terminal. Scripts get lines or JSON, which no width of a column changes.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "lockstep/client.hpp"

namespace lockstep {

using Row = std::vector<std::string>;

// Of a client id, for a person: enough to tell two apart, and to find the whole one by.
inline constexpr std::size_t kShortId = 8;

// The rows as lines without their ends, each column as wide as its widest cell, and the last as it is. Every row has as
// many cells as the first.
std::vector<std::string> aligned(const std::vector<Row>& rows);
// Whether stdout is a terminal.
bool is_at_terminal();

// How long ago, for a person: "12 s ago", "3 min ago", "5 h ago", "2 days ago"; "just now" below a second, and of a
// clock that is ahead of ours.
std::string ago(WallTime then, WallTime now);
// "2026-01-31 12:00:00 (3 min ago)", in UTC.
std::string when(WallTime then, WallTime now);

// A page of each, its heading first. What others chose is shown without control characters.
std::vector<std::string> table_of(const std::vector<LockInfo>& locks, WallTime now);
std::vector<std::string> table_of(const std::vector<SessionInfo>& sessions, WallTime now);
// Of clients that are not in `notes` the whole id is shown.
using ClientNotes = std::map<ClientId, std::string>;
std::vector<std::string> table_of(const std::vector<PastHold>& events, const ClientNotes& notes, WallTime now);

}  // namespace lockstep
