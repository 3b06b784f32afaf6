// What must be true of the answers: of each one that leaves a node, whether or not it arrives, and of
// what a client's calls were told in the end.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "protocol/client_core/client_core.hpp"
#include "protocol/replica/replica.hpp"
#include "tests/simulation/page_checker.hpp"
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
  kCount,
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
  std::string after = {};   // where a page begins: a name of a lock,
  std::uint64_t place = 0;  // or the position of an event, or the number of a session
  std::uint32_t limit = 0;  // of the page
  Time started{};
  LogIndex seen;       // the highest applied index that this process had been told of
  LogIndex committed;  // the last index that was committed anywhere
};

class ClientChecker {
 public:
  ClientChecker(const DeskBounds& desk, Coverage& coverage) : pages_(desk, coverage), coverage_(&coverage) {}

  // A node answers. `reference` is its cluster's; none while the node is blank.
  // What a node answered: the turn in which it did began then, and it reads this clock.
  struct Turn {
    Time began{};
    const SimClock* clock;
    LogIndex floor;  // of what came before, the node has only the state
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
  template <typename Asked>
  void check_read(const Turn& turn, const Reference& reference, const Asked& asked, const wire::Response& response);
  void check_grant(const Reference& reference, const Call& call, FencingToken token) const;
  void check_taken_over(const Reference& reference, const TakenOver& outcome, LogIndex open) const;
  void check_is_in_no_queue(const Reference& reference, SessionId session, const Call& call, LogIndex ended) const;
  void check_age(const Turn& turn, const Reference& reference, std::optional<std::uint64_t> age_ms, LogIndex applied);

  PageChecker pages_;
  Coverage* coverage_;
  std::map<locks::RequestKey, Refusal> refusals_;
};

}  // namespace lockstep::simulation
