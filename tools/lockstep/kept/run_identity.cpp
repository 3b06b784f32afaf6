// Reads, locks and updates the identity's file around a run.
#include "tools/lockstep/kept/run_identity.hpp"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <iostream>
#include <set>
#include <thread>

#include "nodes/system/clock.hpp"
#include "tools/lockstep/kept/kept_session.hpp"
#include "tools/lockstep/kept/state_folder.hpp"

namespace lockstep {
namespace {

namespace fs = std::filesystem;

Duration left_until(Time deadline) { return std::max(deadline - boot_time(), Duration::zero()); }

Expected<FileDescriptor> lock_alone(const fs::path& path, const fs::path& identity, std::optional<Duration> patience) {
  const Time start = boot_time();
  // Not O_CLOEXEC: as with flock(1), the command and all that it starts keep it open, and so locked, whoever dies
  // first.
  FileDescriptor fd(open(path.c_str(), O_RDWR | O_CREAT, 0600));
  if (!fd) return tl::unexpected(state_error(file_error(path)));
  for (bool told = false;; told = true) {
    const FileLock result = try_lock(fd);
    if (result == FileLock::kLocked) return fd;
    if (result == FileLock::kFailed) return tl::unexpected(state_error(file_error(path)));
    const std::string who = "an earlier run of " + identity.string() + ", or what it started, is still there";
    if (patience && boot_time() - start >= *patience) {
      return tl::unexpected(Error{LocalError::kNotGranted, true, who, SessionId()});
    }
    if (!told) std::cerr << "lockstep: " + who + "\n";
    std::this_thread::sleep_for(kLockRetry);
  }
}

bool is_what_is_wanted(const std::vector<TakenOverLock>& came, const std::vector<std::string>& wanted, LockMode mode) {
  const std::set<std::string> names(wanted.begin(), wanted.end());
  return std::equal(
      came.begin(), came.end(), names.begin(), names.end(),
      [mode](const TakenOverLock& lock, const std::string& name) { return lock.name == name && lock.mode == mode; });
}

}  // namespace

Expected<RunIdentity> RunIdentity::open(const fs::path& path, std::optional<ClientId> client,
                                        std::optional<Duration> patience) {
  // By whatever name it is called, the file has one lock.
  std::error_code ignored;
  fs::path file = fs::weakly_canonical(fs::absolute(path), ignored);
  if (file.empty()) file = fs::absolute(path);
  auto running = lock_alone(file.string() + ".lock", path, patience);
  if (!running) return tl::unexpected(std::move(running.error()));
  auto state = StateFile::open(file, client);
  if (!state) return tl::unexpected(std::move(state.error()));
  return RunIdentity(*std::move(running), *std::move(state));
}

Expected<std::optional<Lock>> RunIdentity::take_over(Client& client, const std::vector<std::string>& names,
                                                     LockMode mode, Duration timeout) {
  const Time deadline = boot_time() + timeout;
  const auto cluster = find_cluster(client, deadline);
  if (!cluster) return tl::unexpected(cluster.error());
  if (auto kept = use_kept_session(client, file_, *cluster); !kept) return tl::unexpected(std::move(kept.error()));
  const auto came = client.take_over(left_until(deadline));
  if (!came) return tl::unexpected(came.error());
  if (came->empty()) return std::optional<Lock>();
  if (is_what_is_wanted(*came, names, mode)) return std::optional(Lock::adopt(client, *came));
  // Another command line than before: whoever holds some and waits for others may wait for ever.
  if (auto closed = client.close(left_until(deadline)); !closed) return tl::unexpected(std::move(closed.error()));
  return std::optional<Lock>();
}

}  // namespace lockstep
