// What operations and errors are shown as.
#include "tools/lockstep/answers/report.hpp"

#include <array>
#include <cstdio>
#include <ctime>
#include <set>

#include "nodes/text/printable.hpp"
#include "protocol/base/duration_words.hpp"
#include "protocol/wire/codec.hpp"
#include "protocol/wire/field_rules.hpp"
#include "tools/lockstep/answers/table.hpp"

namespace lockstep {
namespace {

using Json = nlohmann::ordered_json;

std::string in_brackets(FencingToken token, const std::optional<WallTime>& since) {
  std::string text = " (token " + std::to_string(token.value());
  if (since) text += ", since " + format_time(*since);
  return text + ")";
}

// Errors of this machine, or of the library, have no row in the cluster's table of errors.
int exit_code_of(const Error& error) {
  if (const auto* code = std::get_if<ErrorCode>(&error.kind)) return error_info(*code).exit_code;
  if (error.is(LocalError::kNotGranted)) return kExitNo;
  return error.is(LocalError::kClientIdInUse) ? kExitUnavailable : kExitUsage;
}

// The table's is for who speaks the protocol; here request numbers are our own business.
std::string_view advice_for(ErrorCode code) {
  switch (code) {
    case ErrorCode::kUnavailable:
      return "`lockstep status` shows which nodes answer; then repeat the command, which does not run twice";
    case ErrorCode::kAlreadyHeld:
      return "release it first. Commands of one user on one machine are one client, in every shell; `lockstep run`, "
             "`lockstep shell` and --client-id make others";
    default: return error_info(code).way_out;
  }
}

void add_names(Json& json, const std::vector<std::string>& names) {
  if (names.size() == 1) json["name"] = names.front();
  json["names"] = names;
}

}  // namespace

void add_age(Report& report, const std::optional<std::chrono::milliseconds>& age) {
  if (!age) return;
  report.json["age_ms"] = age->count();
  report.text += ", as of " + in_words(*age) + " ago";
}

std::string format_time(WallTime time) {
  const auto ms = time.time_since_epoch().count();
  const std::time_t seconds = ms / 1000;
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  std::array<char, 32> day{};
  std::array<char, 48> text{};
  std::strftime(day.data(), day.size(), "%Y-%m-%dT%H:%M:%S", &utc);
  std::snprintf(text.data(), text.size(), "%s.%03dZ", day.data(), static_cast<int>(ms % 1000));
  return text.data();
}

bool print(const Report& report, bool json, std::ostream& out) {
  if (json) {
    out << report.json.dump(-1, ' ', false, Json::error_handler_t::replace) << '\n';
  } else if (!report.is_error) {
    out << report.text << '\n';
  } else {
    std::cerr << "lockstep: " << printable(report.text, kShownLine) << '\n';
  }
  if (!json && !report.advice.empty()) std::cerr << "  to do: " << report.advice << '\n';
  out.flush();
  return out.good();
}

int finish(const Report& report, bool json) {
  if (!report.json.is_null()) print(report, json);
  return report.exit_code;
}

Report report_of(const std::string& name, const Error& error) {
  Report report;
  report.exit_code = exit_code_of(error);
  report.is_error = true;
  if (!name.empty()) report.json["name"] = name;
  report.json["error"] = error.name();
  report.json["definite"] = error.definite;
  report.json["detail"] = error.detail;
  if (error.current_session) report.json["current_session"] = error.current_session.value();
  report.text = (name.empty() ? "" : printable(name, kShownWord) + ": ") + error.name() + ": " + error.detail;
  if (const auto* code = std::get_if<ErrorCode>(&error.kind)) report.advice = advice_for(*code);
  report.error = error;
  return report;
}

std::optional<Report> report_of_bad_name(const std::string& name) {
  const std::string detail = wire::validate_lock_name(name);
  if (detail.empty()) return std::nullopt;
  return report_of(name, Error{ErrorCode::kInvalidName, true, "the name " + detail, SessionId()});
}

std::optional<Report> report_of_repeated_name(const std::vector<std::string>& names) {
  if (std::set(names.begin(), names.end()).size() == names.size()) return std::nullopt;
  return usage_report("a name was given twice", "name each lock once");
}

Report usage_report(const std::string& detail, const std::string& advice) {
  Report report;
  report.exit_code = kExitUsage;
  report.is_error = true;
  report.json = {{"error", "usage"}, {"definite", true}, {"detail", detail}};
  report.text = detail;
  report.advice = advice;
  return report;
}

Report usage_report_of(const std::string& command, const std::string& detail) {
  return usage_report(detail, "`" + command + " --help` shows how it is written");
}

Report report_of(const std::string& name, const Expected<PreemptAnswer>& answer) {
  if (!answer) return report_of(name, answer.error());
  Report report;
  report.exit_code = answer->granted ? kExitYes : kExitNo;
  report.json["name"] = name;
  report.json["result"] = answer->granted ? "granted" : "held";
  report.json["owner"] = to_string(answer->owner);
  report.json["token"] = answer->token.value();
  if (answer->since) report.json["since"] = format_time(*answer->since);
  if (!answer->note.empty()) report.json["note"] = answer->note;
  report.json["applied_index"] = answer->applied_index.value();
  report.text =
      answer->granted ? "granted " + shown(name) : "held " + shown(name) + " by " + who(answer->owner, answer->note);
  report.text += in_brackets(answer->token, answer->since);
  return report;
}

Report report_of(const std::vector<std::string>& names, const ClientId& self, const Expected<AcquireAnswer>& answer) {
  if (!answer) return report_of(joined(names), answer.error());
  const bool is_held = answer->held_by && answer->held_by->token;
  Report report;
  report.exit_code = answer->granted ? kExitYes : kExitNo;
  add_names(report.json, answer->names);
  const std::string result = answer->granted ? "granted" : is_held ? "held" : "waited_for";
  report.json["result"] = result;
  report.text = result + " " + shown(answer->names);
  if (answer->granted) {
    report.json["owner"] = to_string(self);
    report.json["token"] = answer->token.value();
    report.text += in_brackets(answer->token, std::nullopt);
  } else if (is_held) {
    const Blocker& held = *answer->held_by;
    report.json["held_name"] = held.name;
    report.json["owner"] = to_string(held.owner);
    report.json["token"] = held.token.value();
    report.json["since"] = format_time(held.since);
    report.json["note"] = held.note;
    report.text =
        "held " + shown(held.name) + " by " + who(held.owner, held.note) + in_brackets(held.token, held.since);
  }
  if (!answer->granted && answer->position != 0) report.json["position"] = answer->position;
  report.json["applied_index"] = answer->applied_index.value();
  return report;
}

Report report_of(const std::string& name, const Expected<ReleaseAnswer>& answer, const std::string& note) {
  if (!answer) return report_of(name, answer.error());
  Report report;
  report.exit_code = answer->released ? kExitYes : kExitNo;
  report.json["name"] = name;
  report.json["result"] = answer->released ? "released" : "not_holder";
  if (answer->owner) report.json["owner"] = to_string(*answer->owner);
  if (!note.empty()) report.json["note"] = note;
  report.json["applied_index"] = answer->applied_index.value();
  if (answer->released) {
    report.text = "released " + shown(name);
  } else {
    report.text =
        "not_holder " + shown(name) + (answer->owner ? " (held by " + who(*answer->owner, note) + ")" : " (free)");
    if (answer->owner) report.advice = "release it as its holder, or with --force if that one is gone";
  }
  return report;
}

Report report_of_forced(const std::string& name, const Expected<ReleaseAnswer>& answer) {
  if (!answer || answer->released) return report_of(name, answer);
  Report report = report_of(name, answer);
  report.json["result"] = "free";
  report.text = "free " + shown(name);
  report.advice.clear();
  return report;
}

Report report_of(SessionId session, const Expected<CloseAnswer>& answer) {
  const std::string id = std::to_string(session.value());
  if (!answer) return report_of("session " + id, answer.error());
  Report report;
  report.json["session"] = session.value();
  report.json["result"] = "closed";
  report.json["applied_index"] = answer->applied_index.value();
  report.text = "closed session " + id;
  return report;
}

Report report_of(const std::string& name, const Expected<CheckResult>& answer) {
  if (!answer) return report_of(name, answer.error());
  Report report;
  if (answer->lock) {
    report = report_of(*answer->lock, answer->applied_index);
  } else {
    report.exit_code = kExitNo;
    report.json["name"] = name;
    report.json["result"] = "free";
    report.json["applied_index"] = answer->applied_index.value();
    report.text = "free " + shown(name);
  }
  add_age(report, answer->age);
  if (answer->lock) report.text += in_line(*answer->lock);
  return report;
}

Report report_of(const std::string& name, FencingToken token, const Expected<VerifyAnswer>& answer) {
  if (!answer) return report_of(name, answer.error());
  Report report;
  report.exit_code = answer->current ? kExitYes : kExitNo;
  report.json["name"] = name;
  report.json["result"] = answer->current ? "current" : "stale";
  report.json["token"] = token.value();
  if (answer->newest) report.json["newest"] = answer->newest->value();
  report.json["applied_index"] = answer->applied_index.value();
  report.text = (answer->current ? "current " : "stale ") + shown(name) + " (token " + std::to_string(token.value());
  if (!answer->current) {
    report.text += answer->newest ? "; it is held with " + std::to_string(answer->newest->value()) : "; it is free";
  }
  report.text += ")";
  add_age(report, answer->age);
  return report;
}

std::string shown(const std::string& name) { return name.find(' ') == std::string::npos ? name : '"' + name + '"'; }

std::string shown(const std::vector<std::string>& names) {
  return joined(names, [](const std::string& name) { return shown(name); });
}

std::string who(const ClientId& client, const std::string& note) {
  std::string id = to_string(client);
  if (note.empty()) return id;
  return (is_at_terminal() ? id.substr(0, kShortId) : id) + " (" + printable(note, kShownLine) + ")";
}

std::string in_words(const LineProgress& progress) {
  std::string text = "waiting for " + (progress.by.name.empty() ? "the lock" : shown(progress.by.name));
  text += progress.by.token
              ? ", held by " + who(progress.by.owner, progress.by.note) + " since " + format_time(progress.by.since)
              : ", held by nobody; others are first";
  return text + "; position " + std::to_string(progress.position) + " in line";
}

}  // namespace lockstep
