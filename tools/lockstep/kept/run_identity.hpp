// Who a `lockstep run --identity FILE` is, so that the same command line started again after a crash has its locks at
// once.
//
// FILE keeps the client id, the secret and the session of each cluster (state_file.hpp). Beside it, FILE.lock is locked
// (flock) by the run, and by all that it starts, which have the same descriptor: its guardian, the command, and
// whatever the command leaves behind. It comes free when the last of them is gone. So a run that has it may take the
// locks over and start the command again, even while their lease runs. It says nothing of other machines. Not
// thread-safe.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "lockstep/lock.hpp"
#include "tools/lockstep/kept/file.hpp"
#include "tools/lockstep/kept/state_file.hpp"

namespace lockstep {

class RunIdentity {
 public:
  // Waits while an earlier run of FILE, or its guardian, is still there, but not longer than `patience` (none: for
  // ever); then the error "not_granted". Before the guardian is forked.
  static Expected<RunIdentity> open(const std::filesystem::path& path, std::optional<ClientId> client,
                                    std::optional<Duration> patience);

  const ClientId& client_id() const { return file_->client_id(); }
  // What an earlier run held, if that is what is wanted now; of anything else the session is closed. Keeps the client's
  // session from here on: before its first operation. `timeout` bounds all of it.
  Expected<std::optional<Lock>> take_over(Client& client, const std::vector<std::string>& names, LockMode mode,
                                          Duration timeout);

 private:
  RunIdentity(FileDescriptor running, StateFile file)
      : running_(std::move(running)), file_(std::make_shared<StateFile>(std::move(file))) {}

  FileDescriptor running_;
  std::shared_ptr<StateFile> file_;
};

}  // namespace lockstep
