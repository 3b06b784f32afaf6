// The subcommands that a client asks a cluster with, in families: for the command line and for the shell.
//
// A subcommand has its arguments (as CLI11 reads them) and does one thing with a client; who makes that client, and
// whether it keeps a session, is not its business but that of who runs it.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "tools/lockstep/answers/report.hpp"
#include "tools/lockstep/options/command_line.hpp"

namespace lockstep {

// What a subcommand is run with.
struct SubcommandRun {
  Client* client = nullptr;  // none for Access::kAlone
  const GlobalOptions& global;
  Duration timeout{};    // without an answer from a quorum
  std::stop_token stop;  // of a subcommand that waits: somebody pressed Ctrl-C
};

// One use of a subcommand: its arguments, once they are read, and what it does.
class Subcommand {
 public:
  virtual ~Subcommand() = default;
  virtual void add_arguments(CLI::App& command) = 0;
  // What errors are about: a lock's name, or nothing.
  virtual std::string about() const { return {}; }
  // What is wrong with the arguments, told without asking a node.
  virtual std::optional<Report> refuse() const { return {}; }
  // Prints what comes in many lines by itself; the report is of how it ended.
  virtual Report run(const SubcommandRun& run) = 0;
};

enum class Access {
  kSession,  // it changes something, so it needs a session
  kReads,    // it only looks
  kAlone,    // it asks without a client of ours
};

struct SubcommandEntry {
  std::string_view name;  // two words are a command and its subcommand
  std::string_view summary;
  std::string_view examples;
  Access access;
  bool waits;  // it may take as long as it likes, and ends when it is asked to stop
  std::unique_ptr<Subcommand> (*make)();
  std::string_view alias = {};  // what people who know other tools type
};

// For an entry's `make`.
template <typename T>
std::unique_ptr<Subcommand> make() {
  return std::make_unique<T>();
}

// A subcommand stands in its family's file, with its help and its entry: what is added there is in both.
std::span<const SubcommandEntry> lock_subcommands();     // lock_commands.cpp
std::span<const SubcommandEntry> session_subcommands();  // lock_commands.cpp
std::span<const SubcommandEntry> read_subcommands();     // read_commands.cpp
std::span<const SubcommandEntry> watch_subcommands();    // watch_command.cpp
std::span<const SubcommandEntry> status_subcommands();   // status_command.cpp

// All of them, in the order in which --help shows them.
const std::vector<SubcommandEntry>& subcommands();

// Adds every subcommand to `app`. The one that is chosen there is handed to `choose`, with its arguments read.
using ChooseSubcommand = std::function<void(const SubcommandEntry&, std::shared_ptr<Subcommand>)>;
void add_subcommands(CLI::App& app, const ChooseSubcommand& choose);
// The same for the command line, where each use is a process of its own.
void add_one_shot_commands(CLI::App& app, CommandLine& line);

}  // namespace lockstep
