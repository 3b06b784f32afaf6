// A wait that would never end is refused at once, and says why.
#include "machine.hpp"

namespace lockstep::deadlock_test {

using namespace lockstep::locks;

namespace {

struct Four : Machine {
  SessionId a = session_of(1);
  SessionId b = session_of(2);
  SessionId c = session_of(3);
  SessionId d = session_of(4);
};

std::string name_of(std::uint8_t which) { return "client " + to_string(client(which)); }

std::string detail_of(const Result& result) {
  REQUIRE(code_of(result) == ErrorCode::kDeadlock);
  return std::get<Refused>(result).detail;
}

}  // namespace

TEST_CASE("two who wait for each other: the second is refused, and the cycle named") {
  Four m;
  m.take(m.a, exclusive({"x"}));
  m.take(m.b, exclusive({"y"}));
  m.queue(m.a, exclusive({"y"}));
  CHECK(detail_of(m.ask(m.b, exclusive({"x"}))) == name_of(2) + " waits for \"x\", which " + name_of(1) + " holds; " +
                                                       name_of(1) + " waits for \"y\", which " + name_of(2) + " holds");
  CHECK(m.state.check("x")->waiter_count == 0);
}

TEST_CASE("a try never waits, so it is never a deadlock") {
  Four m;
  m.take(m.a, exclusive({"x"}));
  m.take(m.b, exclusive({"y"}));
  m.queue(m.a, exclusive({"y"}));
  CHECK(std::holds_alternative<Held>(m.ask(m.b, once(exclusive({"x"})))));
}

TEST_CASE("whoever waits behind a waiter waits for it too") {
  Four m;
  m.take(m.a, exclusive({"x"}));
  m.take(m.b, exclusive({"y"}));
  m.queue(m.b, exclusive({"w", "x"}));  // w is free, but b stands first
  CHECK(detail_of(m.ask(m.a, exclusive({"w"}))) == name_of(1) + " waits for \"w\", which " + name_of(2) +
                                                       " waited for before; " + name_of(2) +
                                                       " waits for \"x\", which " + name_of(1) + " holds");
}

TEST_CASE("of a line of waiters, the story names only who waits and whom they all wait for") {
  Four m;
  m.take(m.a, exclusive({"x"}));
  m.take(m.d, exclusive({"y"}));
  m.queue(m.b, exclusive({"x"}));
  m.queue(m.c, exclusive({"x"}));
  m.queue(m.a, exclusive({"y"}));
  CHECK(detail_of(m.ask(m.d, exclusive({"x"}))) == name_of(4) + " waits for \"x\", which " + name_of(1) + " holds; " +
                                                       name_of(1) + " waits for \"y\", which " + name_of(4) + " holds");
}

TEST_CASE("threads of one client are told apart") {
  Four m;
  m.take(m.a, exclusive({"x"}, 1));
  m.take(m.b, exclusive({"y"}));
  m.queue(m.a, exclusive({"y"}, 2));  // thread 2 waits; thread 1 can still release x
  m.queue(m.b, exclusive({"x"}));     // so this is no deadlock
}

TEST_CASE("the same cycle through one thread is a deadlock") {
  Four m;
  m.take(m.a, exclusive({"x"}, 7));
  m.take(m.b, exclusive({"y"}, 1));
  m.queue(m.a, exclusive({"y"}, 7));
  CHECK(code_of(m.ask(m.b, exclusive({"x"}, 1))) == ErrorCode::kDeadlock);
  m.queue(m.b, exclusive({"x"}, 2));
}

// As README.md says: the library gives every thread that acquires a number, and such locks have none.
TEST_CASE("a cycle is not seen through a lock that was preempted, or taken over") {
  Four m;
  m.preempt(m.a, "x");
  m.take(m.b, exclusive({"y"}, 1));
  m.queue(m.a, exclusive({"y"}, 1));
  m.queue(m.b, exclusive({"x"}, 1));

  Four n;
  n.take(n.a, exclusive({"x"}, 1));
  const Result taken_over = n.open(open_as(1, 2, n.a));
  const SessionId successor = std::get<SessionOpened>(taken_over).session;
  n.take(n.b, exclusive({"y"}, 1));
  n.queue(successor, exclusive({"y"}, 1));
  n.queue(n.b, exclusive({"x"}, 1));
}

TEST_CASE("those who share a lock do not wait for each other") {
  for (const Mode mode : {Mode::kShared, Mode::kExclusive}) {
    Four m;
    m.take(m.a, shared({"p"}));
    m.take(m.b, exclusive({"q"}));
    m.take(m.c, exclusive({"w"}));
    Acquire both = shared({"p", "q"});
    both.mode = mode;
    m.queue(m.c, both);  // shared, it is only q that keeps it waiting
    const Result result = m.ask(m.a, exclusive({"w"}));
    if (mode == Mode::kShared) CHECK(std::holds_alternative<Queued>(result));
    if (mode == Mode::kExclusive) CHECK(code_of(result) == ErrorCode::kDeadlock);
  }
}

TEST_CASE("a semaphore of several permits adds no edges, one of a single permit does") {
  for (const std::uint32_t permits : {1u, 2u}) {
    Four m;
    m.take(m.a, permit({"s"}, permits));
    if (permits == 2) m.take(m.c, permit({"s"}, permits));
    m.take(m.b, exclusive({"y"}));
    m.queue(m.a, exclusive({"y"}));
    const Result result = m.ask(m.b, permit({"s"}, permits));
    if (permits == 1) CHECK(code_of(result) == ErrorCode::kDeadlock);
    if (permits == 2) CHECK(std::holds_alternative<Queued>(result));
  }
}

TEST_CASE("several locks asked for together cannot lock each other up") {
  Four m;
  m.take(m.a, exclusive({"x", "y"}));
  const WaiterId first = m.queue(m.b, exclusive({"x", "y"}));
  const WaiterId second = m.queue(m.c, exclusive({"x", "y"}));
  m.ask(m.a, Close{});
  CHECK(m.is_granted(m.b, first, m.granted_now()));
  m.ask(m.b, Close{});
  CHECK(m.is_granted(m.c, second, m.granted_now()));
}

TEST_CASE("a long cycle is told as far as there is room for it, and its length with it") {
  Machine m;
  std::vector<SessionId> sessions;
  const std::string long_name(200, 'n');
  constexpr std::uint8_t kClients = 20;
  for (std::uint8_t i = 0; i < kClients; ++i) {
    sessions.push_back(m.session_of(i));
    m.take(sessions[i], exclusive({long_name + std::to_string(i)}));
  }
  for (std::uint8_t i = 0; i + 1 < kClients; ++i) {
    m.queue(sessions[i], exclusive({long_name + std::to_string(i + 1)}));
  }
  const std::string detail = detail_of(m.ask(sessions.back(), exclusive({long_name + "0"})));
  CHECK(detail.size() <= kMaxDetail);
  CHECK(detail.ends_with("; and so on, 20 waits in all"));
}

TEST_CASE("beyond 10,000 threads the search gives up, and the request just waits") {
  for (const std::uint64_t others : {kMaxDeadlockNodes - 10, kMaxDeadlockNodes + 10}) {
    StateMachine state(StateLimits{.waiters_per_lock = 20'000});
    LogIndex index(1);
    std::vector<SessionId> sessions;
    const auto ask = [&](std::size_t who, std::uint64_t number, Operation operation) {
      index = index.next();
      return state.apply(index, {}, Execute{sessions[who], RequestNumber(number), RequestNumber(number), operation})
          ->result;
    };
    for (std::uint64_t i = 0; i < others; ++i) {
      index = index.next();
      Open open = open_as(0, 1);
      for (std::size_t byte = 0; byte < 4; ++byte) open.client.bytes[byte] = static_cast<std::uint8_t>(i >> (8 * byte));
      state.apply(index, {}, open);
      sessions.push_back(session_opened_by(index));
    }
    // Everybody holds one lock and waits for the next one's.
    const auto lock = [](std::uint64_t i) { return "lock " + std::to_string(i); };
    for (std::uint64_t i = 0; i < others; ++i) ask(i, 1, exclusive({lock(i)}));
    for (std::uint64_t i = 0; i + 1 < others; ++i) ask(i, 2, exclusive({lock(i + 1)}));
    const Result closing = ask(others - 1, 2, exclusive({lock(0)}));
    if (others < kMaxDeadlockNodes) CHECK(code_of(closing) == ErrorCode::kDeadlock);
    if (others > kMaxDeadlockNodes) CHECK(std::holds_alternative<Queued>(closing));
  }
}

}  // namespace lockstep::deadlock_test
