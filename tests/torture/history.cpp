#include "tests/torture/history.hpp"

#include <array>
#include <fstream>
#include <map>
#include <stdexcept>
#include <utility>

#include "protocol/base/overloaded.hpp"
#include "tests/torture/command_json.hpp"

namespace lockstep::torture {
namespace {

using nlohmann::json;

constexpr std::array kVerbs = {std::pair(Verb::kPreempt, "preempt"), std::pair(Verb::kAcquire, "acquire"),
                               std::pair(Verb::kRelease, "release"), std::pair(Verb::kClose, "close"),
                               std::pair(Verb::kCheck, "check"),     std::pair(Verb::kVerify, "verify"),
                               std::pair(Verb::kList, "list")};
constexpr std::array kResults = {std::pair(Result::kGranted, "granted"),
                                 std::pair(Result::kHeld, "held"),
                                 std::pair(Result::kNotGranted, "not_granted"),
                                 std::pair(Result::kReleased, "released"),
                                 std::pair(Result::kNotHolder, "not_holder"),
                                 std::pair(Result::kClosed, "closed"),
                                 std::pair(Result::kSeen, "seen"),
                                 std::pair(Result::kCurrent, "current"),
                                 std::pair(Result::kNotCurrent, "not_current"),
                                 std::pair(Result::kError, "error")};

template <typename Table, typename Value>
std::string_view name_in(const Table& table, Value value) {
  for (const auto& [each, name] : table) {
    if (each == value) return name;
  }
  return "unknown";
}

template <typename Table>
auto value_in(const Table& table, const std::string& name) {
  for (const auto& [value, each] : table) {
    if (name == each) return value;
  }
  throw std::runtime_error("an unknown word: " + name);
}

json optional_json(const std::optional<Nanoseconds>& time) { return time ? json(*time) : json(nullptr); }

std::optional<Nanoseconds> optional_time(const json& it, const char* key) {
  if (!it.contains(key) || it.at(key).is_null()) return std::nullopt;
  return it.at(key).get<Nanoseconds>();
}

json to_json(const locks::LockView& lock) {
  json holders = json::array();
  for (const auto& holder : lock.holders) {
    holders.push_back(
        {{"owner", to_string(holder.owner)}, {"session", holder.session.value()}, {"token", holder.token.value()}});
  }
  json waiters = json::array();
  for (const auto& waiter : lock.waiters) {
    waiters.push_back({{"client", to_string(waiter.client)},
                       {"session", waiter.session.value()},
                       {"waiter", waiter.waiter.value()},
                       {"mode", name_of(waiter.mode)}});
  }
  return {{"name", lock.name},
          {"mode", name_of(lock.mode)},
          {"permits", lock.permits},
          {"holders", std::move(holders)},
          {"waiters", std::move(waiters)}};
}

locks::LockView view_from(const json& it) {
  locks::LockView lock;
  lock.name = it.at("name");
  lock.mode = mode_from(it.at("mode"));
  lock.permits = it.at("permits");
  for (const json& holder : it.at("holders")) {
    lock.holders.push_back(
        {client_from(holder.at("owner")), SessionId(holder.at("session")), FencingToken(holder.at("token")), {}, {}});
  }
  for (const json& waiter : it.at("waiters")) {
    lock.waiters.push_back({client_from(waiter.at("client")),
                            SessionId(waiter.at("session")),
                            WaiterId(waiter.at("waiter")),
                            mode_from(waiter.at("mode")),
                            {},
                            {}});
  }
  lock.holder_count = lock.holders.size();
  lock.waiter_count = lock.waiters.size();
  return lock;
}

void add_answer(json& line, const Answer& answer) {
  line["returned_ns"] = answer.returned;
  line["result"] = to_string(answer.result);
  if (answer.result == Result::kError) {
    line["error"] = answer.error;
    line["definite"] = answer.definite;
  }
  if (answer.token != 0) line["token"] = answer.token;
  if (!answer.owner.empty()) line["owner"] = answer.owner;
  line["index"] = answer.index;
  line["session"] = answer.session;
  line["safe_until_ns"] = optional_json(answer.safe_until);
  if (answer.result != Result::kSeen) return;
  json locks = json::array();
  for (const auto& lock : answer.locks) locks.push_back(to_json(lock));
  line["locks"] = std::move(locks);
}

Answer answer_from(const json& it) {
  Answer answer;
  answer.returned = it.at("returned_ns");
  answer.result = value_in(kResults, it.at("result"));
  answer.error = it.value("error", "");
  answer.definite = it.value("definite", true);
  answer.token = it.value("token", std::uint64_t{0});
  answer.owner = it.value("owner", "");
  answer.index = it.at("index");
  answer.session = it.value("session", std::uint64_t{0});
  answer.safe_until = optional_time(it, "safe_until_ns");
  if (it.contains("locks")) {
    for (const json& lock : it.at("locks")) answer.locks.push_back(view_from(lock));
  }
  return answer;
}

Call call_from(const json& it) {
  Call call;
  call.client = it.at("client");
  call.number = it.at("number");
  call.verb = value_in(kVerbs, it.at("verb"));
  call.names = it.at("names").get<std::vector<std::string>>();
  if (it.contains("mode")) call.mode = mode_from(it.at("mode"));
  call.permits = it.value("permits", 0U);
  call.wait_ms = it.value("wait_ms", std::int64_t{0});
  call.linearizable = it.value("linearizable", false);
  call.asked_token = it.value("asked_token", std::uint64_t{0});
  call.node = it.value("node", "");
  call.called = it.at("called_ns");
  if (!it.at("returned_ns").is_null()) call.answer = answer_from(it);
  return call;
}

Entry entry_from(const json& it) {
  Entry entry{it.at("index"), it.at("term"), {}};
  const std::string command = it.at("command");
  if (command == "form") {
    const json& limits = it.at("limits");
    entry.body = locks::StateLimits{limits.at("locks"), limits.at("sessions"), limits.at("locks_per_session"),
                                    limits.at("waiters_per_lock")};
  } else if (command != "noop") {
    entry.body = command_from(it);
  }
  return entry;
}

// Where the lines of one file go.
class Reader {
 public:
  explicit Reader(History& history) : history_(history) {
    for (std::size_t i = 0; i < history.calls.size(); ++i) place_of(history.calls[i]) = i + 1;
  }

  void take(const json& it) {
    const std::string type = it.at("type");
    if (type == "call") return take_call(call_from(it));
    if (type == "lease") {
      history_.leases.push_back(
          {it.at("client"), it.at("at_ns"), optional_time(it, "safe_until_ns"), it.value("lost", "")});
    } else if (type == "client") {
      history_.clients.push_back({it.at("client"), it.at("id"), it.at("ttl_ms")});
    } else if (type == "fault") {
      history_.faults.push_back({it.at("kind"), it.at("targets").get<std::vector<std::string>>(), it.at("of_leader"),
                                 it.value("detail", ""), it.at("from_ns"), it.at("to_ns")});
    } else if (type == "entry") {
      history_.entries.push_back(entry_from(it));
    } else if (type == "finding") {
      history_.findings.push_back({it.at("rule"), it.at("text")});
    } else if (type == "run") {
      history_.run = {
          it.at("seed"),    it.at("nodes"),        it.at("clients"),    it.at("seconds"),
          it.at("skipped"), it.at("load_from_ns"), it.at("load_to_ns"), it.value("snapshots_installed", 0U)};
    } else {
      throw std::runtime_error("an unknown type: " + type);
    }
  }

 private:
  std::size_t& place_of(const Call& call) { return places_[{call.client, call.number}]; }

  void take_call(Call call) {
    std::size_t& place = place_of(call);
    if (place != 0) {
      history_.calls[place - 1] = std::move(call);
    } else {
      history_.calls.push_back(std::move(call));
      place = history_.calls.size();
    }
  }

  History& history_;
  std::map<std::pair<int, std::uint64_t>, std::size_t> places_;  // plus one; 0: not known
};

}  // namespace

std::string_view to_string(Verb verb) { return name_in(kVerbs, verb); }
std::string_view to_string(Result result) { return name_in(kResults, result); }

std::string to_line(const RunInfo& run) {
  return json{{"type", "run"},
              {"clock", "CLOCK_BOOTTIME"},
              {"seed", run.seed},
              {"nodes", run.nodes},
              {"clients", run.clients},
              {"seconds", run.seconds},
              {"skipped", run.skipped},
              {"load_from_ns", run.load_from},
              {"load_to_ns", run.load_to},
              {"snapshots_installed", run.snapshots_installed}}
      .dump();
}

std::string to_line(const ClientInfo& client) {
  return json{{"type", "client"}, {"client", client.client}, {"id", client.id}, {"ttl_ms", client.ttl_ms}}.dump();
}

std::string to_line(const Call& call) {
  json line{{"type", "call"},      {"client", call.client}, {"number", call.number},    {"verb", to_string(call.verb)},
            {"names", call.names}, {"node", call.node},     {"called_ns", call.called}, {"returned_ns", nullptr}};
  const bool is_read = call.verb == Verb::kCheck || call.verb == Verb::kVerify || call.verb == Verb::kList;
  if (is_read) line["linearizable"] = call.linearizable;
  if (call.verb == Verb::kVerify) line["asked_token"] = call.asked_token;
  if (call.verb == Verb::kAcquire) {
    line["mode"] = name_of(call.mode);
    line["permits"] = call.permits;
    line["wait_ms"] = call.wait_ms;
  }
  if (call.answer) add_answer(line, *call.answer);
  return line.dump();
}

std::string to_line(const LeaseNote& lease) {
  json line{{"type", "lease"}, {"client", lease.client}, {"at_ns", lease.at}};
  if (lease.safe_until) line["safe_until_ns"] = *lease.safe_until;
  if (!lease.lost.empty()) line["lost"] = lease.lost;
  return line.dump();
}

std::string to_line(const Fault& fault) {
  return json{
      {"type", "fault"},        {"kind", fault.kind},    {"targets", fault.targets}, {"of_leader", fault.of_leader},
      {"detail", fault.detail}, {"from_ns", fault.from}, {"to_ns", fault.to}}
      .dump();
}

std::string to_line(const Entry& entry) {
  json line = std::visit(Overloaded{[](const std::monostate&) {
                                      return json{{"command", "noop"}};
                                    },
                                    [](const locks::StateLimits& limits) {
                                      return json{{"command", "form"},
                                                  {"limits",
                                                   {{"locks", limits.locks},
                                                    {"sessions", limits.sessions},
                                                    {"locks_per_session", limits.locks_per_session},
                                                    {"waiters_per_lock", limits.waiters_per_lock}}}};
                                    },
                                    [](const locks::Command& command) { return torture::to_json(command); }},
                         entry.body);
  line["type"] = "entry";
  line["index"] = entry.index;
  line["term"] = entry.term;
  return line.dump();
}

std::string to_line(const Finding& finding) {
  return json{{"type", "finding"}, {"rule", finding.rule}, {"text", finding.text}}.dump();
}

void read_into(History& history, const std::filesystem::path& file) {
  std::ifstream lines(file);
  if (!lines) throw std::runtime_error("cannot read " + file.string());
  Reader reader(history);
  std::string line;
  for (std::size_t number = 1; std::getline(lines, line) && !lines.eof(); ++number) {
    try {
      reader.take(json::parse(line));
    } catch (const std::exception& error) {
      throw std::runtime_error(file.string() + ":" + std::to_string(number) + ": " + error.what());
    }
  }
}

void write(const History& history, const std::filesystem::path& file) {
  std::ofstream lines(file);
  lines << to_line(history.run) << '\n';
  const auto all = [&](const auto& values) {
    for (const auto& value : values) lines << to_line(value) << '\n';
  };
  all(history.findings);
  all(history.clients);
  all(history.faults);
  all(history.calls);
  all(history.leases);
  all(history.entries);
  lines.close();
  if (!lines) throw std::runtime_error("cannot write " + file.string());
}

}  // namespace lockstep::torture
