// Is there an order of all calls on a name, each between its call and its answer, that one correct lock could have
// given? From the calls alone, without the log.
//
// The search is that of Wing and Gong ("Testing and Verifying Concurrent Objects", 1993), run along the time line as in
// Lowe's just-in-time linearization ("Testing for linearizability", 2017), for each name by itself: a history is
// linearizable if that of each object is (Herlihy and Wing, 1990).
#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "tests/torture/checker.hpp"
#include "tests/torture/evidence.hpp"

namespace lockstep::torture {
namespace {

constexpr std::size_t kMostWays = 20'000;

struct Holder {
  std::string client;       // UUID
  std::uint64_t token = 0;  // 0: of a grant that nobody was told of, so any
  std::size_t call = 0;     // that was granted
  friend auto operator<=>(const Holder&, const Holder&) = default;
};

// One way in which all calls up to now may have happened.
struct Way {
  std::vector<Holder> holders;    // sorted
  std::vector<std::size_t> open;  // calls that will have an answer and have not happened yet, sorted
  std::vector<std::size_t> lost;  // calls that never have one, and may happen at any time or never, sorted
  std::uint64_t newest = 0;       // token

  auto place() const { return std::tie(holders, open); }
};

bool takes(const Call& call) { return call.verb == Verb::kPreempt || call.verb == Verb::kAcquire; }

// The ways that are worth going on with: one that has the same holders, and has used fewer of the lost calls, can do
// all that the other can.
class Ways {
 public:
  // False: another one stands for it.
  bool add(Way way) {
    auto& group = groups_[{way.holders, way.open}];
    const auto stands_for = [](const Way& one, const Way& other) {
      return one.newest <= other.newest &&
             std::includes(one.lost.begin(), one.lost.end(), other.lost.begin(), other.lost.end());
    };
    for (const Way& other : group) {
      if (stands_for(other, way)) return false;
    }
    size_ -= std::erase_if(group, [&](const Way& other) { return stands_for(way, other); });
    group.push_back(std::move(way));
    ++size_;
    return true;
  }
  std::size_t size() const { return size_; }
  std::vector<Way> take() {
    std::vector<Way> all;
    for (auto& [place, group] : groups_) std::move(group.begin(), group.end(), std::back_inserter(all));
    groups_.clear();
    size_ = 0;
    return all;
  }

 private:
  std::map<std::pair<std::vector<Holder>, std::vector<std::size_t>>, std::vector<Way>> groups_;
  std::size_t size_ = 0;
};

class Search {
 public:
  Search(std::string name, std::vector<const Call*> calls, const std::map<int, std::string>& ids,
         const std::map<const Call*, Nanoseconds>& promised)
      : name_(std::move(name)), calls_(std::move(calls)), ids_(ids), promised_(promised) {
    ways_.add({});
  }

  enum class End { kFound, kNone, kGivenUp };

  End run() {
    for (const auto& [time, is_answer, which] : events()) {
      now_ = time;
      std::vector<Way> before = ways_.take();
      if (!is_answer) {
        for (Way& way : before) {
          auto& list = calls_[which]->is_indefinite() ? way.lost : way.open;
          list.insert(std::lower_bound(list.begin(), list.end(), which), which);
          ways_.add(std::move(way));
        }
        continue;
      }
      if (!happens_in(std::move(before), which)) return End::kGivenUp;
      failed_ = calls_[which];
      if (ways_.size() == 0) return End::kNone;
    }
    return End::kFound;
  }

  // The call that has no place.
  const Call& failed() const { return *failed_; }

 private:
  using Event = std::tuple<Nanoseconds, bool, std::size_t>;

  // Of one moment, calls come before answers: so more orders are possible, never fewer.
  std::vector<Event> events() const {
    std::vector<Event> events;
    for (std::size_t i = 0; i < calls_.size(); ++i) {
      events.emplace_back(calls_[i]->called, false, i);
      if (!calls_[i]->is_indefinite()) events.emplace_back(calls_[i]->answer->returned, true, i);
    }
    std::sort(events.begin(), events.end());
    return events;
  }

  // Goes on with every way in which `which` has happened by now. False: they are too many.
  bool happens_in(std::vector<Way> from, std::size_t which) {
    Ways seen;
    std::vector<Way> left;
    const auto visit = [&](Way way) {
      if (!std::binary_search(way.open.begin(), way.open.end(), which)) {
        ways_.add(std::move(way));
      } else if (seen.add(way)) {
        left.push_back(std::move(way));
      }
    };
    for (Way& way : from) visit(std::move(way));
    for (std::size_t steps = 0; !left.empty(); ++steps) {
      if (steps > kMostWays || ways_.size() > kMostWays) return false;
      const Way way = std::move(left.back());
      left.pop_back();
      for (const std::size_t next : way.open) happen(way, next, false, visit);
      for (const std::size_t next : way.lost) happen(way, next, true, visit);
      end_by_themselves(way, visit);
    }
    return true;
  }

  template <typename Visit>
  void happen(const Way& way, std::size_t which, bool is_lost, const Visit& visit) const {
    Way then = way;
    if (!apply(then, which)) return;
    std::erase(is_lost ? then.lost : then.open, which);
    std::sort(then.holders.begin(), then.holders.end());
    visit(std::move(then));
  }

  // A hold ends by itself once its client may not count on it any more.
  template <typename Visit>
  void end_by_themselves(const Way& way, const Visit& visit) const {
    for (std::size_t i = 0; i < way.holders.size(); ++i) {
      const auto promised = promised_.find(calls_[way.holders[i].call]);
      if (promised != promised_.end() && promised->second > now_) continue;
      Way then = way;
      then.holders.erase(then.holders.begin() + static_cast<std::ptrdiff_t>(i));
      visit(std::move(then));
    }
  }

  // False: the call cannot happen here, or not with this answer.
  bool apply(Way& way, std::size_t which) const {
    const Call& call = *calls_[which];
    const std::string& self = ids_.at(call.client);
    const auto is_self = [&](const Holder& holder) { return holder.client == self; };
    const bool holds = std::any_of(way.holders.begin(), way.holders.end(), is_self);
    if (takes(call)) {
      if (call.is(Result::kHeld)) return shows(way, call.answer->owner, call.answer->token);
      return !holds && grant(way, which);
    }
    switch (call.verb) {
      case Verb::kRelease:
        if (call.is(Result::kNotHolder)) {
          return !holds && (call.answer->owner.empty() ? way.holders.empty() : shows(way, call.answer->owner, 0));
        }
        std::erase_if(way.holders, is_self);
        return holds;
      case Verb::kClose: std::erase_if(way.holders, is_self); return true;
      case Verb::kVerify: {
        const bool current = std::any_of(way.holders.begin(), way.holders.end(), [&](const Holder& holder) {
          return holder.token == 0 || holder.token == call.asked_token;
        });
        return call.is(Result::kCurrent) ? current : true;
      }
      default: return shows_all(way, call);
    }
  }

  // Whether somebody holds it, whatever its token (0), or with this one.
  static bool shows(Way& way, const std::string& owner, std::uint64_t token) {
    for (Holder& holder : way.holders) {
      if (holder.client != owner || (token != 0 && holder.token != 0 && holder.token != token)) continue;
      if (token != 0) holder.token = token;
      return true;
    }
    return false;
  }

  bool shows_all(Way& way, const Call& call) const {
    std::size_t shown = 0;
    for (const locks::LockView& lock : call.answer->locks) {
      if (lock.name != name_) continue;
      for (const locks::HolderView& holder : lock.holders) {
        if (!shows(way, to_string(holder.owner), holder.token.value())) return false;
        ++shown;
      }
    }
    return shown == way.holders.size();
  }

  bool grant(Way& way, std::size_t which) const {
    const Call& call = *calls_[which];
    for (const Holder& holder : way.holders) {
      const locks::Mode other = calls_[holder.call]->mode;
      if (other == locks::Mode::kExclusive || other != call.mode) return false;
    }
    if (call.mode == locks::Mode::kPermit && way.holders.size() >= call.permits) return false;
    if (call.answer && call.is(Result::kGranted)) {
      // Those who share one grant share its token.
      const std::uint64_t token = call.answer->token;
      if (token < way.newest || (token == way.newest && way.holders.empty())) return false;
      way.newest = token;
      way.holders.push_back({ids_.at(call.client), token, which});
    } else {
      way.holders.push_back({ids_.at(call.client), 0, which});
    }
    return true;
  }

  std::string name_;
  std::vector<const Call*> calls_;
  const std::map<int, std::string>& ids_;
  const std::map<const Call*, Nanoseconds>& promised_;
  Ways ways_;
  Nanoseconds now_ = 0;
  const Call* failed_ = nullptr;
};

// That changes a lock, or was told what there is of it.
bool says_something(const Call& call) {
  if (call.is_indefinite()) return !is_read(call.verb);
  if (call.is(Result::kError) || call.is(Result::kNotGranted)) return false;
  return !is_read(call.verb) || call.linearizable;
}

}  // namespace

Verdict check_linearizable(const History& history) {
  std::map<int, std::string> ids;
  for (const ClientInfo& client : history.clients) ids[client.client] = client.id;
  std::map<const Call*, Nanoseconds> promised;
  for (const Hold& hold : holds_of(history)) promised[hold.call] = hold.promised;
  std::set<std::string> names;
  std::map<std::string, std::set<int>> takers;  // by name
  for (const Call& call : history.calls) {
    if (!takes(call)) continue;
    for (const std::string& name : call.names) takers[name].insert(call.client);
  }

  Verdict result;
  for (const auto& [name, clients] : takers) {
    std::vector<const Call*> calls;
    for (const Call& call : history.calls) {
      if (!says_something(call) || !ids.contains(call.client)) continue;
      const bool is_of_it = call.verb == Verb::kClose  ? clients.contains(call.client)
                            : call.verb == Verb::kList ? name.starts_with(call.names.front())
                                                       : std::count(call.names.begin(), call.names.end(), name) != 0;
      if (is_of_it) calls.push_back(&call);
    }
    Search search(name, std::move(calls), ids, promised);
    const Search::End end = search.run();
    if (end == Search::End::kGivenUp) result.given_up.push_back(name);
    if (end == Search::End::kNone && result.violations.size() < kMostViolations) {
      result.violations.push_back({"not linearizable", describe(search.failed()) + "; no order of the calls on " +
                                                           name + " up to there has a place for it"});
    }
  }
  return result;
}

}  // namespace lockstep::torture
