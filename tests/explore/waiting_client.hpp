// A client of the model `waiting`: the whole production ClientCore of one process, and of the processes after it.
//
// Its time stands still but for its patience: then it is the next moment at which the core wants to look. What its
// process wrote down before it ended is where the next one begins.
// A value, like what it holds.
#pragma once

#include <map>
#include <optional>
#include <vector>

#include "protocol/client_core/client_core.hpp"
#include "tests/explore/fingerprint.hpp"

namespace lockstep::explore {

inline constexpr const char* kFirstName = "a";
inline constexpr const char* kSecondName = "b";

// What an application may ask for.
enum class Asked : std::uint8_t { kAcquire, kAcquireBoth, kPreempt, kRelease, kCancel, kForceRelease, kTakeOver };

struct Ended {
  Asked asked{};
  ClientOutcome outcome;
};

class WaitingClient {
 public:
  WaitingClient(std::uint8_t number, Duration ttl, std::uint64_t renewals);

  // Events. What comes of each is kept for take_sends() and take_ended().
  void ask(Asked what);
  void receive(const wire::Response& response);
  void lose_patience();
  void sleep();        // for longer than any lease and any call
  void start_again();  // a new process

  std::vector<wire::Request> take_sends();
  std::vector<Ended> take_ended();

  bool may_ask(Asked what) const;
  bool has_patience_to_lose() const;
  // That the session, if it is its own, does not end before the client knows (L3).
  bool relies_on(SessionId session) const;
  bool is_at_rest() const;     // no call, nor anything of one
  bool waits_to_open() const;  // a session, which nobody wants any more: it goes on when somebody does
  const ClientCore& core() const { return core_; }
  ClientId id() const { return options_.client; }
  ConnectionId connection() const { return ConnectionId(std::uint64_t{options_.client.bytes[0]} * 16 + process_); }
  bool has_lease() const { return options_.ttl > Duration::zero(); }
  bool is_first_process() const { return process_ == 0; }
  // Of an earlier process it knows only what it was told: what was granted, and what stood in line, up to here.
  LogIndex knows_after() const { return knows_after_; }
  bool was_told() const { return was_told_; }    // what it took over
  LogIndex told_at() const { return told_at_; }  // the index of the last page
  Fingerprint fingerprint() const;

 private:
  void take_output();
  bool is_asking_for_both() const;

  ClientOptions options_;
  std::uint64_t renewals_;  // that may still leave; later ones are lost on the way
  std::uint64_t process_ = 0;
  LogIndex knows_after_;
  bool was_told_ = false;
  LogIndex told_at_;
  LogIndex forced_at_;  // as it was told
  Time clock_{};
  ClientCore core_;
  SavedSession saved_;
  std::map<CallId, Asked> calls_;
  std::map<CallNumber, Time> renewed_;
  std::vector<wire::Request> sends_;
  std::vector<Ended> ended_;
};

}  // namespace lockstep::explore
