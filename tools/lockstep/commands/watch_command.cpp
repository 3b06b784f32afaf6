// `watch`: the state at an index, then every change after it.
#include <array>
#include <iostream>

#include "tools/lockstep/answers/watch_lines.hpp"
#include "tools/lockstep/commands/commands.hpp"
#include "tools/lockstep/commands/stop_on_signal.hpp"
#include "tools/lockstep/options/command_line.hpp"

namespace lockstep {
namespace {

// How long a node may hold an answer back: so long, at most, Ctrl-C is not heard.
constexpr Duration kPoll = std::chrono::milliseconds(500);

constexpr std::string_view kWatchHelp = R"(
First the state at an index, then every change after it, in order and without a gap, whichever node answers. With
--from INDEX it begins with the changes after that index; if that is too long ago, with the full state again, and
says so. If the log has not come to that index yet, it says so on stderr, and waits for it. Ends with Ctrl-C, exit 0;
exit 3 if no node answers in time.
With --json each line is an object whose "event" is reset (the state begins), state (a lock of it), complete
(that was all of it), granted or ended.

Examples:
  lockstep watch
  lockstep watch backups/
  lockstep --json watch backups/ --from 4711)";

class WatchSubcommand : public Subcommand {
 public:
  void add_arguments(CLI::App& command) override {
    command.add_option("PREFIX", prefix_, "Only locks whose names start with it");
    command.add_option("--from", from_, "Begin with the changes after this index")
        ->type_name("INDEX")
        ->transform(an_ordinal());
  }
  std::string about() const override { return prefix_; }

  Report run(const SubcommandRun& run) override {
    if (auto ended = wait_for_index(run)) return *std::move(ended);
    WatchCursor cursor{LogIndex(from_)};
    while (!run.stop.stop_requested()) {
      const auto answer = run.client->watch(prefix_, cursor, kPoll, run.timeout);
      if (!answer) return run.stop.stop_requested() ? Report{} : report_of(prefix_, answer.error());
      for (const Report& line : lines_.of(cursor, *answer)) {
        if (!print(line, run.global.json)) return {};  // nobody reads any more
      }
      cursor = answer->next;
    }
    return {};
  }

 private:
  // A node would keep silent about an index that does not exist yet, so until it does its status is asked. Nothing: go
  // on.
  std::optional<Report> wait_for_index(const SubcommandRun& run) const {
    bool is_told = false;
    while (from_ != 0 && !run.stop.stop_requested()) {
      const auto status = run.client->status(run.timeout);
      if (!status) return report_of(prefix_, status.error());
      const LogIndex newest = status->applied_index;
      if (newest >= LogIndex(from_)) return std::nullopt;
      if (!is_told)
        std::cerr << "lockstep: waiting for entry " << from_ << "; the newest is " << newest.value() << '\n';
      is_told = true;
      pause(run.stop, kPoll);
    }
    return std::nullopt;
  }

  std::string prefix_;
  std::uint64_t from_ = 0;
  WatchLines lines_;
};

constexpr std::array kWatchSubcommands{
    SubcommandEntry{"watch", "Show what changes, as it happens", kWatchHelp, Access::kReads, true,
                    make<WatchSubcommand>},
};

}  // namespace

std::span<const SubcommandEntry> watch_subcommands() { return kWatchSubcommands; }

}  // namespace lockstep
