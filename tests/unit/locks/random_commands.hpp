// Commands drawn at random. Small numbers of clients, names, sessions and request numbers make collisions of every
// kind frequent.
#pragma once

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "machine.hpp"
#include "protocol/base/random.hpp"

namespace lockstep::locks {

// Draws commands that are near the current state: mostly of sessions that live or lately did. `unrest`:
// sessions come and go so much more often than lines of waiters can grow long.
class RandomCommands {
 public:
  RandomCommands(std::uint64_t seed, std::uint64_t unrest) : random_(seed), unrest_(unrest) {}

  Command next(LogIndex index) {
    if (random_.below(160) < unrest_ || sessions_.size() < 6) return open();
    if (random_.below(800) < unrest_) return Expire{some_session(), random_.one_in(2)};
    return execute(index);
  }

  void learned(const Command& command, const Result& result) {
    const auto* request = std::get_if<Execute>(&command);
    const auto* refused = std::get_if<Refused>(&result);
    const bool over = refused != nullptr && error_info(refused->code).exit_code == 5;
    if (request != nullptr && over && random_.one_in(4)) std::erase(sessions_, request->session);
    if (const auto* open = std::get_if<Open>(&command)) {
      if (refused != nullptr && refused->current_session) last_[open->client] = refused->current_session;
      const auto* opened = std::get_if<SessionOpened>(&result);
      if (opened != nullptr) remember(sessions_, last_[open->client] = opened->session);
    }
    if (const auto* queued = std::get_if<Queued>(&result)) remember(waiters_, queued->waiter);
  }
  const std::vector<WaiterId>& waiters() const { return waiters_; }

 private:
  template <typename T>
  static void remember(std::vector<T>& some, T one) {
    if (std::find(some.begin(), some.end(), one) != some.end()) return;
    some.push_back(one);
    if (some.size() > 24) some.erase(some.begin());
  }
  SessionId some_session() { return sessions_.empty() ? SessionId() : sessions_[random_.below(sessions_.size())]; }
  WaiterId some_waiter() { return waiters_.empty() ? WaiterId(3) : waiters_[random_.below(waiters_.size())]; }

  // The last two serve mostly as semaphores.
  std::string some_name() { return "lock " + std::to_string(random_.below(10)); }

  Open open() {
    Open open;
    open.client = client(static_cast<std::uint8_t>(random_.below(12)));
    open.secret_hash = secret(random_.one_in(20) ? 1 : 0);
    open.nonce = random_.below(4);
    open.ttl_ms = random_.one_in(3) ? 1000 : 0;
    open.replaces = random_.one_in(4) ? SessionId() : random_.one_in(4) ? some_session() : last_[open.client];
    open.note = "note " + std::to_string(random_.below(100));
    return open;
  }

  Execute execute(LogIndex index) {
    Execute request;
    request.session = random_.one_in(50) ? SessionId(random_.below(index.value())) : some_session();
    std::uint64_t& next = numbers_[request.session];
    const std::uint64_t number = random_.below(60) < unrest_ ? random_.below(next + 3) : next++;
    request.number = RequestNumber(random_.one_in(200) ? number + random_.below(80) : number);
    request.acknowledged_below = RequestNumber(random_.one_in(2) ? 0 : random_.below(next + 1));
    request.operation = operation();
    return request;
  }

  Operation operation() {
    if (random_.below(1000) < unrest_) return Close{};
    if (random_.below(1000) < unrest_) return CloseSession{some_session(), "why"};
    switch (random_.below(50)) {
      case 2: return ForceRelease{some_name(), "why " + std::to_string(random_.below(9))};
      case 3:
      case 4:
      case 5: return Cancel{some_waiter()};
      default: break;
    }
    if (random_.one_in(4)) return Preempt{some_name()};
    if (random_.one_in(3)) return Release{some_name()};
    return acquire();
  }

  Acquire acquire() {
    std::set<std::string> names;
    while (names.empty() || random_.one_in(3)) names.insert(some_name());
    Acquire acquire{{names.begin(), names.end()}, Mode::kExclusive, 0, !random_.one_in(4), random_.below(2)};
    if (*names.begin() >= "lock 8" ? !random_.one_in(8) : random_.one_in(40)) {
      acquire.mode = Mode::kPermit;
      acquire.permits = *names.begin() == "lock 8" ? 1 : random_.one_in(12) ? 2 : 3;
    } else if (random_.one_in(2)) {
      acquire.mode = Mode::kShared;
    }
    return acquire;
  }

  Random random_;
  std::uint64_t unrest_;
  std::vector<SessionId> sessions_;
  std::vector<WaiterId> waiters_;
  std::map<ClientId, SessionId> last_;
  std::map<SessionId, std::uint64_t> numbers_;
};

}  // namespace lockstep::locks
