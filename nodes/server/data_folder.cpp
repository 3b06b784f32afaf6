// Compares a data folder's configuration with that of the file.
#include "nodes/server/data_folder.hpp"

#include <algorithm>
#include <string>
#include <variant>

#include "protocol/base/joined.hpp"
#include "protocol/replica/fold.hpp"

namespace lockstep {
namespace {

// Entry 1, or what a snapshot says that it was. None: the node is blank.
const raft::Configuration* configuration_in(const raft::Restored& restored) {
  if (restored.snapshot) return &restored.snapshot->head.configuration;
  return restored.entries.empty() ? nullptr : std::get_if<raft::Configuration>(&restored.entries.front().body);
}

bool have_the_same_names(const std::vector<raft::Member>& voters, const std::vector<MemberConfig>& members) {
  const auto is_in_the_file = [&](const raft::Member& voter) {
    return std::any_of(members.begin(), members.end(),
                       [&](const MemberConfig& member) { return member.name == voter.name; });
  };
  return voters.size() == members.size() && std::all_of(voters.begin(), voters.end(), is_in_the_file);
}

}  // namespace

Started<void> check_that_it_is_ours(const raft::Restored& restored, const NodeConfig& config) {
  const raft::Configuration* formed = configuration_in(restored);
  if (formed == nullptr) return {};
  if (!have_the_same_names(formed->voters, config.members)) {
    return refused_for_good(error_at(config, "members",
                                     "the cluster whose data is in " + config.data + " has the members " +
                                         joined(formed->voters, &raft::Member::name) +
                                         ", and its members cannot be changed. If that cluster is not needed any more, "
                                         "empty the folder and start again"));
  }
  const raft::Member* owner = formed->find(restored.node);
  if (owner != nullptr && owner->name != config.name) {
    return refused_for_good(error_at(config, "data", config.data + " belongs to member '" + owner->name + "'"));
  }
  return {};
}

Started<void> check_that_it_can_be_read(const raft::Restored& restored, const NodeConfig& config) {
  if (!restored.snapshot) return {};
  const auto state = restore_state(*restored.snapshot);
  if (state) return {};
  return refused_for_good(error_at(config, "data",
                                   "the snapshot in " + config.data + " up to index " +
                                       std::to_string(restored.snapshot->head.index.value()) + " " + state.error()));
}

}  // namespace lockstep
