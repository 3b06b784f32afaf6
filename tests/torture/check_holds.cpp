// Who could count on what, when: from the clients' answers alone, without the log.
#include <algorithm>
#include <map>

#include "tests/torture/checker.hpp"
#include "tests/torture/evidence.hpp"

namespace lockstep::torture {
namespace {

using Holds = std::vector<const Hold*>;

class Claims {
 public:
  explicit Claims(const History& history) : history_(history), holds_(holds_of(history)) {
    for (const Hold& hold : holds_) by_name_[hold.name].push_back(&hold);
  }

  std::vector<Violation> run() {
    for (auto& entry : by_name_) {
      judge_overlaps(entry.second);
      judge_tokens(entry.second);
    }
    judge_releases();
    return std::move(violations_);
  }

 private:
  void add(const char* rule, std::string text) {
    if (violations_.size() < kMostViolations) violations_.push_back({rule, std::move(text)});
  }

  static std::string tell(const Hold& hold) {
    return describe(*hold.call) + ", sure of " + hold.name + " until " + at_time(hold.sure_until()) + " (" +
           (hold.let_go < hold.promised ? "let go" : "lease") + ")";
  }

  static bool exclude(const Hold& a, const Hold& b) {
    return a.call->mode == locks::Mode::kExclusive || b.call->mode == locks::Mode::kExclusive ||
           a.call->mode != b.call->mode;
  }

  // Everyone who is sure of the name at the moment when one more is told that it has it.
  void judge_overlaps(Holds& holds) {
    std::sort(holds.begin(), holds.end(), [](auto* a, auto* b) { return a->granted < b->granted; });
    Holds sure;
    for (const Hold* hold : holds) {
      if (hold->sure_until() <= hold->granted) continue;  // the answer came too late to count on it
      std::erase_if(sure, [&](const Hold* other) { return other->sure_until() <= hold->granted; });
      std::size_t sharing = 1;
      for (const Hold* other : sure) {
        if (exclude(*other, *hold)) add("double grant", tell(*other) + "; and " + tell(*hold));
        ++sharing;
      }
      if (hold->call->mode == locks::Mode::kPermit && sharing > hold->call->permits) {
        add("double grant", std::to_string(sharing) + " permits of " + std::to_string(hold->call->permits) +
                                " at one time; the last: " + tell(*hold));
      }
      sure.push_back(hold);
    }
  }

  // A name's token rises from each exclusive grant to the next one; those who share one grant share it.
  void judge_tokens(Holds& holds) {
    Holds by_end = holds;
    std::sort(holds.begin(), holds.end(), [](auto* a, auto* b) { return a->call->called < b->call->called; });
    std::sort(by_end.begin(), by_end.end(), [](auto* a, auto* b) { return a->granted < b->granted; });
    const Hold* highest = nullptr;
    auto ended = by_end.begin();
    for (const Hold* hold : holds) {
      for (; ended != by_end.end() && (*ended)->granted < hold->call->called; ++ended) {
        if (highest == nullptr || (*ended)->token > highest->token) highest = *ended;
      }
      if (highest == nullptr || hold->token > highest->token) continue;
      if (hold->token == highest->token && !exclude(*hold, *highest)) continue;
      add("falling token", tell(*hold) + "; before it " + tell(*highest));
    }
    std::map<std::uint64_t, const Hold*> by_token;
    for (const Hold* hold : holds) {
      const auto [first, is_first] = by_token.try_emplace(hold->token, hold);
      if (!is_first && exclude(*first->second, *hold)) {
        add("double grant", "the same token twice: " + tell(*first->second) + "; and " + tell(*hold));
      }
    }
  }

  // What was released is never seen held with the same token again, by whoever looks at a later state.
  void judge_releases() {
    std::map<std::pair<int, std::string>, std::uint64_t> held;  // by client and name: the token of the last grant
    std::map<std::tuple<std::string, std::string, std::uint64_t>, const Call*> released;  // by owner, name, token
    std::map<int, std::string> ids;
    for (const ClientInfo& client : history_.clients) ids[client.client] = client.id;
    for (const auto& [client, calls] : calls_by_client(history_)) {
      for (const Call* call : calls) {
        if (call->is(Result::kGranted)) {
          for (const std::string& name : call->names) held[{client, name}] = call->answer->token;
        } else if (call->verb == Verb::kRelease && call->is(Result::kReleased)) {
          released[{ids[client], call->names.front(), held[{client, call->names.front()}]}] = call;
        }
      }
    }
    for (const Call& call : history_.calls) {
      if (!call.is(Result::kSeen)) continue;
      for (const locks::LockView& lock : call.answer->locks) {
        for (const locks::HolderView& holder : lock.holders) {
          const auto found = released.find({to_string(holder.owner), lock.name, holder.token.value()});
          if (found == released.end() || call.answer->index < found->second->answer->index) continue;
          add("lost release", describe(*found->second) + "; but it is still held by that in " + describe(call));
        }
      }
    }
  }

  const History& history_;
  std::vector<Hold> holds_;
  std::map<std::string, Holds> by_name_;
  std::vector<Violation> violations_;
};

}  // namespace

std::vector<Violation> check_holds(const History& history) { return Claims(history).run(); }

}  // namespace lockstep::torture
