// The subcommands that only look: at one lock, at many, at what was.
#include "tools/lockstep/commands/commands.hpp"
#include "tools/lockstep/options/command_line.hpp"

namespace lockstep {
namespace {

class CheckSubcommand : public Subcommand {
 public:
  void add_arguments(CLI::App& command) override {
    command.add_option("NAME", name_, "The lock's name")->required();
    command.add_flag("--linearizable", linearizable_, "Reflect all that was answered before this command");
  }
  std::string about() const override { return name_; }
  std::optional<Report> refuse() const override { return report_of_bad_name(name_); }
  Report run(const SubcommandRun& run) override {
    const auto mode = linearizable_ ? ReadMode::kLinearizable : ReadMode::kLocal;
    return report_of(name_, run.client->check(name_, mode, run.timeout));
  }

 private:
  std::string name_;
  bool linearizable_ = false;
};

class VerifySubcommand : public Subcommand {
 public:
  void add_arguments(CLI::App& command) override {
    command.add_option("NAME", name_, "The lock's name")->required();
    command.add_option("TOKEN", token_, "The fencing token of the grant")->required()->transform(an_ordinal());
    command.add_flag("--local", local_, "From the map of the node that answers, which may be a moment old");
  }
  std::string about() const override { return name_; }
  std::optional<Report> refuse() const override { return report_of_bad_name(name_); }
  Report run(const SubcommandRun& run) override {
    const auto mode = local_ ? ReadMode::kLocal : ReadMode::kLinearizable;
    const FencingToken token(token_);
    return report_of(name_, token, run.client->verify(name_, token, mode, run.timeout));
  }

 private:
  std::string name_;
  std::uint64_t token_ = 0;
  bool local_ = false;
};

class ListSubcommand : public Subcommand {
 public:
  void add_arguments(CLI::App& command) override {
    command.add_option("PREFIX", prefix_, "Only those whose names start with it");
  }
  std::string about() const override { return prefix_; }
  Report run(const SubcommandRun& run) override {
    std::string after;
    for (;;) {
      const auto page = run.client->list(prefix_, after, kMaxPage, ReadMode::kLocal, run.timeout);
      if (!page) return report_of(prefix_, page.error());
      for (const LockInfo& lock : page->locks) {
        if (!print(report_of(lock, page->applied_index), run.global.json)) return {};  // nobody reads any more
      }
      if (!page->more || page->locks.empty()) return {};
      after = page->locks.back().name;
    }
  }

 private:
  std::string prefix_;
};

class HistorySubcommand : public Subcommand {
 public:
  void add_arguments(CLI::App& command) override { command.add_option("NAME", name_, "Only this lock's"); }
  std::string about() const override { return name_; }
  std::optional<Report> refuse() const override {
    return name_.empty() ? std::nullopt : report_of_bad_name(name_);  // none: all of them
  }
  Report run(const SubcommandRun& run) override {
    std::uint64_t after = 0;
    for (;;) {
      const auto page = run.client->history(name_, after, kMaxPage, run.timeout);
      if (!page) return report_of(name_, page.error());
      for (const PastHold& event : page->events) {
        if (!print(report_of(event), run.global.json)) return {};
      }
      if (!page->more || page->events.empty()) return {};
      after = page->events.back().position;
    }
  }

 private:
  std::string name_;
};

class SessionsSubcommand : public Subcommand {
 public:
  void add_arguments(CLI::App&) override {}
  Report run(const SubcommandRun& run) override {
    SessionId after;
    for (;;) {
      const auto page = run.client->sessions(after, kMaxPage, run.timeout);
      if (!page) return report_of("", page.error());
      for (const SessionInfo& session : page->sessions) {
        if (!print(report_of(session, page->applied_index), run.global.json)) return {};
      }
      if (!page->more || page->sessions.empty()) return {};
      after = page->sessions.back().session;
    }
  }
};

}  // namespace

std::unique_ptr<Subcommand> make_check() { return std::make_unique<CheckSubcommand>(); }
std::unique_ptr<Subcommand> make_verify() { return std::make_unique<VerifySubcommand>(); }
std::unique_ptr<Subcommand> make_list() { return std::make_unique<ListSubcommand>(); }
std::unique_ptr<Subcommand> make_history() { return std::make_unique<HistorySubcommand>(); }
std::unique_ptr<Subcommand> make_sessions() { return std::make_unique<SessionsSubcommand>(); }

}  // namespace lockstep
