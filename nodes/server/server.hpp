// A running node: one Replica, its sockets and its disk, driven by one loop in one thread.
//
// What a turn of the loop does is in turn.hpp, what it does it with in node_io.hpp. Here is what makes a process of it:
// signals, the service manager, the log and the exit status.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "nodes/server/config.hpp"
#include "nodes/server/node_io.hpp"
#include "nodes/server/process.hpp"
#include "nodes/server/start_error.hpp"
#include "nodes/server/supervisor.hpp"
#include "nodes/server/turn.hpp"
#include "protocol/replica/replica.hpp"

namespace lockstep {

class Server {
 public:
  static Started<std::unique_ptr<Server>> start(NodeConfig config, StopSignals signals);
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  ~Server() = default;

  // Until a signal, or until the cluster does not take this node; the reason was logged. Returns the exit status. A
  // disk that fails aborts the process: what it holds is not known any more.
  int run();

 private:
  Server(NodeConfig config, StopSignals signals, OpenedNode opened);

  void end_if_fatal(const std::optional<StopReason>& reason);
  void end_if_signalled();
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
  std::unique_ptr<NodeIo> io_;
  Replica replica_;
  ReplicaCore core_{replica_};
  Turn turn_;
  Supervisor supervisor_ = Supervisor::from_environment();
  std::optional<Standing> told_;

  std::optional<int> exit_code_;
  std::uint64_t reported_bad_peer_frames_ = 0;
  Time next_report_{};
  bool files_run_short_ = false;
};

}  // namespace lockstep
