// `watch`: the state at an index, then every change after it.
#include "protocol/wire/names.hpp"
#include "tools/lockstep/verbs.hpp"

namespace lockstep {
namespace {

// How long a node may hold an answer back: so long, at most, Ctrl-C is not heard.
constexpr Duration kPoll = std::chrono::milliseconds(500);

std::string grant_of(const locks::LockChange& change) {
  std::string text = change.name;
  if (change.mode != locks::Mode::kExclusive) text += " " + std::string(wire::to_string(change.mode));
  return text + " by " + to_string(change.owner) + " (token " + std::to_string(change.token.value()) + ")";
}

Report report_of_change(const locks::LockChange& change, std::string_view event) {
  Report report;
  report.json = {{"event", event},
                 {"index", change.index.value()},
                 {"name", change.name},
                 {"mode", wire::to_string(change.mode)},
                 {"owner", to_string(change.owner)},
                 {"token", change.token.value()}};
  return report;
}

Report report_of_lock(const locks::LockChange& change) {
  Report report = report_of_change(change, "state");
  report.text = "held " + grant_of(change);
  return report;
}

Report report_of_event(const locks::LockChange& change) {
  Report report = report_of_change(change, change.ended ? "ended" : "granted");
  report.text = std::to_string(change.index.value()) + " ";
  if (change.ended) {
    const std::string reason(wire::to_string(*change.ended));
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

class WatchVerb : public Verb {
 public:
  void add_arguments(CLI::App& command) override {
    command.add_option("PREFIX", prefix_, "Only locks whose names start with it");
    command.add_option("--from", from_, "Begin with the changes after this index")->type_name("INDEX");
  }
  std::string about() const override { return prefix_; }

  Report run(const VerbRun& run) override {
    json_ = run.global.json;
    WatchCursor cursor{LogIndex(from_)};
    while (!run.stop.stop_requested()) {
      const auto answer = run.client->watch(prefix_, cursor, kPoll, run.timeout);
      if (!answer) return run.stop.stop_requested() ? Report{} : report_of(prefix_, answer.error());
      if (!show(cursor, *answer)) break;  // nobody reads any more
      cursor = answer->next;
    }
    return {};
  }

 private:
  bool show(const WatchCursor& asked, const WatchAnswer& answer) {
    if (answer.reset && !tell_reset(asked, answer)) return false;
    for (const locks::LockChange& change : answer.changes) {
      // While the full state is not complete, what is still to come has this change in it.
      if (in_state_ && change.name > asked.after) continue;
      if (!print(report_of_event(change), json_)) return false;
    }
    for (const locks::LockChange& lock : answer.locks) {
      if (!print(report_of_lock(lock), json_)) return false;
    }
    if (!in_state_ || answer.more) return true;
    in_state_ = false;
    const LogIndex index = answer.next.from;
    return print(report_of_index("complete", index, "that is the state at " + std::to_string(index.value())), json_);
  }

  bool tell_reset(const WatchCursor& asked, const WatchAnswer& answer) {
    in_state_ = true;
    const LogIndex index = answer.next.from;
    std::string text = "the state at " + std::to_string(index.value());
    if (asked.from) text = "index " + std::to_string(asked.from.value()) + " is too long ago; " + text;
    Report report = report_of_index("reset", index, text);
    if (asked.from) report.json["too_old"] = asked.from.value();
    return print(report, json_);
  }

  std::string prefix_;
  std::uint64_t from_ = 0;
  bool json_ = false;
  bool in_state_ = false;  // the full state has begun and is not complete
};

}  // namespace

std::unique_ptr<Verb> make_watch() { return std::make_unique<WatchVerb>(); }

}  // namespace lockstep
