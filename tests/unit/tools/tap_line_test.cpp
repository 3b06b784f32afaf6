#include "tools/lockstep/zmq/tap_line.hpp"

#include <doctest/doctest.h>

#include "protocol/wire/codec.hpp"

namespace lockstep::tap_line_test {
namespace {

raft::Entry entry_of(const raft::EntryBody& body) { return {Term(3), WallTime{}, body}; }

raft::Message publish(const raft::Append& append) { return {ClusterId(1), Term(3), NodeId(17), NodeId(), append}; }

raft::Append after(std::uint64_t index) {
  raft::Append append;
  append.previous_index = LogIndex(index);
  append.previous_term = Term(2);
  append.commit = LogIndex(41);
  append.round = Round(9);
  return append;
}

}  // namespace

TEST_CASE("a heartbeat in one line") {
  raft::Append append = after(41);
  CHECK(to_tap_line(publish(append)) == "heartbeat  term 3  node 17  after 41/2  commit 41  round 9");
  append.state_hash = raft::StateHash{LogIndex(1024), 5};
  CHECK(to_tap_line(publish(append)).ends_with("round 9  state hash at 1024"));
}

TEST_CASE("a proposal in one line, with every kind of entry") {
  raft::Append append = after(41);
  const locks::Execute preempt{SessionId(5), RequestNumber(9), RequestNumber(9), locks::Preempt{"jobs/42"}};
  const locks::Execute release{SessionId(5), RequestNumber(10), RequestNumber(10), locks::Release{"jobs/42"}};
  locks::Open open;
  open.replaces = SessionId(4);
  append.entries = {entry_of(raft::Noop{}),
                    entry_of(raft::Configuration{ClusterId(1), {{NodeId(1), "a"}, {NodeId(2), "b"}}, ""}),
                    entry_of(raft::Command{wire::encode(locks::Command(preempt))}),
                    entry_of(raft::Command{wire::encode(locks::Command(release))}),
                    entry_of(raft::Command{wire::encode(locks::Command(open))})};
  CHECK(to_tap_line(publish(append)) ==
        "proposal   term 3  node 17  after 41/2  commit 41  round 9"
        "  #42 noop; #43 configuration (a, b); #44 preempt jobs/42 (session 5, number 9)"
        "; #45 release jobs/42 (session 5, number 10)"
        "; #46 open (client 00000000-0000-0000-0000-000000000000, replaces 4)");
}

TEST_CASE("every operation in its own words") {
  using locks::Mode;
  const std::pair<locks::Command, const char*> cases[] = {
      {locks::Execute{SessionId(5), RequestNumber(9), {}, locks::Acquire{{"a", "b"}}},
       "#42 acquire a, b, waiting (session 5, number 9)"},
      {locks::Execute{SessionId(5), RequestNumber(9), {}, locks::Acquire{{"a"}, Mode::kShared, 0, false}},
       "#42 acquire a shared (session 5, number 9)"},
      {locks::Execute{SessionId(5), RequestNumber(9), {}, locks::Acquire{{"a"}, Mode::kPermit, 3}},
       "#42 acquire a permit of 3, waiting (session 5, number 9)"},
      {locks::Execute{SessionId(5), RequestNumber(9), {}, locks::Cancel{WaiterId(7)}},
       "#42 cancel waiter 7 (session 5, number 9)"},
      {locks::Execute{SessionId(5), RequestNumber(9), {}, locks::Close{}}, "#42 close (session 5, number 9)"},
      {locks::Execute{SessionId(5), RequestNumber(9), {}, locks::ForceRelease{"a", "stuck"}},
       "#42 force_release a (session 5, number 9)"},
      {locks::Execute{SessionId(5), RequestNumber(9), {}, locks::CloseSession{SessionId(4), "gone"}},
       "#42 close_session 4 (session 5, number 9)"},
      {locks::Expire{SessionId(4), false}, "#42 expire session 4"},
      {locks::Expire{SessionId(4), true}, "#42 expire the waits of session 4"},
  };
  for (const auto& [command, words] : cases) {
    raft::Append append = after(41);
    append.entries = {entry_of(raft::Command{wire::encode(command)})};
    CHECK(to_tap_line(publish(append)).ends_with(words));
  }
}

TEST_CASE("a large proposal still fits on a line") {
  raft::Append append = after(41);
  append.entries.assign(1000, entry_of(raft::Noop{}));
  const std::string line = to_tap_line(publish(append));
  CHECK(line.ends_with("; #49 noop; and 992 more"));
  CHECK(line.size() < 300);
}

}  // namespace lockstep::tap_line_test
