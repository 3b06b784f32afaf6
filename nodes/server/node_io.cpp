// Opens what a node works with, and says what stands in the way at the key of the configuration that it is about.
#include "nodes/server/node_io.hpp"

#include <spdlog/spdlog.h>

#include <span>
#include <utility>

#include "nodes/server/data_folder.hpp"
#include "nodes/system/clock.hpp"
#include "nodes/system/entropy.hpp"

namespace lockstep {
namespace {

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

}  // namespace

Started<OpenedNode> NodeIo::open(const NodeConfig& config, int stop_fd) {
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

  std::unique_ptr<NodeIo> io(new NodeIo(stop_fd, std::move(context), std::move(*clients), std::move(*peers),
                                        std::move(disk), std::move(*disk_thread)));
  return OpenedNode{std::move(io), std::move(restored)};
}

NodeIo::NodeIo(int stop_fd, std::unique_ptr<Context> context, Router clients, PeerSide peers,
               std::unique_ptr<PosixDisk> disk, std::unique_ptr<DiskThread> disk_thread)
    : stop_fd_(stop_fd),
      context_(std::move(context)),
      clients_(std::move(clients)),
      peers_(std::move(peers)),
      disk_(std::move(disk)),
      disk_thread_(std::move(disk_thread)) {}

bool NodeIo::wait(Duration timeout) {
  PollItems items;
  items.push_back(readable(disk_thread_->report_fd()));
  items.push_back(readable(stop_fd_));
  items.push_back(clients_.poll_item());
  peers_.add_poll_items(items);
  return wait_for(items, timeout);
}

Now NodeIo::clocks() { return read_clocks(); }

void NodeIo::compact(const Compaction& wanted) {
  disk_thread_->compact(wanted.index,
                        [wanted](const raft::Snapshot* older, LogIndex first, std::span<const raft::Entry> entries) {
                          return fold(older, first, entries, wanted);
                        });
}

void NodeIo::tell(const std::vector<Notice>& notices) {
  for (const Notice& notice : notices) {
    const bool is_warning = notice.level == Notice::Level::kWarning;
    spdlog::log(is_warning ? spdlog::level::warn : spdlog::level::info, "{}", notice.text);
  }
}

}  // namespace lockstep
