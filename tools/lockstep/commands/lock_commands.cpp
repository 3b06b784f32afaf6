// The subcommands that take and give back locks, and end sessions.
#include <algorithm>
#include <csignal>
#include <iostream>

#include "tools/lockstep/commands/commands.hpp"
#include "tools/lockstep/commands/lock_terms.hpp"
#include "tools/lockstep/options/command_line.hpp"

namespace lockstep {
namespace {

constexpr int kInterrupted = 128 + SIGINT;

class PreemptSubcommand : public Subcommand {
 public:
  void add_arguments(CLI::App& command) override {
    command.add_option("NAME", name_, "The lock's name: 1 to 255 bytes of UTF-8")->required();
  }
  std::string about() const override { return name_; }
  std::optional<Report> refuse() const override { return report_of_bad_name(name_); }
  Report run(const SubcommandRun& run) override { return report_of(name_, run.client->preempt(name_, run.timeout)); }

 private:
  std::string name_;
};

class AcquireSubcommand : public Subcommand {
 public:
  void add_arguments(CLI::App& command) override { terms_.add_arguments(command); }
  std::string about() const override { return joined(terms_.names()); }
  std::optional<Report> refuse() const override { return terms_.refuse(); }

  Report run(const SubcommandRun& run) override {
    AcquireOptions options = terms_.options();
    options.timeout = run.timeout;
    options.stop = run.stop;
    options.on_progress = tell_progress;
    const auto answer = run.client->acquire(terms_.names(), options);
    if (!run.stop.stop_requested() || !answer) return report_of(terms_.names(), run.client->client_id(), answer);
    return give_back(run, *answer);
  }

 private:
  // It was granted while it was being cancelled, perhaps: then nobody knows of it.
  Report give_back(const SubcommandRun& run, const AcquireAnswer& answer) {
    for (const std::string& name : answer.names) {
      if (!answer.granted) break;
      const auto released = run.client->release(name, run.timeout);
      if (!released) return report_of(name, released.error());
    }
    Report report;
    report.exit_code = kInterrupted;
    report.json["names"] = answer.names;
    report.json["result"] = "cancelled";
    report.text = "cancelled " + about();
    return report;
  }

  LockTerms terms_;
};

class ReleaseSubcommand : public Subcommand {
 public:
  void add_arguments(CLI::App& command) override {
    command.add_option("NAME", name_, "The lock's name")->required();
    auto* force = command.add_flag("--force", force_, "Take it from whoever holds it");
    command.add_option("--why", why_, "A reason for the history, at most 256 bytes")->type_name("TEXT")->needs(force);
  }
  std::string about() const override { return name_; }
  std::optional<Report> refuse() const override { return report_of_bad_name(name_); }
  Report run(const SubcommandRun& run) override {
    if (force_) return report_of_forced(name_, run.client->force_release(name_, why_, run.timeout));
    return report_of(name_, run.client->release(name_, run.timeout));
  }

 private:
  std::string name_;
  bool force_ = false;
  std::string why_;
};

class SessionCloseSubcommand : public Subcommand {
 public:
  void add_arguments(CLI::App& command) override {
    command.add_option("ID", session_, "The session, as `lockstep sessions` shows it")
        ->required()
        ->transform(an_ordinal());
    command.add_option("--why", why_, "A reason for the history, at most 256 bytes")->type_name("TEXT");
  }
  Report run(const SubcommandRun& run) override {
    const SessionId session(session_);
    return report_of(session, run.client->close_session(session, why_, run.timeout));
  }

 private:
  std::uint64_t session_ = 0;
  std::string why_;
};

}  // namespace

std::unique_ptr<Subcommand> make_preempt() { return std::make_unique<PreemptSubcommand>(); }
std::unique_ptr<Subcommand> make_acquire() { return std::make_unique<AcquireSubcommand>(); }
std::unique_ptr<Subcommand> make_release() { return std::make_unique<ReleaseSubcommand>(); }
std::unique_ptr<Subcommand> make_session_close() { return std::make_unique<SessionCloseSubcommand>(); }

}  // namespace lockstep
