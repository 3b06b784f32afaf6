// Which locks this client holds, as far as it was told, and how it lost those of its last session.
//
// Invariants: a name is held or lost, never both. What was lost stays lost until it is granted again. After a Close was
// sent nothing counts as held, although the session is still open: its locks may be another's from then on.
// A value without I/O. It believes what it is told: tokens come from answers, so nothing is asserted about them.
//
//   holds.hold({"a"}, FencingToken(7));
//   if (holds.taken("a", FencingToken(7))) tell_the_application();
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "protocol/client_core/client_types.hpp"

namespace lockstep::client_core {

class Holds {
 public:
  const std::map<std::string, FencingToken>& held() const { return held_; }
  std::optional<FencingToken> token_of(const std::string& name) const;  // none: not held
  std::optional<LossReason> loss_of(const std::string& name) const;     // of the last session, and not held since

  // They were granted with this token.
  void hold(const std::vector<std::string>& names, FencingToken token);
  void released(const std::string& name);
  // Something took it. Returns whether it was held with this token.
  bool taken(const std::string& name, FencingToken token);
  // All that is held is lost. Returns what that was, in order of name.
  std::vector<OwnedLock> lose_all(LossReason reason);
  // A Close is sent. Returns whether it is the first of this session.
  bool give_up();
  // The session has ended. Returns whether a Close was sent in it.
  bool end_session();

  // L1: a session is new, and no operator took anything from it.
  void begin_session() { forced_at_ = LogIndex(); }
  // An operator took something at this index. Returns whether that is news.
  bool was_forced(LogIndex at);
  // Whether what is held must be verified, since an operator took something after one of its grants. Said once.
  bool must_verify();

  void check_invariants() const;

 private:
  std::map<std::string, FencingToken> held_;
  std::map<std::string, LossReason> lost_;
  LogIndex forced_at_;
  bool must_verify_ = false;
  bool gave_up_ = false;
};

}  // namespace lockstep::client_core
