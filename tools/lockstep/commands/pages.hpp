// Many things, shown in pages: as a table to a person at a terminal, and else a line each.
#pragma once

#include <algorithm>
#include <cstddef>
#include <deque>
#include <limits>
#include <string>
#include <vector>

#include "tools/lockstep/commands/commands.hpp"

namespace lockstep {

inline constexpr std::size_t kNoLimit = std::numeric_limits<std::size_t>::max();
inline constexpr std::size_t kLimitAtTerminal = 50;  // of what grows without an end, newest first

// --limit N.
void add_limit(CLI::App& command, std::size_t& limit, const std::string& what);

// Whether it is shown as a table.
bool is_for_a_person(const GlobalOptions& options);

// False: nobody reads any more.
bool show_rows(const std::vector<std::string>& rows);
// The same, of what `line` makes of each item. `is_cut`: there are more, behind --limit. The last object says so.
template <typename Item, typename Line>
bool show_lines(const GlobalOptions& options, const std::vector<Item>& items, bool is_cut, Line line) {
  for (std::size_t i = 0; i < items.size(); ++i) {
    Report report = line(items[i]);
    if (is_cut && i + 1 == items.size()) report.json["more"] = true;
    if (!print(report, options.json)) return false;
  }
  return true;
}
// On stderr, how to see what comes behind --limit. A program has been told by the last object.
void tell_more(const GlobalOptions& options, const std::string& way);

// The last items of a long row, at most `limit` of them.
template <typename Item>
class Newest {
 public:
  explicit Newest(std::size_t limit) : limit_(limit) {}

  void add(const Item& item) {
    ++seen_;
    items_.push_back(item);
    if (items_.size() > limit_) items_.pop_front();
  }
  std::size_t seen() const { return seen_; }
  bool is_cut() const { return seen_ > items_.size(); }
  std::vector<Item> oldest_first() const { return {items_.begin(), items_.end()}; }
  std::vector<Item> newest_first() const { return {items_.rbegin(), items_.rend()}; }

 private:
  std::size_t limit_;
  std::size_t seen_ = 0;
  std::deque<Item> items_;
};

}  // namespace lockstep
