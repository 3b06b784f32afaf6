// The part of a client that outlives one request: which session it has, which request numbers it has
// used, and which of those are still unanswered.
//
// Invariants: a number is used for one operation only; no number is acknowledged before its answer
// came; only so many numbers are open, from the lowest unanswered one on. A number whose
// caller gave up stays unanswered, since a copy of it may yet run, until an answer to it arrives.
// A value without I/O. saved() is what a shell that keeps the session must store.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "protocol/locks/commands.hpp"

namespace lockstep {

// A request that was sent, or is about to be, and has no answer yet.
struct UnfinishedRequest {
  RequestNumber number;
  locks::Operation operation;
  friend bool operator==(const UnfinishedRequest&, const UnfinishedRequest&) = default;
};

// A client's session as it is kept between two processes (or two commands) of one client id. With TTL 0 the next
// process goes on with the session and its numbers; one with a lease is taken over, and only its id matters.
struct SavedSession {
  SessionId session;                          // none: no Open has been answered yet
  RequestNumber next_number{1};               // the lowest that was never used in `session`
  LogIndex highest_index;                     // the highest applied index in any answer
  std::vector<UnfinishedRequest> unfinished;  // in order of number
  // Of an Open that was sent and has no answer yet: it is repeated with the same nonce, so that the
  // session it may have opened is found again. 0: none was sent.
  std::uint64_t open_nonce = 0;
  SessionId replaces;  // what that Open names, or the next one will: the client's last session
  friend bool operator==(const SavedSession&, const SavedSession&) = default;
};

class ClientSession {
 public:
  // `nonce` is for an Open that `saved` does not already carry one for. It must not be 0. At most `max_open` numbers
  // are open, from the lowest unanswered one on.
  ClientSession(const SavedSession& saved, std::uint64_t nonce, std::uint64_t max_open);

  // Whether an Open was sent, or is about to be, and has no answer yet.
  bool is_opening() const { return saved_.open_nonce != 0; }
  bool is_open() const { return static_cast<bool>(saved_.session); }
  SessionId id() const { return saved_.session; }
  RequestNumber next_number() const { return saved_.next_number; }
  LogIndex highest_index() const { return saved_.highest_index; }
  void saw_index(LogIndex index);

  // L1. The nonce and `replaces` of the Open to send; saved() carries them from now on.
  std::uint64_t begin_open();
  SessionId replaces() const { return saved_.replaces; }
  void opened(SessionId session);
  // The client's last session is this one, as the cluster says, and it has ended: the next Open names it. What an
  // earlier Open named is older, so no copy of that one opens anything any more.
  void goes_on_from(SessionId last);
  // The session ended, or is given up: no answer to anything of it matters any more. The next Open names it.
  void ended();

  // Whether another number may be used: false while as many are open as may be.
  bool may_use_number() const;
  RequestNumber use_number(const locks::Operation& operation);
  void answered(RequestNumber number);
  bool is_unanswered(RequestNumber number) const { return unanswered_.contains(number); }
  const std::map<RequestNumber, locks::Operation>& unanswered() const { return unanswered_; }
  // Every number below it has been answered, so the cluster may forget those answers.
  RequestNumber acknowledged_below() const;
  // `number` was the only open one from its first use until now, so that its answer, whenever it
  // ran, is the last word of this session on that lock.
  bool was_alone(RequestNumber number) const { return alone_ == number; }

  SavedSession saved() const;

 private:
  SavedSession saved_;  // without `unfinished`, which is unanswered_
  std::map<RequestNumber, locks::Operation> unanswered_;
  std::uint64_t nonce_;
  std::uint64_t max_open_;
  RequestNumber alone_;  // none: the newest number was not alone
};

}  // namespace lockstep
