// The loop of a node: reads its sockets and its disk, steps the replica, and does what the replica asks for.
#include "nodes/server/server.hpp"

#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <span>
#include <utility>

#include "nodes/server/exit_status.hpp"
#include "nodes/system/clock.hpp"
#include "nodes/system/entropy.hpp"
#include "protocol/base/joined.hpp"
#include "protocol/wire/field_rules.hpp"
#include "protocol/wire/names.hpp"

namespace lockstep {
namespace {

// How often the log may say that peers send nonsense or that file descriptors run short.
constexpr Duration kReportInterval = std::chrono::seconds(10);

template <typename T>
using Started = tl::expected<T, StartError>;

// Endpoints were checked with the configuration, so it is the system that refuses this one.
StartError of_transport(const NodeConfig& config, const std::string& key, const TransportError& error,
                        const std::string& hint = "") {
  return {error_at(config, key, to_string(error) + hint), error.kind != TransportError::Kind::kInvalidEndpoint};
}

// Of an endpoint that this node was to serve at.
StartError cannot_bind(const NodeConfig& config, std::string_view key, const TransportError& error) {
  std::string hint;
  const std::string key_in_file = config.bound(key).key;
  if (error.kind == TransportError::Kind::kAddressInUse) {
    hint = "; stop what has it (another node?), or change this key";
    if (key_in_file.starts_with("members")) hint += " in the file of every member";
  }
  return of_transport(config, key_in_file, error, hint);
}

StartError of_storage(const NodeConfig& config, const StorageError& error) {
  return {error_at(config, "data", error.detail), error.may_pass};
}

tl::unexpected<StartError> for_good(ConfigError error) { return tl::unexpected(StartError{std::move(error), false}); }

Started<Router> open_client_side(Context& context, const NodeConfig& config) {
  return Router::for_clients(context, config.bound("client").endpoint).map_error([&](const TransportError& error) {
    return cannot_bind(config, "client", error);
  });
}

Started<PeerSide> open_peer_side(Context& context, const NodeConfig& config) {
  std::vector<PeerAddress> others;
  for (const MemberConfig& member : config.members) {
    if (member.name != config.name) others.push_back({member.name, member.peer, member.publish});
  }
  const PeerAddress self{config.name, config.bound("peer").endpoint, config.bound("publish").endpoint};
  return PeerSide::open(context, self, others).map_error([&](const TransportError& error) {
    if (error.endpoint == self.publish) return cannot_bind(config, "publish", error);
    if (error.endpoint == self.peer) return cannot_bind(config, "peer", error);
    return of_transport(config, "members", error);
  });
}

Started<Storage> open_storage(Disk& disk, const NodeConfig& config) {
  StorageOptions options;
  options.folder = config.data;
  options.fresh_node_id = NodeId(random_identifier());
  options.seed = random_identifier();
  options.segment_bytes = config.segment_bytes;
  options.cluster_of_one = config.members.size() == 1;
  options.background = true;
  return Storage::open(disk, options).map_error([&](const StorageError& error) { return of_storage(config, error); });
}

Started<std::unique_ptr<DiskThread>> start_disk_thread(Storage storage, const NodeConfig& config) {
  return DiskThread::start(std::move(storage)).map_error([&](const StorageError& error) {
    return of_storage(config, error);
  });
}

// Entry 1, or what a snapshot says that it was. None: the node is blank.
const raft::Configuration* configuration_in(const raft::Restored& restored) {
  if (restored.snapshot) return &restored.snapshot->head.configuration;
  return restored.entries.empty() ? nullptr : std::get_if<raft::Configuration>(&restored.entries.front().body);
}

// A data folder belongs to one member of one cluster for good (R17); the file must not say otherwise.
Started<void> check_that_it_is_ours(const raft::Restored& restored, const NodeConfig& config) {
  const raft::Configuration* formed = configuration_in(restored);
  if (formed == nullptr) return {};
  bool same = formed->voters.size() == config.members.size();
  for (const raft::Member& voter : formed->voters) {
    const auto is_it = [&](const MemberConfig& member) { return member.name == voter.name; };
    same = same && std::any_of(config.members.begin(), config.members.end(), is_it);
  }
  if (!same) {
    return for_good(error_at(config, "members",
                             "the cluster whose data is in " + config.data + " has the members " +
                                 joined(formed->voters, &raft::Member::name) + ", and its members cannot be changed"));
  }
  const raft::Member* owner = formed->find(restored.node);
  if (owner != nullptr && owner->name != config.name) {
    return for_good(error_at(config, "data", config.data + " belongs to member '" + owner->name + "'"));
  }
  return {};
}

// Its bytes are whole, or storage would not have given it back: but another version may have written them.
Started<void> check_that_it_can_be_read(const raft::Restored& restored, const NodeConfig& config) {
  if (!restored.snapshot) return {};
  const auto state = restore_state(*restored.snapshot);
  if (state) return {};
  return for_good(error_at(config, "data",
                           "the snapshot in " + config.data + " up to index " +
                               std::to_string(restored.snapshot->head.index.value()) + " " + state.error()));
}

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

void log_notices(const std::vector<Notice>& notices) {
  for (const Notice& notice : notices) {
    const bool is_warning = notice.level == Notice::Level::kWarning;
    spdlog::log(is_warning ? spdlog::level::warn : spdlog::level::info, "{}", notice.text);
  }
}

}  // namespace

tl::expected<std::unique_ptr<Server>, StartError> Server::start(NodeConfig config, StopSignals signals) {
  auto context = std::make_unique<Context>();
  auto clients = open_client_side(*context, config);
  if (!clients) return tl::unexpected(clients.error());
  auto peers = open_peer_side(*context, config);
  if (!peers) return tl::unexpected(peers.error());

  auto disk = std::make_unique<PosixDisk>();
  auto storage = open_storage(*disk, config);
  if (!storage) return tl::unexpected(storage.error());
  raft::Restored restored = storage->take_restored();
  if (auto ours = check_that_it_is_ours(restored, config); !ours) return tl::unexpected(ours.error());
  if (auto readable = check_that_it_can_be_read(restored, config); !readable) return tl::unexpected(readable.error());
  auto disk_thread = start_disk_thread(std::move(*storage), config);
  if (!disk_thread) return tl::unexpected(disk_thread.error());

  Parts parts{std::move(context), std::move(*clients), std::move(*peers), std::move(disk), std::move(*disk_thread)};
  return std::unique_ptr<Server>(new Server(std::move(config), std::move(signals), std::move(parts), restored));
}

Server::Server(NodeConfig config, StopSignals signals, Parts parts, const raft::Restored& restored)
    : config_(std::move(config)),
      signals_(std::move(signals)),
      parts_(std::move(parts)),
      replica_(replica_options(config_), restored, read_clocks()) {}

int Server::run() {
  spdlog::info("node {} serves clients at {}, version {}, pid {}, data in {}", config_.name,
               config_.bound("client").endpoint, LOCKSTEP_VERSION, getpid(), config_.data);
  supervisor_.ready();
  act();
  while (!exit_code_) {
    wait();
    const Now now = read_clocks();
    take_disk(now);
    take_peers(now);
    take_clients(now);
    if (replica_.next_deadline() <= now.time) replica_.step(now, Tick{parts_.peers.read_empty()});
    act();
    report(now);
    tell_supervisor(now);
    if (const int signal = signals_.take(); signal != 0) {
      spdlog::info("stopping: {}", signal == SIGINT ? "SIGINT" : "SIGTERM");
      exit_code_ = exit_code_.value_or(kExitStopped);
    }
  }
  supervisor_.stopping();
  parts_.disk_thread->stop();
  log_notices(parts_.disk_thread->take_report().notices);
  if (*exit_code_ == kExitStopped) spdlog::info("stopped");
  return *exit_code_;
}

void Server::wait() {
  PollItems items;
  items.push_back(readable(parts_.disk_thread->report_fd()));
  items.push_back(readable(signals_.fd()));
  items.push_back(parts_.clients.poll_item());
  parts_.peers.add_poll_items(items);
  wait_for(items, std::min(replica_.next_deadline(), supervisor_.next_deadline()) - read_clocks().time);
}

void Server::take_disk(Now now) {
  const DiskReport report = parts_.disk_thread->take_report();
  for (const raft::DiskEvent& event : report.events) replica_.step(now, event);
  log_notices(report.notices);
  if (report.failure) {
    spdlog::critical("this node ends itself: {}", *report.failure);
    std::abort();
  }
}

void Server::take_peers(Now now) {
  for (const ReceivedRequest& frame : parts_.peers.receive()) {
    if (!frame.flaw.empty()) {
      note_bad_peer_frame(frame.flaw);
    } else if (auto message = wire::decode_message(frame.body)) {
      replica_.step(now, PeerMessage{frame.connection, std::move(*message)});
    } else {
      note_bad_peer_frame(to_string(message.error()));
    }
  }
}

void Server::take_clients(Now now) {
  for (const ReceivedRequest& frame : parts_.clients.receive()) {
    if (!frame.flaw.empty()) {
      answer_bad_frame(now, frame.connection, {ErrorCode::kBadRequest, "message", frame.flaw, {}});
    } else if (auto request = wire::decode_request(frame.body)) {
      replica_.step(now, ClientRequest{frame.connection, std::move(*request)});
    } else {
      answer_bad_frame(now, frame.connection, request.error());
    }
  }
}

void Server::answer_bad_frame(Now now, ConnectionId connection, const wire::DecodeError& error) {
  replica_.step(now, BadFrame{});
  const std::string detail(wire::clipped(to_string(error), wire::kMaxErrorDetail));
  const wire::Response response{error.call, replica_.applied_index(), wire::ErrorAnswer{error.code, detail, {}}};
  parts_.clients.send(connection, wire::encode(response));
}

void Server::note_bad_peer_frame(std::string detail) {
  ++bad_peer_frames_;
  last_bad_peer_frame_ = std::move(detail);
}

void Server::act() {
  replica_.end_turn();
  Output output = replica_.take_output();
  for (const raft::Outgoing& outgoing : output.messages) parts_.peers.send(outgoing.to, wire::encode(outgoing.message));
  if (!output.writes.empty()) parts_.disk_thread->submit(std::move(output.writes));
  parts_.disk_thread->read_snapshots(std::move(output.snapshot_reads));
  if (output.compaction) compact(*output.compaction);
  for (const ClientReply& reply : output.replies) parts_.clients.send(reply.connection, wire::encode(reply.response));
  log_notices(output.notices);
  if (output.fatal) {
    spdlog::error("{}", output.fatal->detail);
    exit_code_ = exit_status(output.fatal->may_pass);
  }
}

void Server::compact(const Compaction& wanted) {
  parts_.disk_thread->compact(
      wanted.index, [wanted](const raft::Snapshot* older, LogIndex first, std::span<const raft::Entry> entries) {
        return fold(older, first, entries, wanted);
      });
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
  if (bad_peer_frames_ != reported_bad_peer_frames_) {
    spdlog::warn("dropped {} frames that no peer should send; the last: {}",
                 bad_peer_frames_ - reported_bad_peer_frames_, last_bad_peer_frame_);
    reported_bad_peer_frames_ = bad_peer_frames_;
  }
  const bool run_short = file_descriptors_run_short();
  if (run_short && !files_run_short_) spdlog::warn("80 % of this process's file descriptors are in use (ulimit -n)");
  files_run_short_ = run_short;
}

}  // namespace lockstep
