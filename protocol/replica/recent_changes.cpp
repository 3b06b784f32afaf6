// The ring of the last changes.
#include "protocol/replica/recent_changes.hpp"

#include <algorithm>
#include <iterator>

namespace lockstep {

void RecentChanges::add(std::vector<locks::LockChange> entry) {
  std::move(entry.begin(), entry.end(), std::back_inserter(changes_));
  while (changes_.size() > max_size_) {
    floor_ = changes_.front().index;  // of that entry not all is here any more
    changes_.pop_front();
  }
}

void RecentChanges::restart(LogIndex floor) {
  floor_ = floor;
  changes_.clear();
}

std::optional<RecentChanges::Part> RecentChanges::after(LogIndex from, std::string_view prefix,
                                                        std::size_t limit) const {
  if (from < floor_) return std::nullopt;
  Part part;
  const auto first = std::upper_bound(changes_.begin(), changes_.end(), from,
                                      [](LogIndex index, const auto& change) { return index < change.index; });
  for (auto change = first; change != changes_.end(); ++change) {
    if (!change->name.starts_with(prefix)) continue;
    if (part.changes.size() < limit) {
      part.changes.push_back(*change);
      continue;
    }
    const auto is_of_entry = [&](const locks::LockChange& other) { return other.index == change->index; };
    std::erase_if(part.changes, is_of_entry);
    if (part.changes.empty()) return std::nullopt;
    part.last = part.changes.back().index;
    break;
  }
  return part;
}

}  // namespace lockstep
