// fork(2), exec and the loop that follows the Guardian.
#include "tools/lockstep/run/guardian_process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "nodes/text/printable.hpp"
#include "tools/lockstep/run/process_group.hpp"
#include "tools/lockstep/run/terminal.hpp"

namespace lockstep::run {
namespace {

// As a shell has them.
constexpr int kNotFound = 127;
constexpr int kNotExecutable = 126;

// How often a command that waits for the terminal is looked after: nobody is told that a group came to the foreground.
constexpr Duration kLookForTerminal = std::chrono::milliseconds(200);

class GuardianProcess {
 public:
  GuardianProcess(Channel channel, const CommandSpec& spec, const GuardianOptions& options, GuardianClock& clock)
      : channel_(std::move(channel)), spec_(spec), clock_(clock), guardian_(options), holder_group_(getpgrp()) {
    setpgid(0, 0);
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, nullptr);
    sigset_t child;
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    signals_ = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
    if (signals_ < 0) _exit(kNotExecutable);
  }

  [[noreturn]] void serve() {
    for (;;) {
      wait();
      take_orders();
      watch_children();
      step(ClockTick{});
    }
  }

 private:
  void wait() {
    Time deadline = guardian_.next_deadline();
    if (wants_terminal_) deadline = std::min(deadline, clock_.now() + kLookForTerminal);
    clock_.wake_at(deadline);
    std::array<pollfd, 3> items{pollfd{channel_.descriptor(), POLLIN, 0}, pollfd{signals_, POLLIN, 0},
                                pollfd{clock_.descriptor(), POLLIN, 0}};
    poll(items.data(), items.size(), -1);
    signalfd_siginfo ignored{};
    while (read(signals_, &ignored, sizeof ignored) > 0) {
    }
  }

  void take_orders() {
    while (channel_.descriptor() >= 0) {
      const auto order = channel_.receive_order();
      if (!order) return;
      if (const auto* given = std::get_if<Order>(&*order)) {
        std::visit([this](const auto& o) { step(o); }, *given);
      } else {
        channel_.close();
        step(HolderGone{});
      }
    }
  }

  void watch_children() {
    if (group_ == 0) return;
    if (!command_ended_) watch_command();
    if (!command_ended_) reap_orphans();
    if (guardian_.is_killing() && !group_lives(group_)) step(GroupGone{});
  }

  // It is never reaped here: as long as it is not, nobody else can have the group's number, however often that is
  // killed. Once this process has ended, the holder reaps it.
  void watch_command() {
    if (const siginfo_t ended = look_at(P_PID, WEXITED | WNOWAIT); ended.si_pid == group_) {
      command_ended_ = true;
      wants_terminal_ = false;
      return step(CommandEnded{ended.si_code == CLD_EXITED ? ended.si_status << 8 : ended.si_status});
    }
    if (const siginfo_t change = look_at(P_PID, WSTOPPED | WCONTINUED); change.si_pid == group_) {
      const bool is_stopped = change.si_code == CLD_STOPPED;
      // Nobody would wake it up again: a lock is not put aside with Ctrl-Z.
      if (is_stopped && change.si_status == SIGTSTP) signal_group(group_, SIGCONT);
      wants_terminal_ = is_stopped && (change.si_status == SIGTTIN || change.si_status == SIGTTOU);
    }
    if (wants_terminal_) give_terminal();
  }

  void give_terminal() {
    if (terminal_.is_of(group_) || terminal_.hand_over(holder_group_, group_)) {
      wants_terminal_ = false;
      signal_group(group_, SIGCONT);
    } else if (!std::exchange(told_that_it_waits_, true)) {
      complain("it waits for the terminal, and its lock is held meanwhile; bring it to the foreground (fg)");
    }
  }

  void take_terminal_back() const {
    // Who of the holder's group was stopped for want of it goes on.
    if (terminal_.hand_over(group_, holder_group_)) signal_group(holder_group_, SIGCONT);
  }

  // What there is to know of the command (P_PID) or of any child (P_ALL); si_pid is 0 if there is nothing.
  siginfo_t look_at(idtype_t whom, int what) const {
    siginfo_t child{};
    if (waitid(whom, static_cast<id_t>(group_), &child, what | WNOHANG) != 0) child = siginfo_t{};
    return child;
  }

  void reap_orphans() const {
    for (;;) {
      const siginfo_t child = look_at(P_ALL, WEXITED | WNOWAIT);
      if (child.si_pid == 0 || child.si_pid == group_) return;  // the command itself: in the next turn
      waitpid(child.si_pid, nullptr, WNOHANG);
    }
  }

  void step(const GuardianEvent& event) {
    guardian_.step(clock_.now(), event);
    for (const GuardianDecision& decision : guardian_.take_decisions()) {
      std::visit([this](const auto& d) { carry_out(d); }, decision);
    }
  }

  void carry_out(const SignalGroup& decision) { signal_group(group_, decision.signal); }

  [[noreturn]] void carry_out(const Finish& finish) {
    take_terminal_back();
    if (channel_.descriptor() >= 0) channel_.send(finish);
    _exit(0);
  }

  void carry_out(const StartCommand& start) {
    std::array<int, 2> gate{};
    const pid_t self = getpid();
    if (pipe2(gate.data(), O_CLOEXEC) != 0) return fail_to_start();
    const pid_t child = fork();
    if (child == 0) become_command(start, gate[0], gate[1], self);
    close(gate[0]);
    if (child > 0) {
      group_ = child;
      setpgid(child, child);
      // The holder knows the group before anything runs in it, so it can kill it if this process is killed.
      channel_.send(Started{child});
      const char open = 1;
      (void)!write(gate[1], &open, 1);
    }
    close(gate[1]);
    if (child < 0) fail_to_start();
  }

  void fail_to_start() {
    complain("cannot start another process");
    guardian_.step(clock_.now(), CommandEnded{kNotExecutable << 8});
    guardian_.step(clock_.now(), GroupGone{});
    for (const GuardianDecision& decision : guardian_.take_decisions()) {
      if (const auto* finish = std::get_if<Finish>(&decision)) carry_out(*finish);
    }
  }

  // To a person, about the command.
  void complain(const std::string& detail) const {
    std::fprintf(stderr, "lockstep: %s: %s\n", printable(spec_.words.front(), kShownWord).c_str(), detail.c_str());
    std::fflush(stderr);
  }

  [[noreturn]] void become_command(const StartCommand& start, int gate, int other_end, pid_t guardian) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != guardian) _exit(kNotFound);  // it died before the call above
    setpgid(0, 0);
    close(other_end);
    char open = 0;
    if (read(gate, &open, 1) != 1) _exit(kNotFound);
    if (spec_.takes_terminal) terminal_.hand_over(holder_group_, getpid());
    for (const std::string& variable : start.environment) putenv(const_cast<char*>(variable.c_str()));
    std::vector<char*> words;
    for (const std::string& word : spec_.words) words.push_back(const_cast<char*>(word.c_str()));
    words.push_back(nullptr);
    sigprocmask(SIG_SETMASK, &spec_.signals, nullptr);
    execvp(words[0], words.data());
    const int detail = errno;
    complain(std::strerror(detail));
    _exit(detail == ENOENT || detail == ENOTDIR ? kNotFound : kNotExecutable);
  }

  Channel channel_;
  const CommandSpec& spec_;
  GuardianClock& clock_;
  Guardian guardian_;
  pid_t holder_group_;
  Terminal terminal_;
  pid_t group_ = 0;
  bool command_ended_ = false;
  bool wants_terminal_ = false;  // the command is stopped until its group has the foreground
  bool told_that_it_waits_ = false;
  int signals_ = -1;
};

}  // namespace

void be_guardian(Channel channel, const CommandSpec& spec, const GuardianOptions& options, GuardianClock& clock) {
  GuardianProcess(std::move(channel), spec, options, clock).serve();
}

}  // namespace lockstep::run
