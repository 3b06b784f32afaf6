#include "tests/torture/workload.hpp"

#include <algorithm>
#include <array>
#include <set>

namespace lockstep::torture {
namespace {

constexpr std::size_t kMostHeld = 4;
// The state remembers the last 10,000 sessions that ended, and is a snapshot every few seconds: there are not so many.
constexpr std::uint64_t kUsesBeforeClose = 250;
constexpr std::array kExclusive = {"hot/0", "hot/1", "hot/2", "hot/3", "cool/0", "cool/1", "cool/2"};
constexpr std::array kShared = {"rw/0", "rw/1"};
constexpr std::array kSemaphores = {"semaphore/2", "semaphore/3"};
constexpr std::array kPrefixes = {"hot/", "rw/", "semaphore/", "cool/"};

std::uint32_t permits_of(const std::string& name) { return static_cast<std::uint32_t>(name.back() - '0'); }

template <typename Names>
std::string one_of(Random& random, const Names& names) {
  return names[random.below(names.size())];
}

}  // namespace

Workload::Workload(std::uint64_t seed, int client, bool is_forgetful)
    : random_(seed), own_("own/" + std::to_string(client) + "/"), is_forgetful_(is_forgetful) {}

std::string Workload::some_name() {
  if (is_forgetful_ || random_.one_in(8)) return own_ + std::to_string(random_.below(3));
  return one_of(random_, kExclusive);
}

std::string Workload::some_held() {
  auto chosen = held_.begin();
  std::advance(chosen, random_.below(held_.size()));
  return chosen->first;
}

Call Workload::next() {
  if (random_.one_in(5)) return read();
  return held_.empty() ? with_nothing() : with_something();
}

Call Workload::with_nothing() {
  Call call;
  if (random_.one_in(12)) {  // of what it does not hold, as far as it knows
    call.verb = Verb::kRelease;
    call.names = {some_name()};
  } else if (random_.one_in(3)) {
    call.verb = Verb::kPreempt;
    call.names = {some_name()};
  } else {
    return acquire();
  }
  return call;
}

Call Workload::with_something() {
  Call call;
  if (random_.one_in(kUsesBeforeClose)) {
    call.verb = Verb::kClose;
  } else if (held_.size() < kMostHeld && random_.one_in(4)) {
    return random_.one_in(3) ? with_nothing() : acquire();
  } else {
    call.verb = Verb::kRelease;
    call.names = {some_held()};
  }
  return call;
}

Call Workload::acquire() {
  Call call;
  call.verb = Verb::kAcquire;
  std::set<std::string> names;
  const std::uint64_t kind = is_forgetful_ ? 0 : random_.below(8);
  if (kind == 6) {
    names.insert(one_of(random_, kShared));
    call.mode = random_.one_in(3) ? locks::Mode::kExclusive : locks::Mode::kShared;
  } else if (kind == 7) {
    names.insert(one_of(random_, kSemaphores));
    call.mode = locks::Mode::kPermit;
    call.permits = permits_of(*names.begin());
  } else {
    do names.insert(some_name());
    while (random_.one_in(3) && names.size() < 4);
  }
  call.names.assign(names.begin(), names.end());
  const bool once = random_.one_in(5);
  call.wait_ms = once ? 0 : static_cast<std::int64_t>(20 + random_.below(random_.one_in(4) ? 2500 : 300));
  return call;
}

Call Workload::read() {
  Call call;
  call.linearizable = random_.one_in(2);
  if (random_.one_in(6)) {
    call.verb = Verb::kList;
    call.names = {is_forgetful_ ? own_ : one_of(random_, kPrefixes)};
  } else if (!last_tokens_.empty() && random_.one_in(3)) {
    auto chosen = last_tokens_.begin();
    std::advance(chosen, random_.below(last_tokens_.size()));
    call.verb = Verb::kVerify;
    call.names = {chosen->first};
    call.asked_token = chosen->second;
  } else {
    call.verb = Verb::kCheck;
    call.names = {random_.one_in(4) ? one_of(random_, kShared) : some_name()};
  }
  return call;
}

void Workload::answered(const Call& call) {
  if (call.verb == Verb::kClose) return held_.clear();
  for (const std::string& name : call.names) {
    if (call.is(Result::kGranted)) {
      held_[name] = last_tokens_[name] = call.answer->token;
    } else if (call.verb == Verb::kRelease) {
      held_.erase(name);
    }
  }
}

Duration Workload::pause() {
  using std::chrono::milliseconds;
  return random_.between(milliseconds(1), milliseconds(random_.one_in(20) ? 300 : 30));
}

}  // namespace lockstep::torture
