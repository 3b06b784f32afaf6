// Compares the cluster with the file's, and continues the session or opens another.
#include "tools/lockstep/kept/kept_session.hpp"

#include <algorithm>
#include <thread>
#include <utility>

#include "nodes/client/convert.hpp"
#include "nodes/system/clock.hpp"
#include "protocol/base/invariant.hpp"

namespace lockstep {
namespace {

constexpr Duration kFormingRetry = std::chrono::milliseconds(50);

}  // namespace

Expected<ClusterId> find_cluster(Client& client, Time deadline) {
  for (;;) {
    auto status = client.status(std::max(deadline - boot_time(), Duration::zero()));
    if (!status) return tl::unexpected(std::move(status.error()));
    if (status->cluster) return status->cluster;
    if (boot_time() + kFormingRetry >= deadline) {
      return tl::unexpected(Error{ErrorCode::kUnavailable, false,
                                  "the cluster has not formed yet: node " + status->name + " still waits for others",
                                  SessionId()});
    }
    std::this_thread::sleep_for(kFormingRetry);
  }
}

Expected<void> use_kept_session(Client& client, const std::shared_ptr<StateFile>& file, ClusterId cluster) {
  const KeptSession kept = file->session_in(cluster);
  SessionKeeper keeper;
  keeper.secret = kept.secret;
  keeper.saved = record_of(kept.saved);
  keeper.save = [file, cluster](const SessionRecord& record) -> tl::expected<void, std::string> {
    auto saved = saved_of(record);
    INVARIANT(saved.has_value(), "what this library has just encoded can be read");
    file->session_in(cluster).saved = *std::move(saved);
    return file->store();
  };
  return client.keep_session(std::move(keeper));
}

}  // namespace lockstep
