// The invariants that only a member of the cluster can break, by contradicting itself: two leaders in one term, an
// entry that was committed and is another one now. A node ends itself then, and that is right (R5, R16). Fuzzed frames
// claim to be a member's, so they do contradict each other; what such a frame breaks ends the input, not the fuzzer.
#pragma once

namespace lockstep::fuzz {

struct LyingMember {};

// As long as this lives, a broken invariant of that list throws LyingMember. Every other one aborts, always.
class ForgiveLyingMembers {
 public:
  ForgiveLyingMembers();
  ~ForgiveLyingMembers();
  ForgiveLyingMembers(const ForgiveLyingMembers&) = delete;
  ForgiveLyingMembers& operator=(const ForgiveLyingMembers&) = delete;
};

}  // namespace lockstep::fuzz
