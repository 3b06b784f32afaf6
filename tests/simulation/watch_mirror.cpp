#include "tests/simulation/watch_mirror.hpp"

#include "tests/simulation/failure.hpp"

namespace lockstep::simulation {

// First the state, by name and in pages, then every change; of names that are still to come changes mean nothing.
void WatchMirror::update(const wire::WatchAnswer& answer) {
  if (answer.reset) holders_.clear();
  const bool all_names = complete_at_ && !answer.reset;
  for (const locks::LockChange& change : answer.changes) {
    if (!all_names && change.name > after_) continue;
    auto& holders = holders_[change.name];
    if (change.ended) {
      holders.erase(change.owner);
    } else {
      holders[change.owner] = change.token;
    }
    if (holders.empty()) holders_.erase(change.name);
  }
  for (const locks::LockChange& hold : answer.locks) holders_[hold.name][hold.owner] = hold.token;
  from_ = answer.index;
  if (!answer.locks.empty()) after_ = answer.locks.back().name;
  if (!answer.more) after_.clear();
  complete_at_ = answer.more ? LogIndex() : answer.index;
}

void WatchMirror::check(const Reference& reference) const {
  REQUIRE_SAFE(complete_at_ <= reference.last(), "who watches sees what is committed");
  Holders expected;
  for (const locks::LockView& view : reference.past().locks(prefix_, "", complete_at_)) {
    for (const locks::HolderView& holder : view.holders) expected[view.name][holder.owner] = holder.token;
  }
  REQUIRE_SAFE(holders_ == expected, "who watches knows every lock at index " + std::to_string(complete_at_.value()));
}

}  // namespace lockstep::simulation
