// Which operations may be sent, as far as the locks that they name are concerned: one operation under way for each
// lock, in the order of their calls.
//
// Retries overtake each other. So what was asked of one lock is answered before the next is asked of it, and the
// answers say what is held. An operation that shares no name with those under way does not wait for others.
//
// Invariant: an operation that is not sent is either ready or blocked at one name. A blocked one waits for a name that
// is in use, or that an earlier ready one of its kind is about to use. So each call costs the logarithm of what is in
// line, and what waits for other names costs nothing.
// A value. It does not know numbers, sessions or time: next() says which operation may go, its owner whether it goes.
//
//   for (RequestId id = line.next({}, false); id; id = line.next(id, false)) line.start(id);
#pragma once

#include <array>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "protocol/client_core/outstanding_request.hpp"

namespace lockstep::client_core {

// The locks that it asks for or gives back.
std::span<const std::string> names_in(const locks::Operation& operation);

class OperationLine {
 public:
  // At the end of the line or, with an id that was in it before, at its old place.
  void add(RequestId id, const RunOnce& operation);
  // It is sent: from now on its locks are in use, until it is removed.
  void start(RequestId id);
  void remove(RequestId id);

  // The first one after `after` that is not sent and whose locks are not in use; none: no such. `only_ends`: of those
  // that end something. What it finds blocked it puts aside, so it is not const.
  RequestId next(RequestId after, bool only_ends);
  bool is_in_use(const locks::Operation& operation) const;  // a lock that it names
  bool has_release_of(const std::string& name) const;       // sent or not

  bool is_idle() const { return entries_.empty() && names_.empty() && ready_[kEnds].empty() && ready_[kIsNew].empty(); }
  void check_invariants() const;

 private:
  enum Precedence : std::size_t { kEnds, kIsNew };
  struct Place {
    std::vector<std::string> names;
    Precedence kind = kIsNew;
    bool is_release = false;
    bool started = false;
    std::optional<std::string> blocked_at = {};  // none, and not started: ready
  };
  struct NameUse {
    std::size_t users = 0;   // operations that name it
    std::size_t in_use = 0;  // those under way; more than one only if an earlier process left them
    std::size_t releases = 0;
    std::array<std::set<RequestId>, 2> blocked;
  };
  bool is_free(const std::string& name) const;
  const std::string* name_in_use(const Place& entry) const;
  void block(RequestId id, Place& entry, const std::string& name);
  void wake_first(const std::string& name, Precedence kind);

  std::map<RequestId, Place> entries_;
  std::map<std::string, NameUse> names_;
  std::array<std::set<RequestId>, 2> ready_;
};

}  // namespace lockstep::client_core
