// The verbs that a client asks a cluster with: one table, for the command line and for the shell.
//
// A verb has its arguments (as CLI11 reads them) and does one thing with a client; who makes that client, and
// whether it keeps a session, is not its business but that of who runs it.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>

#include "tools/lockstep/command_line.hpp"
#include "tools/lockstep/report.hpp"

namespace lockstep {

// What a verb is run with.
struct VerbRun {
  Client* client = nullptr;  // none for Access::kAlone
  const GlobalOptions& global;
  Duration timeout{};    // without an answer from a quorum
  std::stop_token stop;  // of a verb that waits: somebody pressed Ctrl-C
};

// One use of a verb: its arguments, once they are read, and what it does.
class Verb {
 public:
  virtual ~Verb() = default;
  virtual void add_arguments(CLI::App& command) = 0;
  // What errors are about: a lock's name, or nothing.
  virtual std::string about() const { return {}; }
  // What is wrong with the arguments, told without asking a node.
  virtual std::optional<Report> refuse() const { return {}; }
  // Prints what comes in many lines by itself; the report is of how it ended.
  virtual Report run(const VerbRun& run) = 0;
};

enum class Access {
  kSession,  // it changes something, so it needs a session
  kReads,    // it only looks
  kAlone,    // it asks without a client of ours
};

struct VerbEntry {
  std::string_view name;  // two words are a command and its subcommand
  std::string_view summary;
  std::string_view examples;
  Access access;
  bool waits;  // it may take as long as it likes, and ends when it is asked to stop
  std::unique_ptr<Verb> (*make)();
};

// In the order in which --help shows them.
std::span<const VerbEntry> verbs();

// Adds every verb to `app`. The one that is chosen there is handed to `choose`, with its arguments read.
using ChooseVerb = std::function<void(const VerbEntry&, std::shared_ptr<Verb>)>;
void add_verbs(CLI::App& app, const ChooseVerb& choose);
// The same for the command line, where each use is a process of its own.
void add_one_shot_verbs(CLI::App& app, CommandLine& line);

std::unique_ptr<Verb> make_preempt();
std::unique_ptr<Verb> make_acquire();
std::unique_ptr<Verb> make_release();
std::unique_ptr<Verb> make_check();
std::unique_ptr<Verb> make_verify();
std::unique_ptr<Verb> make_list();
std::unique_ptr<Verb> make_watch();
std::unique_ptr<Verb> make_history();
std::unique_ptr<Verb> make_sessions();
std::unique_ptr<Verb> make_session_close();
std::unique_ptr<Verb> make_status();

}  // namespace lockstep
