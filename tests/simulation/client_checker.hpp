// What must be true of the answers: of each one that leaves a node, whether or not it arrives, and of
// what a client's calls were told in the end.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "protocol/client_core/client_core.hpp"
#include "protocol/replica/replica.hpp"
#include "tests/simulation/reference.hpp"
#include "tests/simulation/sim_clock.hpp"

namespace lockstep::simulation {

enum class CallKind {
  kPreempt,
  kRelease,
  kCheck,
  kList,
  kStatus,
  kAcquire,
  kClose,
  kForceRelease,
  kCloseSession,
  kHistory,
  kSessions,
  kWatch,
  kTakeOver,
};

// One call of a client's application, as it was when it began.
struct Call {
  CallKind kind{};
  std::string name;                // of the lock, or the prefix of a list or a watch
  std::vector<std::string> names;  // of an acquire
  AcquireTerms terms;
  wire::ReadMode mode = wire::ReadMode::kLocal;
  Time started{};
  LogIndex seen;       // the highest applied index that this process had been told of
  LogIndex committed;  // the last index that was committed anywhere
};

class ClientChecker {
 public:
  explicit ClientChecker(Coverage& coverage) : coverage_(&coverage) {}

  // A node answers. `reference` is its cluster's; none while the node is blank.
  // What a node answered: the turn in which it did began then, and it reads this clock.
  struct Turn {
    Time began{};
    const SimClock* clock;
  };
  void replied(const Turn& turn, const Reference* reference, const wire::Request& request,
               const wire::Response& response);
  void completed(const Reference* reference, SessionId session, const Call& call, const Completion& completion);
  // Nothing that a client was told will never happen has happened since.
  void check_refusals(const Reference& reference) const;

 private:
  struct Refusal {
    ErrorCode code{};
    LogIndex index;
  };

  void check_command(const Reference& reference, const locks::RequestKey& key, const wire::Response& response);
  void check_view(const Turn& turn, const Reference& reference, const wire::CheckRequest& check,
                  const wire::CheckAnswer& answer, LogIndex applied);
  void check_list(const Turn& turn, const Reference& reference, const wire::ListRequest& list,
                  const wire::ListAnswer& answer, LogIndex applied);
  void check_wait(const wire::Wait& wait, const wire::Response& response) const;
  void check_grant(const Reference& reference, const Call& call, FencingToken token) const;
  void check_taken_over(const Reference& reference, const TakenOver& outcome, LogIndex open) const;
  void check_is_in_no_queue(const Reference& reference, SessionId session, const Call& call, LogIndex ended) const;
  void check_age(const Turn& turn, const Reference& reference, std::optional<std::uint64_t> age_ms, LogIndex applied);

  Coverage* coverage_;
  std::map<locks::RequestKey, Refusal> refusals_;
};

}  // namespace lockstep::simulation
