// Exclusive locks: preempt, release, check, list, and the limits of the state.
#include "machine.hpp"

namespace lockstep::locks_test {

using namespace lockstep::locks;

TEST_CASE("preempt of a free lock is granted with the entry's index as token") {
  Machine machine;
  const SessionId session = machine.session_of(1);
  CHECK(machine.grants(session, "a"));
  const auto lock = machine.state.check("a");
  REQUIRE(lock);
  const HolderView holder{client(1), session, machine.granted_now(), machine.now(), "client 1"};
  CHECK(*lock == LockView{"a", Mode::kExclusive, 0, {holder}, 1, {}, 0});
}

TEST_CASE("preempt of a held lock names the owner, to the owner too") {
  Machine machine;
  const SessionId first = machine.session_of(1);
  const SessionId second = machine.session_of(2);
  machine.preempt(first, "a");
  const HolderView holder = machine.holder("a");
  const Result held = Held{client(1), holder.token, holder.since, "a", "client 1"};
  CHECK(machine.preempt(second, "a") == held);
  CHECK(machine.preempt(first, "a") == held);
}

TEST_CASE("only the session that holds a lock releases it") {
  Machine machine;
  const SessionId first = machine.session_of(1);
  const SessionId second = machine.session_of(2);
  CHECK(machine.release(first, "a") == Result(NotHolder{}));
  machine.preempt(first, "a");
  CHECK(machine.release(second, "a") == Result(NotHolder{client(1)}));
  CHECK(machine.release(first, "a") == Result(Released{}));
  CHECK(machine.release(first, "a") == Result(NotHolder{}));
  CHECK_FALSE(machine.state.check("a"));
}

TEST_CASE("a name's token rises from grant to grant (L8)") {
  Machine machine;
  SessionId session = machine.session_of(1);
  FencingToken last;
  for (std::uint64_t round = 0; round < 20; ++round) {
    if (round % 4 == 3) {
      machine.open(open_as(1, 100 + round, session));
      session = session_opened_by(machine.index);
    } else {
      machine.release(session, "a");
      machine.preempt(session, "a");
    }
    const FencingToken token = machine.holder("a").token;
    CHECK(token > last);
    last = token;
  }
}

TEST_CASE("the cluster's limit of locks holds, and a release makes room") {
  Machine machine(StateLimits{.locks = 2, .sessions = 10, .locks_per_session = 10});
  const SessionId session = machine.session_of(1);
  machine.preempt(session, "a");
  machine.preempt(session, "b");
  CHECK(machine.preempt(session, "c") == Result(refusal(ErrorCode::kTooManyLocks)));
  CHECK(std::holds_alternative<Held>(machine.preempt(session, "a")));
  machine.release(session, "a");
  CHECK(machine.grants(session, "c"));
}

TEST_CASE("the limit of locks a session holds survives a takeover") {
  Machine machine(StateLimits{.locks = 10, .sessions = 10, .locks_per_session = 2});
  const SessionId first = machine.session_of(1);
  machine.preempt(first, "a");
  machine.preempt(first, "b");
  CHECK(machine.preempt(first, "c") == Result(refusal(ErrorCode::kTooManySessionLocks)));
  machine.open(open_as(1, 2, first));
  const SessionId second = session_opened_by(machine.index);
  CHECK(machine.preempt(second, "c") == Result(refusal(ErrorCode::kTooManySessionLocks)));
  machine.release(second, "b");
  CHECK(machine.grants(second, "c"));
}

TEST_CASE("list gives the locks of a prefix in order of name, page by page") {
  Machine machine;
  const SessionId session = machine.session_of(1);
  for (const char* name : {"db/2", "db/1", "web", "db/3", "d", "db", "dba"}) machine.preempt(session, name);
  const auto names = [&](std::string_view prefix, std::string_view after, std::size_t limit) {
    std::vector<std::string> found;
    for (const LockView& lock : machine.state.list(prefix, after, limit).items) found.push_back(lock.name);
    return found;
  };
  using Names = std::vector<std::string>;
  CHECK(names("db/", "", 10) == Names{"db/1", "db/2", "db/3"});
  CHECK(names("db/", "", 2) == Names{"db/1", "db/2"});
  CHECK(names("db/", "db/2", 2) == Names{"db/3"});
  CHECK(names("db/", "db/3", 2) == Names{});
  CHECK(names("db/", "zzz", 2) == Names{});
  CHECK(names("", "", 100) == Names{"d", "db", "db/1", "db/2", "db/3", "dba", "web"});
  CHECK(names("x", "", 100) == Names{});
}

TEST_CASE("a copy of the state goes its own way") {
  Machine machine;
  const SessionId session = machine.session_of(1);
  machine.preempt(session, "a");
  machine.preempt(session, "b");
  Machine copy = machine;
  machine.release(session, "a");
  CHECK(copy.state.check("a"));
  copy.open(open_as(1, 2, session));  // walks the copy's own index of names
  CHECK(copy.holder("b").token == copy.granted_now());
  CHECK(machine.holder("b").token < copy.granted_now());
  copy = machine;
  CHECK(copy.release(session, "b") == Result(Released{}));
  CHECK(machine.state.check("b"));
}

TEST_CASE("the hash tells apart states that will answer differently") {
  const auto with = [](auto change) {
    Machine machine;
    const SessionId session = machine.session_of(1);
    machine.execute(session, 1, Preempt{"a"});
    change(machine, session);
    return machine;
  };
  const Machine base = with([](Machine&, SessionId) {});
  const Machine released = with([](Machine& m, SessionId s) { m.execute(s, 2, Release{"a"}); });
  const Machine failed = with([](Machine& m, SessionId s) { m.execute(s, 2, Release{"b"}); });
  const Machine retried = with([](Machine& m, SessionId s) { m.execute(s, 1, Preempt{"a"}); });
  const Machine acknowledged = with([](Machine& m, SessionId s) { m.execute(s, 1, Preempt{"a"}, 2); });
  const Machine taken_over = with([](Machine& m, SessionId s) { m.open(open_as(1, 2, s)); });
  const Machine other_limits(StateLimits{.locks = 1, .sessions = 1, .locks_per_session = 1});
  const std::vector<std::uint64_t> hashes = {base.state.hash(),      released.state.hash(),     failed.state.hash(),
                                             retried.state.hash(),   acknowledged.state.hash(), taken_over.state.hash(),
                                             Machine().state.hash(), other_limits.state.hash()};
  for (std::size_t i = 0; i < hashes.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      CAPTURE(i);
      CAPTURE(j);
      CHECK(hashes[i] != hashes[j]);
    }
  }
}

}  // namespace lockstep::locks_test
