// `watch`: the state at an index, then every change after it.
#include "tools/lockstep/answers/watch_lines.hpp"
#include "tools/lockstep/commands/commands.hpp"
#include "tools/lockstep/options/command_line.hpp"

namespace lockstep {
namespace {

// How long a node may hold an answer back: so long, at most, Ctrl-C is not heard.
constexpr Duration kPoll = std::chrono::milliseconds(500);

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
  std::string prefix_;
  std::uint64_t from_ = 0;
  WatchLines lines_;
};

}  // namespace

std::unique_ptr<Subcommand> make_watch() { return std::make_unique<WatchSubcommand>(); }

}  // namespace lockstep
