// How an outcome is shown and which exit code it has: the contract that scripts may rely on
// (docs/architecture.md, "Command line"), in one place.
//
// A result is a line on stdout. An error is on stderr, what is wrong and what to do about it, and with --json an object
// on stdout, like every other outcome. What others chose (names, notes, words of the command line) is shown to a
// person without control characters. Building a report has no effect; only print() writes.
#pragma once

#include <chrono>
#include <cstdint>
#include <iostream>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "lockstep/client.hpp"
#include "protocol/base/joined.hpp"

namespace lockstep {

// The contract that scripts may rely on (docs/architecture.md, "Command line").
enum ExitCode : int {
  kExitYes = 0,
  kExitNo = 1,
  kExitUsage = 2,
  kExitUnavailable = 3,
  kExitRefused = 4,
  kExitLost = 5
};

struct Report {
  int exit_code = kExitYes;
  nlohmann::ordered_json json;
  std::string text;         // without the line's end
  std::string advice = {};  // what to do about an error, or a refusal
  bool is_error = false;
  std::optional<Error> error = {};  // what it reports, if that came from the cluster or the library
};

// What several reports say in the same way.
void add_age(Report& report, const std::optional<std::chrono::milliseconds>& age);
std::string number_of(std::uint64_t count, const std::string& what);  // "1 lock", "3 locks"

// Writes one report, objects and results to `out`. False if that cannot be written to.
bool print(const Report& report, bool json, std::ostream& out = std::cout);
// The end of a command: prints what the report has to say, and returns its exit code.
int finish(const Report& report, bool json);

Report report_of(const std::string& name, const Expected<PreemptAnswer>& answer);
// `self` is the client that asked.
Report report_of(const std::vector<std::string>& names, const ClientId& self, const Expected<AcquireAnswer>& answer);
// `note` is of the holder, of a lock that was not released.
Report report_of(const std::string& name, const Expected<ReleaseAnswer>& answer, const std::string& note = {});
Report report_of(const std::string& name, const Expected<CheckResult>& answer);
Report report_of(const std::string& name, FencingToken token, const Expected<VerifyAnswer>& answer);
// `name` is what the error is about; empty if it is about no lock.
Report report_of(const std::string& name, const Error& error);
// None: the name is fine. So a bad one is told without asking a node.
std::optional<Report> report_of_bad_name(const std::string& name);
// None: every name is there once.
std::optional<Report> report_of_repeated_name(const std::vector<std::string>& names);
// What is wrong with the command line itself. `command` is whose --help shows how it is written: "lockstep run".
Report usage_report(const std::string& detail, const std::string& advice);
Report usage_report_of(const std::string& command, const std::string& detail);

// A force release, which somebody else may have come before.
Report report_of_forced(const std::string& name, const Expected<ReleaseAnswer>& answer);
// The end of another session.
Report report_of(SessionId session, const Expected<CloseAnswer>& answer);

// What a check adds for a person: every holder and waiter on a line of its own, or nothing if one holder is all.
std::string in_line(const LockInfo& lock);

// One line of a list.
Report report_of(const LockInfo& lock, LogIndex applied_index);
Report report_of(const SessionInfo& session, LogIndex applied_index);
Report report_of(const PastHold& event);

// A lock's name in a sentence: in quotes if there is a blank in it.
std::string shown(const std::string& name);
std::string shown(const std::vector<std::string>& names);
// "79d2... (alice@host pid 7)"; of a client with a note the start of its id will do at a terminal.
std::string who(const ClientId& client, const std::string& note);
// What a person is told while waiting in line.
std::string in_words(const LineProgress& progress);
// 2026-01-31T12:00:00.000Z (RFC 3339).
std::string format_time(WallTime time);

}  // namespace lockstep
