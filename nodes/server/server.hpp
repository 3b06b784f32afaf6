// A running node: one Replica, its sockets and its disk, driven by one loop in one thread.
//
// A turn waits for sockets, disk and signals until the replica's next deadline, reads the clocks once, drains
// everything that came in into the replica, and acts on its output: publish and send first, so that all
// nodes' disks work at the same time (R15), then hand the writes to the disk thread, then answer clients.
// Everything of a turn goes out together: that is the batching, and there is no timer for it.
//
// The shell decides nothing: what must be durable before it is said is held back inside the replica.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include <tl/expected.hpp>

#include "nodes/server/config.hpp"
#include "nodes/server/process.hpp"
#include "nodes/server/supervisor.hpp"
#include "nodes/storage/disk_thread.hpp"
#include "nodes/storage/posix_disk.hpp"
#include "nodes/transport/context.hpp"
#include "nodes/transport/peer_side.hpp"
#include "nodes/transport/router.hpp"
#include "protocol/replica/replica.hpp"
#include "protocol/wire/codec.hpp"

namespace lockstep {

// Why a node could not start, at the key of its configuration that it is about; see exit_status.hpp.
struct StartError {
  ConfigError error;
  bool may_pass = false;
};

class Server {
 public:
  // Opens everything, or nothing: sockets before the data folder, so that a port in use leaves no trace.
  static tl::expected<std::unique_ptr<Server>, StartError> start(NodeConfig config, StopSignals signals);
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  ~Server() = default;

  // Until a signal, or until the cluster does not take this node; the reason was logged. Returns the exit status. A
  // disk that fails aborts the process: what it holds is not known any more.
  int run();

 private:
  // What start() has opened, in the order in which it is closed again, backwards.
  struct Parts {
    std::unique_ptr<Context> context;
    Router clients;
    PeerSide peers;
    std::unique_ptr<PosixDisk> disk;
    std::unique_ptr<DiskThread> disk_thread;
  };
  Server(NodeConfig config, StopSignals signals, Parts parts, const raft::Restored& restored);

  void wait();
  void take_disk(Now now);
  void take_peers(Now now);
  void take_clients(Now now);
  void answer_bad_frame(Now now, ConnectionId connection, const wire::DecodeError& error);
  void note_bad_peer_frame(std::string detail);
  void act();
  void compact(const Compaction& wanted);
  void report(Now now);
  void tell_supervisor(Now now);

  // What the supervisor was told last: a status is put in words only when one of these changes.
  struct Standing {
    wire::Role role;
    Term term;
    NodeId leader;
    friend bool operator==(const Standing&, const Standing&) = default;
  };

  NodeConfig config_;
  StopSignals signals_;
  Parts parts_;
  Replica replica_;
  Supervisor supervisor_ = Supervisor::from_environment();
  std::optional<Standing> told_;

  std::optional<int> exit_code_;
  std::uint64_t bad_peer_frames_ = 0;
  std::uint64_t reported_bad_peer_frames_ = 0;
  std::string last_bad_peer_frame_;
  Time next_report_{};
  bool files_run_short_ = false;
};

}  // namespace lockstep
