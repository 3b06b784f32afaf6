// Progress: what a leader knows of its peers, and what that adds up to (Raft sections 5.3 and 5.4.2, R3, R10).
#include "protocol/raft/progress.hpp"

#include <doctest/doctest.h>

#include "tests/support/aborts.hpp"
#include "tests/support/show_numbers.hpp"

namespace lockstep::progress_test {

using namespace lockstep::raft;

namespace {

constexpr Time at(int ms) { return Time(std::chrono::milliseconds(ms)); }
constexpr Duration kLong = std::chrono::milliseconds(100);

// Node 1 leads.
Progress progress_of(std::size_t voters) {
  Configuration configuration;
  for (std::size_t i = 1; i <= voters; ++i) configuration.voters.push_back({NodeId(i), std::to_string(i)});
  return {configuration, NodeId(1), at(0)};
}

Ack ack(std::uint64_t match, std::uint64_t round = 0) { return {LogIndex(match), Round(round)}; }

}  // namespace

TEST_CASE("a leader keeps every other voter, who has proved nothing yet") {
  const Progress progress = progress_of(3);
  CHECK(progress.peers().size() == 2);
  CHECK_FALSE(progress.peers().contains(NodeId(1)));
  CHECK(progress.match_of_quorum(LogIndex(9)) == LogIndex());
}

TEST_CASE("the match of a quorum is what a majority has, the leader among them") {
  Progress progress = progress_of(5);
  progress.acked(at(1), NodeId(2), ack(7, 3));
  CHECK(progress.match_of_quorum(LogIndex(9)) == LogIndex());
  progress.acked(at(1), NodeId(3), ack(4, 5));
  CHECK(progress.match_of_quorum(LogIndex(9)) == LogIndex(4));
  CHECK(progress.match_of_quorum(LogIndex(2)) == LogIndex(2));  // its own disk is behind
  CHECK(progress.round_of_quorum(Round(5)) == Round(3));
}

TEST_CASE("Acks may overtake each other: neither match nor round ever falls (R3; openraft #1500)") {
  Progress progress = progress_of(3);
  progress.acked(at(1), NodeId(2), ack(7, 3));
  progress.acked(at(2), NodeId(2), ack(5, 4));
  CHECK(progress.peers().at(NodeId(2)).match == LogIndex(7));
  CHECK(progress.peers().at(NodeId(2)).round == Round(4));
}

TEST_CASE("a quorum was last heard when the last of it was, and a lone leader always hears one (R10)") {
  Progress progress = progress_of(5);
  progress.acked(at(30), NodeId(2), ack(1));
  progress.acked(at(50), NodeId(3), ack(1));
  CHECK(progress.silence_of_quorum(at(60)) == std::chrono::milliseconds(30));
  CHECK(progress_of(1).silence_of_quorum(at(60)) == Duration::zero());
}

TEST_CASE("a silent peer is told of once, and again only after it was back") {
  Progress progress = progress_of(3);
  progress.acked(at(90), NodeId(2), ack(1));
  CHECK(progress.take_lost(at(100), kLong).empty());
  CHECK(progress.take_lost(at(101), kLong) == std::vector{NodeId(3)});
  CHECK(progress.take_lost(at(102), kLong).empty());
  CHECK_FALSE(progress.acked(at(103), NodeId(2), ack(1)));
  CHECK(progress.acked(at(103), NodeId(3), ack(1)));
  CHECK_FALSE(progress.acked(at(104), NodeId(3), ack(1)));
  CHECK(progress.take_lost(at(300), kLong).size() == 2);
}

TEST_CASE("only voters are counted (R11)") {
  Progress progress = progress_of(3);
  CHECK(test::aborts([&] { progress.acked(at(1), NodeId(4), ack(1)); }));
  CHECK(test::aborts([&] { progress.acked(at(1), NodeId(1), ack(1)); }));
}

}  // namespace lockstep::progress_test
