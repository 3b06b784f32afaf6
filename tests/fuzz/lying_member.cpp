#include "tests/fuzz/lying_member.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "protocol/base/invariant.hpp"

namespace lockstep {
namespace fuzz {
namespace {

constexpr std::string_view kBrokenOnlyByMembers[] = {
    "a term has one leader",
    "one leader's Appends agree",
    "a committed entry is never replaced (R5)",
    "what this term's leader has is never replaced in this term",
    "equal logs give equal states (R16): this replica differs",
};
bool forgiving = false;

}  // namespace

ForgiveLyingMembers::ForgiveLyingMembers() { forgiving = true; }
ForgiveLyingMembers::~ForgiveLyingMembers() { forgiving = false; }

}  // namespace fuzz

// In place of the one in protocol/base, which ends the process whatever was broken.
void invariant_broken(const char* file, int line, const char* expression, std::string_view why) {
  const auto& known = fuzz::kBrokenOnlyByMembers;
  if (fuzz::forgiving && std::find(std::begin(known), std::end(known), why) != std::end(known)) {
    throw fuzz::LyingMember();
  }
  std::fprintf(stderr, "INVARIANT broken: %s at %s:%d: %.*s\n", expression, file, line, static_cast<int>(why.size()),
               why.data());
  std::abort();
}

}  // namespace lockstep
