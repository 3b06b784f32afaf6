// The sockets, the disk and the clocks of a running node.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "nodes/server/start_error.hpp"
#include "nodes/server/turn_io.hpp"
#include "nodes/storage/posix_disk.hpp"
#include "nodes/transport/context.hpp"
#include "nodes/transport/peer_side.hpp"
#include "protocol/raft/entry.hpp"

namespace lockstep {

struct OpenedNode;

class NodeIo final : public TurnIo {
 public:
  // Opens everything, or nothing: sockets before the data folder, so that a port in use leaves no trace. A wait also
  // ends when `stop_fd` becomes readable.
  static Started<OpenedNode> open(const NodeConfig& config, int stop_fd);
  // Finishes what the disk has queued, and closes it cleanly. Then a last report can be taken.
  void stop_disk() { disk_thread_->stop(); }

  bool wait(Duration timeout) override;
  Now clocks() override;
  DiskReport take_disk_report() override { return disk_thread_->take_report(); }
  std::vector<ReceivedRequest> receive_from_peers() override { return peers_.receive(); }
  std::vector<ReceivedRequest> receive_from_clients() override { return clients_.receive(); }
  bool peers_read_empty() const override { return peers_.read_empty(); }
  void send_to_peers(const raft::Destination& to, const std::string& body) override { peers_.send(to, body); }
  void send_to_client(ConnectionId connection, const std::string& body) override { clients_.send(connection, body); }
  void submit(std::vector<raft::Write> writes) override { disk_thread_->submit(std::move(writes)); }
  void read_snapshots(std::vector<raft::SnapshotRead> reads) override {
    disk_thread_->read_snapshots(std::move(reads));
  }
  void compact(const Compaction& wanted) override;
  void tell(const std::vector<Notice>& notices) override;

 private:
  NodeIo(int stop_fd, std::unique_ptr<Context> context, Router clients, PeerSide peers, std::unique_ptr<PosixDisk> disk,
         std::unique_ptr<DiskThread> disk_thread);

  // Closed backwards.
  int stop_fd_;
  std::unique_ptr<Context> context_;
  Router clients_;
  PeerSide peers_;
  std::unique_ptr<PosixDisk> disk_;
  std::unique_ptr<DiskThread> disk_thread_;
};

struct OpenedNode {
  std::unique_ptr<NodeIo> io;
  raft::Restored restored;  // what its data folder has
};

}  // namespace lockstep
