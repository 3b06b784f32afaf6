// What was seen of one run of a cluster under faults: every call of every client, what clients believed of their
// leases, the faults, and at last the log that the nodes agree on. Written as JSON lines; docs/testing.md has the
// fields.
//
// Times are nanoseconds of CLOCK_BOOTTIME: one clock for all processes of the machine. An index, a token or a
// session of 0 means none. Values without behaviour; read and written by one thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "protocol/locks/commands.hpp"
#include "protocol/locks/views.hpp"

namespace lockstep::torture {

using Nanoseconds = std::int64_t;

// Anyone may judge the file by its lines alone: these are the words in it.
enum class Verb : std::uint8_t { kPreempt, kAcquire, kRelease, kClose, kCheck, kVerify, kList };
enum class Result : std::uint8_t {
  kGranted,
  kHeld,        // of a preempt: by `owner` with `token`
  kNotGranted,  // of an acquire that did not get it in time: certainly nothing is left of it
  kReleased,
  kNotHolder,
  kClosed,
  kSeen,        // of a check or a list: `locks`
  kCurrent,     // of a verify
  kNotCurrent,  // of a verify: `token` is the one it is held with now, 0 if it is free
  kError,       // `error`, and whether it is `definite`
};
std::string_view to_string(Verb verb);
std::string_view to_string(Result result);

struct Answer {
  Nanoseconds returned = 0;
  Result result = Result::kError;
  std::string error;     // "unavailable", ...: the table of errors has them
  bool definite = true;  // of an error: it did not happen and never will
  std::uint64_t token = 0;
  std::string owner;                      // a client's UUID
  std::uint64_t index = 0;                // what the node that answered had applied
  std::uint64_t session = 0;              // the client's, after the answer
  std::optional<Nanoseconds> safe_until;  // of its lease, as the client knew it then; 0: over; none: TTL 0
  std::vector<locks::LockView> locks;     // without notes and wall times
};

struct Call {
  int client = 0;
  std::uint64_t number = 0;  // of this client's calls: 1, 2, ...
  Verb verb = Verb::kCheck;
  std::vector<std::string> names;  // of a list: the prefix
  locks::Mode mode = locks::Mode::kExclusive;
  std::uint32_t permits = 0;
  std::int64_t wait_ms = 0;       // of an acquire
  bool linearizable = false;      // of a read
  std::uint64_t asked_token = 0;  // of a verify
  std::string node;               // whom the client asks first
  Nanoseconds called = 0;
  std::optional<Answer> answer;  // none: the client died before it came

  // It may have happened, or may yet.
  bool is_indefinite() const { return !answer || (answer->result == Result::kError && !answer->definite); }
  bool is(Result result) const { return answer && answer->result == result; }
};

struct ClientInfo {
  int client = 0;
  std::string id;  // UUID
  std::uint32_t ttl_ms = 0;
};

// What the client was told of its lease: certain until, or lost.
struct LeaseNote {
  int client = 0;
  Nanoseconds at = 0;
  std::optional<Nanoseconds> safe_until;  // renewed
  std::string lost;                       // or why it was lost: "expired", "unreachable", ...
};

struct Fault {
  std::string kind;
  std::vector<std::string> targets;  // nodes, or client processes
  bool of_leader = false;            // the leader of that moment was cut off, stopped or killed
  std::string detail;
  Nanoseconds from = 0;
  Nanoseconds to = 0;
};

// The fault `behind` (faults.hpp): whether it lasted until all the others had cut what the node would have to read.
inline constexpr const char* kLogsWereCut = "until the others had cut their logs";
inline bool is_behind(const Fault& fault) { return fault.kind == "behind"; }
inline bool is_behind_to_its_end(const Fault& fault) { return is_behind(fault) && fault.detail == kLogsWereCut; }

// One entry of the log: a new leader's no-op, the limits of the state in entry 1, or a command.
struct Entry {
  std::uint64_t index = 0;
  std::uint64_t term = 0;
  std::variant<std::monostate, locks::StateLimits, locks::Command> body;
};

// What the run itself found wrong: a node that died, logs that differ, a cluster that does not serve again.
struct Finding {
  std::string rule;
  std::string text;
};

struct RunInfo {
  std::uint64_t seed = 0;
  std::size_t nodes = 0;
  std::size_t clients = 0;  // at one time
  int seconds = 0;
  std::vector<std::string> skipped;  // kinds of faults that this machine does not allow, with the reason
  Nanoseconds load_from = 0;
  Nanoseconds load_to = 0;
  std::uint64_t snapshots_installed = 0;  // by nodes that were too far behind, in place of their logs
};

struct History {
  RunInfo run;
  std::vector<ClientInfo> clients;
  std::vector<Call> calls;
  std::vector<LeaseNote> leases;
  std::vector<Fault> faults;
  std::vector<Entry> entries;  // from index 1 on without a gap; empty: the log is not known
  std::vector<Finding> findings;
};

// Each is one line, without its end.
std::string to_line(const RunInfo& run);
std::string to_line(const ClientInfo& client);
std::string to_line(const Call& call);
std::string to_line(const LeaseNote& lease);
std::string to_line(const Fault& fault);
std::string to_line(const Entry& entry);
std::string to_line(const Finding& finding);

// Adds what the file holds. Of two lines about one call the later one counts; a last line without an end, which a
// killed process leaves, is not looked at. Throws std::runtime_error with file and line if a line is wrong.
void read_into(History& history, const std::filesystem::path& file);
// Throws if it cannot be written.
void write(const History& history, const std::filesystem::path& file);

}  // namespace lockstep::torture
