// The request key of each command, and the fingerprint that tells a repeated request from a reused number.
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
  std::uint64_t operator()(const Acquire& acquire) const {
    RecordHash names(RecordTag::kAcquiredNames);
    for (const std::string& name : acquire.names) names.add_text(name);
    return RecordHash(RecordTag::kAcquireCommand)
        .add(names.finish())
        .add(static_cast<std::uint64_t>(acquire.mode))
        .add(acquire.permits)
        .add(acquire.wait ? 1 : 0)
        .add(acquire.thread)
        .finish();
  }
  std::uint64_t operator()(const Cancel& cancel) const {
    return RecordHash(RecordTag::kCancelCommand).add(cancel.waiter.value()).finish();
  }
  std::uint64_t operator()(const Close&) const { return RecordHash(RecordTag::kCloseCommand).finish(); }
  std::uint64_t operator()(const ForceRelease& release) const {
    return RecordHash(RecordTag::kForceReleaseCommand).add_text(release.name).add_text(release.why).finish();
  }
  std::uint64_t operator()(const CloseSession& close) const {
    return RecordHash(RecordTag::kCloseSessionCommand).add(close.target.value()).add_text(close.why).finish();
  }
};

struct MakeKey {
  RequestKey operator()(const Open& open) const {
    const std::uint64_t fingerprint = RecordHash(RecordTag::kOpenCommand)
                                          .add(open.secret_hash)
                                          .add(open.ttl_ms)
                                          .add(open.replaces.value())
                                          .add_text(open.note)
                                          .finish();
    return RequestKey{open.client, SessionId(), open.nonce, fingerprint};
  }
  RequestKey operator()(const Execute& execute) const {
    return RequestKey{ClientId(), execute.session, execute.number.value(),
                      std::visit(Fingerprint{}, execute.operation)};
  }
  // Nobody asks for it, so nobody is found by this key.
  RequestKey operator()(const Expire& expire) const {
    const std::uint64_t fingerprint = RecordHash(RecordTag::kExpireCommand).add(expire.waits_only ? 1 : 0).finish();
    return RequestKey{ClientId(), expire.session, 0, fingerprint};
  }
};

}  // namespace

RequestKey key_of(const Command& command) { return std::visit(MakeKey{}, command); }

}  // namespace lockstep::locks
