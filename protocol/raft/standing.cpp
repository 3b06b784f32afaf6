// What no event may do to a node (R1, R2, R4, R6, L2; "Leader Append-Only" of Raft figure 3).

#include "protocol/raft/standing.hpp"

#include "protocol/base/invariant.hpp"

namespace lockstep::raft {

Standing standing_of(const NodeState& node, const Leader* leading) {
  Standing standing;
  standing.term = node.term();
  standing.vote = node.vote();
  standing.commit = node.log.commit_index();
  standing.applicable = node.log.applicable_index();
  standing.verified = node.log.verified_index();
  standing.base = node.log.entries().base().index;
  if (leading == nullptr) return standing;
  standing.last_led = node.log.entries().last_index();
  standing.latest_round = leading->latest_round();
  standing.confirmed_round = leading->confirmed_round();
  return standing;
}

void check_change(const Standing& before, const Standing& now) {
  INVARIANT(now.term >= before.term, "a term never falls (R1)");
  INVARIANT(now.commit >= before.commit, "the commit index never falls (R4)");
  INVARIANT(now.applicable >= before.applicable, "what may be applied once always may (R4)");
  INVARIANT(now.base >= before.base, "a log never grows at its front (S3)");
  if (now.term != before.term) return;
  INVARIANT(!before.vote || now.vote == before.vote, "a vote never changes within its term (Raft section 5.2)");
  INVARIANT(now.verified >= before.verified, "what was proved stays so within its term (R2)");
  if (!before.last_led || !now.last_led) return;
  INVARIANT(now.last_led >= before.last_led, "a leader never drops entries of its log (Raft figure 3)");
  INVARIANT(now.latest_round >= before.latest_round, "a leader's rounds never fall (L2)");
  INVARIANT(now.confirmed_round >= before.confirmed_round, "a round that was confirmed stays so (L2)");
}

}  // namespace lockstep::raft
