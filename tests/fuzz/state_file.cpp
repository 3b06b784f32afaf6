// A state file is read, or refused in a sentence; what was read is written and read again as it was.
#include "tools/lockstep/kept/state_file.hpp"
#include "protocol/base/invariant.hpp"
#include "tests/fuzz/input.hpp"

namespace lockstep::fuzz {

void state_file(Bytes bytes) {
  const ClientId client = *parse_client_id("6ba7b810-9dad-11d1-80b4-00c04fd430c8");
  if (const auto owner = client_in_state(as_text(bytes)); !owner) {
    INVARIANT(!owner.error().empty(), "what cannot be read is told why");
  }
  const auto kept = decode_state(client, as_text(bytes));
  if (!kept) {
    INVARIANT(!kept.error().empty(), "what cannot be read is told why");
    return;
  }
  const auto again = decode_state(client, encode_state(client, *kept));
  INVARIANT(again.has_value() && *again == *kept, "what was read is written as it was");
}

}  // namespace lockstep::fuzz
