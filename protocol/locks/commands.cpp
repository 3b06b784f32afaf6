#include "protocol/locks/commands.hpp"

#include "protocol/locks/record_hash.hpp"

namespace lockstep::locks {
namespace {

struct Fingerprint {
  std::uint64_t operator()(const Preempt& preempt) const {
    return RecordHash(RecordTag::kPreemptCommand).add_text(preempt.name).finish();
  }
  std::uint64_t operator()(const Release& release) const {
    return RecordHash(RecordTag::kReleaseCommand).add_text(release.name).finish();
  }
};

struct MakeKey {
  RequestKey operator()(const Open& open) const {
    const std::uint64_t fingerprint =
        RecordHash(RecordTag::kOpenCommand).add(open.secret_hash).add(open.ttl_ms).add(open.replaces.value()).finish();
    return RequestKey{open.client, SessionId(), open.nonce, fingerprint};
  }
  RequestKey operator()(const Execute& execute) const {
    return RequestKey{ClientId(), execute.session, execute.number.value(),
                      std::visit(Fingerprint{}, execute.operation)};
  }
};

}  // namespace

RequestKey key_of(const Command& command) { return std::visit(MakeKey{}, command); }

}  // namespace lockstep::locks
