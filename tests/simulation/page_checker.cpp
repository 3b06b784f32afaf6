#include "tests/simulation/page_checker.hpp"

#include <algorithm>

#include "tests/simulation/failure.hpp"

namespace lockstep::simulation {
namespace {

std::string as_of(LogIndex index) { return " at index " + std::to_string(index.value()); }

// What an item counts for in a page.
std::size_t bytes_of(const locks::LockView& view) {
  std::size_t bytes = sizeof(view) + view.name.size();
  for (const auto& holder : view.holders) bytes += sizeof(holder) + holder.note.size();
  for (const auto& waiter : view.waiters) bytes += sizeof(waiter) + waiter.note.size();
  return bytes;
}
std::size_t bytes_of(const locks::SessionView& view) { return sizeof(view) + view.note.size(); }
std::size_t bytes_of(const locks::HistoryEvent& event) { return sizeof(event) + event.name.size() + event.why.size(); }
std::size_t bytes_of(const locks::LockChange& change) { return sizeof(change) + change.name.size(); }

template <typename Item>
std::size_t bytes_of_all(const std::vector<Item>& items) {
  std::size_t bytes = 0;
  for (const Item& item : items) bytes += bytes_of(item);
  return bytes;
}

// Only the first few holders and waiters are shown.
locks::LockView shown(locks::LockView view, const Reference& reference) {
  view.holders.resize(std::min(view.holders.size(), reference.bounds().shown_holders));
  view.waiters.resize(std::min(view.waiters.size(), reference.bounds().shown_waiters));
  return view;
}

std::vector<locks::LockChange> matching(const std::vector<locks::LockChange>& changes, const std::string& prefix) {
  std::vector<locks::LockChange> found;
  for (const locks::LockChange& change : changes) {
    if (change.name.starts_with(prefix)) found.push_back(change);
  }
  return found;
}

}  // namespace

template <typename Item>
void PageChecker::check_page(const Reference& reference, const std::vector<Item>& page, bool more,
                             const std::vector<Item>& expected, std::size_t limit, const std::string& what) const {
  REQUIRE_SAFE(
      page.size() <= limit && page.size() <= expected.size() && std::equal(page.begin(), page.end(), expected.begin()),
      what + ": the page tells something else");
  REQUIRE_SAFE(more == (page.size() < expected.size()), what + ": whether there is more");
  if (!more) return;
  const bool is_full = page.size() == limit;
  REQUIRE_SAFE(is_full || (!page.empty() && bytes_of_all(page) >= reference.bounds().page_bytes),
               what + ": the page ends without a reason");
  coverage_->note(is_full ? Met::kPageFull : Met::kPageOfBytes);
}

void PageChecker::check(const Reference& reference, const wire::CheckRequest& asked, const wire::CheckAnswer& answer,
                        LogIndex applied) const {
  auto expected = reference.past().lock(asked.name, applied);
  if (expected) expected = shown(*std::move(expected), reference);
  REQUIRE_SAFE(answer.lock == expected, "check of " + asked.name + " tells something else" + as_of(applied));
  if (expected &&
      (expected->holders.size() < expected->holder_count || expected->waiters.size() < expected->waiter_count))
    coverage_->note(Met::kViewCut);
}

void PageChecker::check(const Reference& reference, const wire::ListRequest& asked, const wire::ListAnswer& answer,
                        LogIndex applied) const {
  std::vector<locks::LockView> expected;
  for (auto& lock : reference.past().locks(asked.prefix, asked.after, applied)) {
    expected.push_back(shown(std::move(lock), reference));
  }
  check_page(reference, answer.locks, answer.more, expected, asked.limit,
             "list of '" + asked.prefix + "'" + as_of(applied));
}

void PageChecker::check(const Reference& reference, const wire::CountRequest& asked, const wire::CountAnswer& answer,
                        LogIndex applied) const {
  locks::LockCount expected;
  std::string last;
  for (const auto& lock : reference.past().locks(asked.prefix, asked.after, applied)) {
    if (expected.locks == reference.bounds().counted) {
      coverage_->note(Met::kCountStopped);
      expected.last = last;
      break;
    }
    ++expected.locks;
    expected.holders += lock.holder_count;
    expected.waiters += lock.waiter_count;
    last = lock.name;
  }
  REQUIRE_SAFE(answer.count == expected, "count of '" + asked.prefix + "' tells something else" + as_of(applied));
}

void PageChecker::check(const Reference& reference, const wire::HistoryRequest& asked,
                        const wire::HistoryAnswer& answer, LogIndex applied) const {
  const std::uint64_t ended = reference.past().events(applied);
  const std::uint64_t forgotten = ended - std::min<std::uint64_t>(ended, reference.bounds().history);
  if (forgotten != 0) coverage_->note(Met::kHistoryWrapped);
  std::vector<locks::HistoryEvent> expected;
  for (std::uint64_t place = std::max(forgotten, asked.after); place < ended; ++place) {
    const locks::HistoryEvent& event = reference.events()[place];
    if (asked.name.empty() || event.name == asked.name) expected.push_back(event);
  }
  check_page(reference, answer.events, answer.more, expected, asked.limit,
             "history of '" + asked.name + "'" + as_of(applied));
}

void PageChecker::check(const Reference& reference, const wire::SessionsRequest& asked,
                        const wire::SessionsAnswer& answer, LogIndex applied) const {
  std::vector<locks::SessionView> expected;
  for (const PastSession& session : reference.past().sessions(asked.after, applied)) expected.push_back(session.view);
  check_page(reference, answer.sessions, answer.more, expected, asked.limit, "sessions" + as_of(applied));
}

void PageChecker::check(const Reference& reference, const wire::WatchRequest& asked, const wire::WatchAnswer& answer,
                        LogIndex applied, LogIndex floor) const {
  REQUIRE_SAFE(answer.index <= applied && answer.index >= asked.from, "a watch goes on" + as_of(applied));
  if (answer.reset) {
    check_reset(reference, asked, applied, floor);
    REQUIRE_SAFE(answer.index == applied && answer.changes.empty(), "a watch begins with the state" + as_of(applied));
  } else {
    check_changes(reference, asked, answer);
  }
  const bool wants_page = answer.reset || !asked.after.empty();
  if (wants_page && answer.index == applied) return check_holds(reference, asked, answer, applied);
  REQUIRE_SAFE(answer.locks.empty() && answer.more == wants_page, "a page is of the state as it is" + as_of(applied));
}

// Nobody is told to begin anew without need.
void PageChecker::check_reset(const Reference& reference, const wire::WatchRequest& asked, LogIndex applied,
                              LogIndex floor) const {
  if (!asked.from || asked.from < floor) return;
  std::size_t changes = 0;
  bool has_large_entry = false;
  for (LogIndex index = asked.from.next(); index <= applied; index = index.next()) {
    changes += reference.changes_at(index).size();
    has_large_entry =
        has_large_entry || matching(reference.changes_at(index), asked.prefix).size() > desk_.watched_changes;
  }
  REQUIRE_SAFE(changes > desk_.kept_changes || has_large_entry, "a watch that goes on from index " +
                                                                    std::to_string(asked.from.value()) +
                                                                    " begins anew without a reason" + as_of(applied));
  coverage_->note(Met::kWatchReset);
}

void PageChecker::check_changes(const Reference& reference, const wire::WatchRequest& asked,
                                const wire::WatchAnswer& answer) const {
  std::vector<locks::LockChange> expected;
  for (LogIndex index = asked.from.next(); index <= answer.index; index = index.next()) {
    for (auto& change : matching(reference.changes_at(index), asked.prefix)) expected.push_back(std::move(change));
  }
  REQUIRE_SAFE(answer.changes == expected, "a watch misses no change" + as_of(answer.index));
  REQUIRE_SAFE(expected.size() <= desk_.watched_changes, "an answer has only so many changes" + as_of(answer.index));
}

// Whole locks, from where the page before ended.
void PageChecker::check_holds(const Reference& reference, const wire::WatchRequest& asked,
                              const wire::WatchAnswer& answer, LogIndex applied) const {
  std::vector<locks::LockChange> expected;
  std::vector<std::size_t> ends{0};  // of each lock
  const std::string after = answer.reset ? std::string() : asked.after;
  for (const locks::LockView& lock : reference.past().locks(asked.prefix, after, applied)) {
    if (lock.holders.empty()) continue;
    for (const locks::HolderView& hold : lock.holders) {
      expected.push_back({LogIndex(hold.token.value()), lock.name, lock.mode, hold.owner, hold.token, {}});
    }
    ends.push_back(expected.size());
  }
  const std::string what = "a page of holds" + as_of(applied);
  REQUIRE_SAFE(
      answer.locks.size() <= expected.size() && std::equal(answer.locks.begin(), answer.locks.end(), expected.begin()),
      what + " tells something else");
  const auto end = std::find(ends.begin(), ends.end(), answer.locks.size());
  REQUIRE_SAFE(end != ends.end(), what + " has half of a lock");
  REQUIRE_SAFE(answer.more == (answer.locks.size() < expected.size()), what + ": whether there is more");
  if (!answer.more) return;
  REQUIRE_SAFE(!answer.locks.empty() && (answer.locks.size() >= desk_.watched_holds ||
                                         bytes_of_all(answer.locks) >= reference.bounds().page_bytes),
               what + " ends without a reason");
  const std::size_t before_last = *std::prev(end);
  REQUIRE_SAFE(before_last < desk_.watched_holds, what + " goes on beyond its bound");
  coverage_->note(Met::kWatchPage);
}

void PageChecker::check(const Reference& reference, const wire::Wait& asked, const wire::ResponseBody& answer,
                        LogIndex applied) const {
  const auto session = reference.past().session(asked.session, applied);
  const auto waiter = reference.past().waiter(asked.waiter, applied);
  const bool is_its_own = waiter && waiter->session == asked.session;
  if (const auto* error = std::get_if<wire::ErrorAnswer>(&answer)) {
    const bool is_gone = error->code == ErrorCode::kWaiterGone;
    if (!is_gone && error_info(error->code).exit_code != 5) return;  // about the node
    REQUIRE_SAFE(!is_its_own && is_gone == session.has_value(),
                 "a waiter that is there is told it is not" + as_of(applied));
    return;
  }
  REQUIRE_SAFE(is_its_own, "who does not wait is told what became of the wait" + as_of(applied));
  const auto is_as_told = [&](const auto& state) {
    const auto* told = std::get_if<std::decay_t<decltype(state)>>(&answer);
    return told != nullptr && *told == state;
  };
  REQUIRE_SAFE(std::visit(is_as_told, waiter->state), "a waiter is told something else" + as_of(applied));
}

void PageChecker::check(const Reference& reference, const wire::KeepAlive& asked, const wire::KeptAlive& answer,
                        LogIndex applied) const {
  const auto session = reference.past().session(asked.session, applied);
  REQUIRE_SAFE(session && session->forced_at == answer.forced_at,
               "a renewal tells when a lock was last taken away" + as_of(applied));
}

}  // namespace lockstep::simulation
