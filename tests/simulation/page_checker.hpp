// What reads are answered: pages of locks, counts, sessions, events and changes, and what became of a waiter, each
// against what was so at the index that the answer names.
//
// A page of any size is a piece without a gap: all that matches, in order, from where it was to begin. It ends for a
// reason, as many items or bytes as it may have, and says whether there is more.
#pragma once

#include <string>
#include <vector>

#include "protocol/replica/desk_bounds.hpp"
#include "protocol/wire/client_messages.hpp"
#include "tests/simulation/coverage.hpp"
#include "tests/simulation/reference.hpp"

namespace lockstep::simulation {

class PageChecker {
 public:
  PageChecker(const DeskBounds& desk, Coverage& coverage) : desk_(desk), coverage_(&coverage) {}

  void check(const Reference& reference, const wire::CheckRequest& asked, const wire::CheckAnswer& answer,
             LogIndex applied) const;
  void check(const Reference& reference, const wire::ListRequest& asked, const wire::ListAnswer& answer,
             LogIndex applied) const;
  void check(const Reference& reference, const wire::CountRequest& asked, const wire::CountAnswer& answer,
             LogIndex applied) const;
  void check(const Reference& reference, const wire::HistoryRequest& asked, const wire::HistoryAnswer& answer,
             LogIndex applied) const;
  void check(const Reference& reference, const wire::SessionsRequest& asked, const wire::SessionsAnswer& answer,
             LogIndex applied) const;
  // `floor`: of what came before, the node has only the state.
  void check(const Reference& reference, const wire::WatchRequest& asked, const wire::WatchAnswer& answer,
             LogIndex applied, LogIndex floor) const;
  void check(const Reference& reference, const wire::Wait& asked, const wire::ResponseBody& answer,
             LogIndex applied) const;
  void check(const Reference& reference, const wire::KeepAlive& asked, const wire::KeptAlive& answer,
             LogIndex applied) const;

 private:
  template <typename Item>
  void check_page(const Reference& reference, const std::vector<Item>& page, bool more,
                  const std::vector<Item>& expected, std::size_t limit, const std::string& what) const;
  void check_reset(const Reference& reference, const wire::WatchRequest& asked, LogIndex applied, LogIndex floor) const;
  void check_changes(const Reference& reference, const wire::WatchRequest& asked,
                     const wire::WatchAnswer& answer) const;
  void check_holds(const Reference& reference, const wire::WatchRequest& asked, const wire::WatchAnswer& answer,
                   LogIndex applied) const;

  DeskBounds desk_;
  Coverage* coverage_;
};

}  // namespace lockstep::simulation
