// All that a turn of a node's loop sees and touches outside the core: sockets, disk and clocks. A node has its NodeIo;
// tests have scripted ones.
//
// All calls are for one thread, the loop's. None waits, but for wait().
#pragma once

#include <string>
#include <vector>

#include "nodes/storage/disk_thread.hpp"
#include "nodes/transport/router.hpp"
#include "protocol/base/types.hpp"
#include "protocol/raft/messages.hpp"
#include "protocol/replica/replica.hpp"

namespace lockstep {

class TurnIo {
 public:
  TurnIo() = default;
  TurnIo(const TurnIo&) = delete;
  TurnIo& operator=(const TurnIo&) = delete;
  virtual ~TurnIo() = default;

  // Until something came in, and at most for `timeout`. May return early. True if something came in.
  virtual bool wait(Duration timeout) = 0;
  virtual Now clocks() = 0;

  // What the disk has to tell since the last call.
  virtual DiskReport take_disk_report() = 0;
  // What has come in. A call may leave some of it for the next one.
  virtual std::vector<ReceivedRequest> receive_from_peers() = 0;
  virtual std::vector<ReceivedRequest> receive_from_clients() = 0;
  // True if the last receive_from_peers() left nothing behind.
  virtual bool peers_read_empty() const = 0;

  // Each of these may be lost on its way.
  virtual void send_to_peers(const raft::Destination& to, const std::string& body) = 0;
  virtual void send_to_client(ConnectionId connection, const std::string& body) = 0;

  // See disk_thread.hpp.
  virtual void submit(std::vector<raft::Write> writes) = 0;
  virtual void read_snapshots(std::vector<raft::SnapshotRead> reads) = 0;
  virtual void compact(const Compaction& wanted) = 0;

  // For the log.
  virtual void tell(const std::vector<Notice>& notices) = 0;
};

}  // namespace lockstep
