// The loop of a node: turn after turn, until something ends it.
#include "nodes/server/server.hpp"

#include <spdlog/spdlog.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <utility>

#include "nodes/server/exit_status.hpp"
#include "nodes/system/entropy.hpp"
#include "protocol/wire/names.hpp"

namespace lockstep {
namespace {

// How often the log may say that peers send nonsense or that file descriptors run short.
constexpr Duration kReportInterval = std::chrono::seconds(10);

ReplicaOptions replica_options(const NodeConfig& config) {
  ReplicaOptions options;
  options.name = config.name;
  for (const MemberConfig& member : config.members) {
    options.initial_members.push_back({member.name, member.client, member.peer, member.publish});
  }
  options.state_limits = config.limits;
  options.timing = config.timing;
  options.compact_log_bytes = config.compact_log_bytes;
  options.seed = random_identifier();
  options.pid = static_cast<std::uint64_t>(getpid());
  options.version = LOCKSTEP_VERSION;
  return options;
}

}  // namespace

Started<std::unique_ptr<Server>> Server::start(NodeConfig config, StopSignals signals) {
  return NodeIo::open(config, signals.fd()).map([&](OpenedNode&& opened) {
    return std::unique_ptr<Server>(new Server(std::move(config), std::move(signals), std::move(opened)));
  });
}

Server::Server(NodeConfig config, StopSignals signals, OpenedNode opened)
    : config_(std::move(config)),
      signals_(std::move(signals)),
      io_(std::move(opened.io)),
      replica_(replica_options(config_), opened.restored, io_->clocks()),
      turn_(*io_, core_) {}

int Server::run() {
  spdlog::info("node {} serves clients at {}, version {}, pid {}, data in {}", config_.name,
               config_.bound("client").endpoint, LOCKSTEP_VERSION, getpid(), config_.data);
  supervisor_.ready();
  end_if_fatal(turn_.send_out());
  while (!exit_code_) {
    const TurnEnd end = turn_.run(supervisor_.next_deadline());
    if (end.disk_failure) {
      spdlog::critical("this node ends itself: {}", *end.disk_failure);
      std::abort();
    }
    end_if_fatal(end.fatal);
    report(end.now);
    tell_supervisor(end.now);
    end_if_signalled();
  }
  supervisor_.stopping();
  io_->stop_disk();
  io_->tell(io_->take_disk_report().notices);
  if (*exit_code_ == kExitStopped) spdlog::info("stopped");
  return *exit_code_;
}

void Server::end_if_fatal(const std::optional<StopReason>& reason) {
  if (!reason) return;
  spdlog::error("{}", reason->detail);
  exit_code_ = exit_status(reason->may_pass);
}

void Server::end_if_signalled() {
  const int signal = signals_.take();
  if (signal == 0) return;
  spdlog::info("stopping: {}", signal == SIGINT ? "SIGINT" : "SIGTERM");
  exit_code_ = exit_code_.value_or(kExitStopped);
}

void Server::tell_supervisor(Now now) {
  if (!supervisor_.listens()) return;
  supervisor_.beat(now.time);
  const raft::Raft* raft = replica_.raft();
  const Standing standing{replica_.role(), raft != nullptr ? raft->term() : Term(),
                          raft != nullptr ? raft->leader() : NodeId()};
  if (told_ == standing) return;
  told_ = standing;
  const wire::StatusAnswer status = replica_.status(now.time);
  std::string words(wire::to_string(status.role));
  if (raft != nullptr) words += " in term " + std::to_string(status.term.value());
  if (!status.leader.empty() && status.leader != config_.name) words += ", led by " + status.leader;
  supervisor_.show("node " + config_.name + ": " + words);
}

void Server::report(Now now) {
  if (now.time < next_report_) return;
  next_report_ = now.time + kReportInterval;
  const BadPeerFrames& bad = turn_.bad_peer_frames();
  if (bad.count != reported_bad_peer_frames_) {
    spdlog::warn("dropped {} frames that no peer should send; the last: {}", bad.count - reported_bad_peer_frames_,
                 bad.last);
    reported_bad_peer_frames_ = bad.count;
  }
  const bool run_short = file_descriptors_run_short();
  if (run_short && !files_run_short_) spdlog::warn("80 % of this process's file descriptors are in use (ulimit -n)");
  files_run_short_ = run_short;
}

}  // namespace lockstep
