// Starts the guardian, sends it deadlines, and reads what it reports.
#include "tools/lockstep/run/guard.hpp"

#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <system_error>
#include <utility>

#include "nodes/system/clock.hpp"
#include "tools/lockstep/run/process_group.hpp"

namespace lockstep::run {
namespace {

constexpr Duration kLookAgain = std::chrono::milliseconds(10);

int exit_code_of(int status) { return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status); }

}  // namespace

tl::expected<Guard, std::string> Guard::create(const CommandSpec& spec, const GuardianOptions& options) {
  MachineClock clock;
  return create(spec, options, clock);
}

tl::expected<Guard, std::string> Guard::create(const CommandSpec& spec, const GuardianOptions& options,
                                               GuardianClock& clock) {
  auto ends = Channel::open();
  if (!ends || clock.descriptor() < 0) return tl::unexpected(std::error_code(errno, std::generic_category()).message());
  std::signal(SIGCHLD, SIG_DFL);     // ignored, as whoever started us may have it, nobody would learn how a child ended
  prctl(PR_SET_CHILD_SUBREAPER, 1);  // if the guardian dies, the command's processes come here
  const pid_t child = fork();
  if (child < 0) return tl::unexpected(std::error_code(errno, std::generic_category()).message());
  if (child == 0) {
    ends->first.close();
    be_guardian(std::move(ends->second), spec, options, clock);
  }
  return Guard(std::move(ends->first), child, options);
}

Guard::Guard(Guard&& other) noexcept
    : channel_(std::move(other.channel_)),
      terminal_(std::move(other.terminal_)),
      guardian_(std::exchange(other.guardian_, 0)),
      options_(other.options_),
      group_(other.group_),
      started_(other.started_),
      guardian_is_gone_(other.guardian_is_gone_),
      overdue_(other.overdue_),
      safe_until_(other.safe_until_),
      look_again_(other.look_again_),
      result_(other.result_) {}

Guard::~Guard() {
  if (guardian_ == 0) return;
  if (!started_) ::kill(guardian_, SIGKILL);  // it guards nothing
  stop();
  while (!turn(boot_time())) {
    pollfd item{descriptor(), POLLIN, 0};
    poll(&item, 1, static_cast<int>(sleep_time(next_deadline() - boot_time()).count()));
  }
}

void Guard::start(Time safe_until, std::vector<std::string> environment) {
  started_ = true;
  safe_until_ = safe_until;
  channel_.send(StartOrder{safe_until, std::move(environment)});
}

void Guard::renew(Time safe_until) {
  if (safe_until <= safe_until_) return;
  safe_until_ = safe_until;
  channel_.send(RenewOrder{safe_until});
}

void Guard::forward(int signal) { channel_.send(SignalOrder{signal}); }

void Guard::stop() { channel_.send(StopOrder{}); }

std::optional<CommandResult> Guard::turn(Time now) {
  while (!result_ && !guardian_is_gone_) {
    const auto news = channel_.receive_news();
    if (!news) break;
    if (const auto* told = std::get_if<News>(&*news)) {
      std::visit([this](const auto& n) { on(n); }, *told);
    } else {
      guardian_is_gone_ = true;
    }
  }
  if (!result_ && guardian_is_gone_) on_guardian_gone(now);
  if (!result_ && now >= next_deadline()) kill_overdue(now);
  return result_;
}

// After the guardian's own kill, and before the deadline.
Time Guard::next_deadline() const {
  if (result_) return Time::max();
  if (guardian_is_gone_ || overdue_) return look_again_;
  return started_ ? safe_until_ - options_.margin / 2 : Time::max();
}

void Guard::on(const Finish& finish) {
  result_ = CommandResult{{}, finish.ending, false};
  if (finish.status) result_->exit_code = exit_code_of(*finish.status);
  waitpid(std::exchange(guardian_, 0), nullptr, 0);
  reap_children();
}

void Guard::on_guardian_gone(Time now) {
  if (guardian_ != 0) waitpid(std::exchange(guardian_, 0), nullptr, 0);
  signal_group(group_, SIGKILL);
  look_again_ = now + kLookAgain;
  if (group_lives(group_)) return;
  reap_children();  // not before the last kill: until then the group's number is nobody else's
  terminal_.hand_over(group_, getpgrp());
  result_ = CommandResult{{}, overdue_ ? Ending::kDeadline : Ending::kByItself, true};
  if (group_ != 0) result_->exit_code = 128 + SIGKILL;
}

// The guardian should have done it by now, so it is stopped, and is of no use any more.
void Guard::kill_overdue(Time now) {
  overdue_ = true;
  look_again_ = now + kLookAgain;
  signal_group(group_, SIGKILL);
  if (guardian_ != 0) ::kill(guardian_, SIGKILL);
}

}  // namespace lockstep::run
