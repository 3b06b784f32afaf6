#include "tools/lockstep/report.hpp"

#include <array>
#include <cstdio>
#include <ctime>
#include <iostream>

#include "nodes/text/duration.hpp"
#include "protocol/wire/codec.hpp"

namespace lockstep {
namespace {

using Json = nlohmann::ordered_json;

std::string in_brackets(FencingToken token, const std::optional<WallTime>& since) {
  std::string text = " (token " + std::to_string(token.value());
  if (since) text += ", since " + format_time(*since);
  return text + ")";
}

// Errors of this machine have no row in the cluster's table of errors.
int exit_code_of(const Error& error) {
  if (error.code) return error_info(*error.code).exit_code;
  return error.name == "client_id_in_use" ? kExitUnavailable : kExitUsage;
}

}  // namespace

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

bool print(const Report& report, bool json) {
  if (json) {
    std::cout << report.json.dump(-1, ' ', false, Json::error_handler_t::replace) << '\n';
  } else if (!report.is_error) {
    std::cout << report.text << '\n';
  } else {
    std::cerr << "lockstep: " << report.text << '\n';
    if (!report.advice.empty()) std::cerr << "  to do: " << report.advice << '\n';
  }
  std::cout.flush();
  return std::cout.good();
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
  report.json["error"] = error.name;
  report.json["definite"] = error.definite;
  report.json["detail"] = error.detail;
  if (error.current_session) report.json["current_session"] = error.current_session.value();
  report.text = (name.empty() ? "" : name + ": ") + error.name + ": " + error.detail;
  if (error.code) report.advice = error_info(*error.code).way_out;
  return report;
}

std::optional<Report> report_of_bad_name(const std::string& name) {
  const std::string problem = wire::problem_with_lock_name(name);
  if (problem.empty()) return std::nullopt;
  return report_of(name, Error{ErrorCode::kInvalidName, std::string(error_info(ErrorCode::kInvalidName).name), true,
                               "the name " + problem, SessionId()});
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
  report.json["applied_index"] = answer->applied_index.value();
  report.text = answer->granted ? "granted " + name : "held " + name + " by " + to_string(answer->owner);
  report.text += in_brackets(answer->token, answer->since);
  return report;
}

Report report_of(const std::string& name, const Expected<ReleaseAnswer>& answer) {
  if (!answer) return report_of(name, answer.error());
  Report report;
  report.exit_code = answer->released ? kExitYes : kExitNo;
  report.json["name"] = name;
  report.json["result"] = answer->released ? "released" : "not_holder";
  if (answer->owner) report.json["owner"] = to_string(*answer->owner);
  report.json["applied_index"] = answer->applied_index.value();
  if (answer->released) {
    report.text = "released " + name;
  } else {
    report.text = "not_holder " + name + (answer->owner ? " (held by " + to_string(*answer->owner) + ")" : " (free)");
  }
  return report;
}

Report report_of(const std::string& name, const Expected<CheckAnswer>& answer) {
  if (!answer) return report_of(name, answer.error());
  Report report;
  if (answer->lock) {
    report = report_of(*answer->lock, answer->applied_index);
  } else {
    report.exit_code = kExitNo;
    report.json["name"] = name;
    report.json["result"] = "free";
    report.json["applied_index"] = answer->applied_index.value();
    report.text = "free " + name;
  }
  if (answer->age) {
    report.json["age_ms"] = answer->age->count();
    report.text += ", as of " + format_duration(*answer->age) + " ago";
  }
  return report;
}

Report report_of(const locks::LockView& lock, LogIndex applied_index) {
  Report report;
  report.json["name"] = lock.name;
  report.json["result"] = "held";
  report.json["owner"] = to_string(lock.owner);
  report.json["token"] = lock.token.value();
  report.json["since"] = format_time(lock.since);
  report.json["applied_index"] = applied_index.value();
  report.text = "held " + lock.name + " by " + to_string(lock.owner) + in_brackets(lock.token, lock.since);
  return report;
}

}  // namespace lockstep
