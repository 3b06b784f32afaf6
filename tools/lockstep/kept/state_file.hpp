// The file in which a client's sessions are kept, with 0600: FOLDER/CLIENT-ID for one-shot commands, and any file for
// a `run --identity`.
//
// Per cluster id: the session, its secret, the next request number, the highest index seen, and the
// requests that have no answer yet. JSON, so that a person can read it; state_format.cpp has the fields.
// Invariants: a process that uses a session holds flock on the file, so that no number is used by two commands;
// a crash leaves the old content or the new one, never a mixture.
// What the file says is checked before it is believed; a file that cannot be read is never overwritten.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "lockstep/client.hpp"
#include "protocol/client_core/client_session.hpp"
#include "tools/lockstep/kept/file.hpp"

namespace lockstep {

// What is kept of one cluster.
struct KeptSession {
  std::array<std::uint8_t, 32> secret{};
  SavedSession saved;
  friend bool operator==(const KeptSession&, const KeptSession&) = default;
};
using KeptSessions = std::map<ClusterId, KeptSession>;

std::string encode_state(const ClientId& client, const KeptSessions& sessions);
// What is wrong is said as the end of a sentence about the file.
tl::expected<KeptSessions, std::string> decode_state(const ClientId& client, std::string_view text);
// Whose state it is; nobody's yet if it is empty.
tl::expected<std::optional<ClientId>, std::string> client_in_state(std::string_view text);

// Without the lock: for readers, who use no numbers. Nothing is kept if there is no file.
Expected<KeptSessions> read_state(const std::filesystem::path& folder, const ClientId& client);

class StateFile {
 public:
  // Waits for the lock while another command of this client has it, but not longer than `patience`.
  static Expected<StateFile> open(const std::filesystem::path& folder, const ClientId& client, Duration patience);

  // A file that says itself whose it is. One that is not there, or empty, becomes that of `client`, or of a new id.
  static Expected<StateFile> open(const std::filesystem::path& path, std::optional<ClientId> client);

  const ClientId& client_id() const { return client_; }
  // Made, with a new secret, if there is nothing yet; stored only with the next store().
  KeptSession& session_in(ClusterId cluster);
  // Durable when it returns.
  tl::expected<void, std::string> store();

 private:
  StateFile(std::filesystem::path path, const ClientId& client, FileDescriptor locked)
      : path_(std::move(path)), client_(client), locked_(std::move(locked)) {}

  std::filesystem::path path_;
  ClientId client_;
  FileDescriptor locked_;  // the file that has the name now
  KeptSessions sessions_;
};

}  // namespace lockstep
