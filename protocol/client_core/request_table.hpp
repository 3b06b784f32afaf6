// The requests of one client that have no answer yet, and the indexes by which each event finds those that it concerns.
//
// It owns the requests, their copies and their order. It finds a request by a copy's call number, by its request
// number and by its kind; what is due, by time and lane; calls that are late, by deadline; copies in flight, by
// endpoint; operations, by the locks that they name. Every call costs the logarithm of what is outstanding, and what it
// returns. Lists of ids are in order of the ids: so are sends and completions.
//
// Invariants: a copy belongs to one request, a number to one operation. A request waits in one lane or is in flight. An
// operation without a number was never sent.
// A value without I/O. It decides nothing: which lanes are open and what an answer means is its owner's.
//
//   const RequestId id = table.add({ReadState{wire::StatusRequest{}}});       // due now
//   for (const RequestId due : table.due(now, lanes)) table.sent(due, now, copy, endpoint, patience);
//   if (const auto answered = table.find_copy(response.call)) table.erase(*answered);
#pragma once

#include <array>
#include <bitset>
#include <map>
#include <optional>
#include <set>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "protocol/client_core/operation_line.hpp"
#include "protocol/client_core/outstanding_request.hpp"

namespace lockstep::client_core {

// The place of a kind among those of RequestBody.
template <typename Kind, std::size_t place = 0>
constexpr std::size_t place_among_kinds() {
  if constexpr (std::is_same_v<Kind, std::variant_alternative_t<place, RequestKind>>) {
    return place;
  } else {
    return place_among_kinds<Kind, place + 1>();
  }
}

using Lanes = std::bitset<kLanes>;  // those that are open, by the value of Lane

class RequestTable {
 public:
  // Answers to the last `kept_copies` of one request are believed. Older ones are forgotten, so that a request that is
  // retried for days does not grow.
  explicit RequestTable(std::size_t kept_copies) : kept_copies_(kept_copies) {}

  // Its next copy is sent at `due`. An operation that has a number was sent by an earlier process.
  RequestId add(OutstandingRequest request);
  void erase(RequestId id);
  const OutstandingRequest& at(RequestId id) const;
  bool contains(RequestId id) const { return requests_.contains(id); }
  const std::map<RequestId, OutstandingRequest>& all() const { return requests_; }
  // What only its kind has. It may be changed, but for an operation's `operation`, `number` and `acquisition`.
  RequestKind& body(RequestId id);

  // What happens to a request.
  void set_call(RequestId id, CallId call, Time deadline, Duration timeout);
  CallId take_call(RequestId id);  // from now on it is nobody's
  void give_number(RequestId id, RequestNumber number);
  void sent(RequestId id, Time now, CallNumber copy, std::size_t endpoint, Duration patience);
  void failed(RequestId id, Time now, Duration pause);  // the copy in flight came to nothing
  void ask_again(RequestId id, Time now);               // likewise, but nothing is wrong with the request
  // As if it had never been sent: the next copy is the first of a request of its own, at the old place.
  void start_again(RequestId id, Time now);

  // Which requests an event concerns.
  std::optional<RequestId> find_copy(CallNumber copy) const;
  bool is_newest_copy(CallNumber copy) const;
  std::optional<RequestId> find_number(RequestNumber number) const;
  std::vector<RequestId> late_calls(Time now) const;
  std::vector<RequestId> unanswered(Time now) const;  // the patience with the copy in flight is over
  std::vector<RequestId> in_flight_at(std::size_t endpoint) const;
  std::vector<RequestId> polls_in_flight_at(std::size_t endpoint) const;
  std::vector<RequestId> due(Time now, Lanes open) const;  // of the lanes kNew and kEnding: next_operation
  RequestId next_operation(RequestId after, bool only_ends) { return line_.next(after, only_ends); }
  std::vector<RequestId> of_session() const;
  template <typename Kind>
  const std::set<RequestId>& of() const {
    return of_kind_[place_among_kinds<Kind>()];
  }
  // The first time at which a call is late, a copy is given up, or one of an open lane is due.
  Time next_deadline(Lanes open) const;

  bool is_in_use(const locks::Operation& operation) const { return line_.is_in_use(operation); }
  bool is_being_released(const std::string& name) const { return line_.has_release_of(name); }

  struct Counts {
    std::size_t calls = 0;             // requests that have one
    std::size_t calls_of_session = 0;  // those of them that need a session
    std::size_t numbers = 0;           // operations that were sent
    std::size_t abandoned = 0;         // those of them that neither a call nor an acquisition waits for
    friend bool operator==(const Counts&, const Counts&) = default;
  };
  const Counts& counts() const { return counts_; }

  // Nothing is here, nor counted, nor indexed.
  bool is_idle() const;
  void check_invariants() const;  // walks everything: for tests

 private:
  using Times = std::set<std::pair<Time, RequestId>>;
  struct Queue {
    Times waiting;    // until their next copy is due
    Times in_flight;  // until the patience with their copy is over
  };
  void index(RequestId id, const OutstandingRequest& request);
  void unindex(RequestId id, const OutstandingRequest& request);
  void count(const OutstandingRequest& request, std::size_t by);
  template <typename Change>
  void change(RequestId id, const Change& change);
  void forget_copies(OutstandingRequest& request);

  std::size_t kept_copies_;
  std::map<RequestId, OutstandingRequest> requests_;
  RequestId last_;
  std::map<CallNumber, RequestId> copies_;
  std::map<RequestNumber, RequestId> numbers_;
  std::array<std::set<RequestId>, std::variant_size_v<RequestKind>> of_kind_;
  Times deadlines_;
  std::array<Queue, kLanes> lanes_;
  std::map<std::size_t, std::set<RequestId>> in_flight_at_;
  std::map<std::size_t, std::set<RequestId>> polls_at_;
  OperationLine line_;
  Counts counts_;
};

}  // namespace lockstep::client_core
