#include "protocol/wire/names.hpp"

#include <algorithm>
#include <array>
#include <vector>

namespace lockstep::wire {
namespace {

template <typename Enum>
constexpr NamedNumber named(Enum value, std::string_view name) {
  return {static_cast<std::uint64_t>(value), name};
}

constexpr std::array kMessageTypes{
    named(MessageType::kAppend, "append"),
    named(MessageType::kVoteRequest, "vote_request"),
    named(MessageType::kVote, "vote"),
    named(MessageType::kAck, "ack"),
    named(MessageType::kFetch, "fetch"),
    named(MessageType::kForward, "forward"),
    named(MessageType::kBarrier, "barrier"),
    named(MessageType::kBarrierAnswer, "barrier_answer"),
    named(MessageType::kNotLeader, "not_leader"),
    named(MessageType::kBusy, "busy"),
    named(MessageType::kHello, "hello"),
    named(MessageType::kForm, "form"),
    named(MessageType::kHelloRefused, "hello_refused"),
    named(MessageType::kSnapshotPart, "snapshot_part"),
};

constexpr std::array kRequestTypes{
    named(RequestType::kOpenSession, "open_session"),
    named(RequestType::kPreempt, "preempt"),
    named(RequestType::kRelease, "release"),
    named(RequestType::kCheck, "check"),
    named(RequestType::kList, "list"),
    named(RequestType::kStatus, "status"),
    named(RequestType::kAcquire, "acquire"),
    named(RequestType::kCancel, "cancel"),
    named(RequestType::kClose, "close"),
    named(RequestType::kForceRelease, "force_release"),
    named(RequestType::kCloseSession, "close_session"),
    named(RequestType::kKeepAlive, "keep_alive"),
    named(RequestType::kWait, "wait"),
    named(RequestType::kHistory, "history"),
    named(RequestType::kSessions, "sessions"),
    named(RequestType::kWatch, "watch"),
};

constexpr std::array kResponseTypes{
    named(ResponseType::kSessionOpened, "session_opened"),
    named(ResponseType::kGranted, "granted"),
    named(ResponseType::kHeld, "held"),
    named(ResponseType::kReleased, "released"),
    named(ResponseType::kNotHolder, "not_holder"),
    named(ResponseType::kCheckAnswer, "check_answer"),
    named(ResponseType::kListAnswer, "list_answer"),
    named(ResponseType::kStatusAnswer, "status_answer"),
    named(ResponseType::kError, "error"),
    named(ResponseType::kQueued, "queued"),
    named(ResponseType::kCancelled, "cancelled"),
    named(ResponseType::kClosed, "closed"),
    named(ResponseType::kKeptAlive, "kept_alive"),
    named(ResponseType::kHistoryAnswer, "history_answer"),
    named(ResponseType::kSessionsAnswer, "sessions_answer"),
    named(ResponseType::kWatchAnswer, "watch_answer"),
};

constexpr std::array kEntryTypes{
    named(EntryType::kNoop, "noop"),
    named(EntryType::kConfiguration, "configuration"),
    named(EntryType::kCommand, "command"),
};

constexpr std::array kCommandTypes{
    named(CommandType::kOpen, "open"),
    named(CommandType::kPreempt, "preempt"),
    named(CommandType::kRelease, "release"),
    named(CommandType::kAcquire, "acquire"),
    named(CommandType::kCancel, "cancel"),
    named(CommandType::kClose, "close"),
    named(CommandType::kForceRelease, "force_release"),
    named(CommandType::kCloseSession, "close_session"),
    named(CommandType::kExpire, "expire"),
};

constexpr std::array kResultTypes{
    named(ResultType::kSessionOpened, "session_opened"),
    named(ResultType::kGranted, "granted"),
    named(ResultType::kHeld, "held"),
    named(ResultType::kReleased, "released"),
    named(ResultType::kNotHolder, "not_holder"),
    named(ResultType::kRefused, "refused"),
    named(ResultType::kQueued, "queued"),
    named(ResultType::kCancelled, "cancelled"),
    named(ResultType::kClosed, "closed"),
};

constexpr std::array kRoles{
    named(Role::kForming, "forming"),
    named(Role::kFollower, "follower"),
    named(Role::kPreCandidate, "pre_candidate"),
    named(Role::kCandidate, "candidate"),
    named(Role::kLeader, "leader"),
};

constexpr std::array kRenewals{
    named(raft::Renewal::kRenewed, "renewed"),
    named(raft::Renewal::kDead, "dead"),
    named(raft::Renewal::kUnknown, "unknown"),
};

constexpr std::array kReadModes{
    named(ReadMode::kLocal, "local"),
    named(ReadMode::kLinearizable, "linearizable"),
};

constexpr std::array kModes{
    named(locks::Mode::kExclusive, "exclusive"),
    named(locks::Mode::kShared, "shared"),
    named(locks::Mode::kPermit, "permit"),
};

constexpr std::array kEndReasons{
    named(locks::EndReason::kReleased, "released"), named(locks::EndReason::kExpired, "expired"),
    named(locks::EndReason::kForced, "forced"),     named(locks::EndReason::kSuperseded, "superseded"),
    named(locks::EndReason::kClosed, "closed"),     named(locks::EndReason::kEvicted, "evicted"),
};

std::vector<NamedNumber> error_codes() {
  std::vector<NamedNumber> names;
  for (const ErrorInfo& info : error_table()) names.push_back(named(info.code, info.name));
  return names;
}

template <typename Enum>
std::string_view name_of(Enum value) {
  return name_in(names_of<Enum>(), static_cast<std::uint64_t>(value));
}

}  // namespace

template <>
std::span<const NamedNumber> names_of<MessageType>() {
  return kMessageTypes;
}
template <>
std::span<const NamedNumber> names_of<RequestType>() {
  return kRequestTypes;
}
template <>
std::span<const NamedNumber> names_of<ResponseType>() {
  return kResponseTypes;
}
template <>
std::span<const NamedNumber> names_of<EntryType>() {
  return kEntryTypes;
}
template <>
std::span<const NamedNumber> names_of<CommandType>() {
  return kCommandTypes;
}
template <>
std::span<const NamedNumber> names_of<ResultType>() {
  return kResultTypes;
}
template <>
std::span<const NamedNumber> names_of<Role>() {
  return kRoles;
}
template <>
std::span<const NamedNumber> names_of<ReadMode>() {
  return kReadModes;
}
template <>
std::span<const NamedNumber> names_of<raft::Renewal>() {
  return kRenewals;
}
template <>
std::span<const NamedNumber> names_of<locks::Mode>() {
  return kModes;
}
template <>
std::span<const NamedNumber> names_of<locks::EndReason>() {
  return kEndReasons;
}
template <>
std::span<const NamedNumber> names_of<ErrorCode>() {
  static const std::vector<NamedNumber> kErrorCodes = error_codes();
  return kErrorCodes;
}

std::string_view name_in(std::span<const NamedNumber> table, std::uint64_t number) {
  const auto found = std::find_if(table.begin(), table.end(), [&](const NamedNumber& n) { return n.number == number; });
  return found == table.end() ? std::string_view() : found->name;
}

const NamedNumber* find_name(std::span<const NamedNumber> table, std::string_view name) {
  const auto found = std::find_if(table.begin(), table.end(), [&](const NamedNumber& n) { return n.name == name; });
  return found == table.end() ? nullptr : &*found;
}

std::string_view to_string(MessageType type) { return name_of(type); }
std::string_view to_string(RequestType type) { return name_of(type); }
std::string_view to_string(ResponseType type) { return name_of(type); }
std::string_view to_string(EntryType type) { return name_of(type); }
std::string_view to_string(CommandType type) { return name_of(type); }
std::string_view to_string(Role role) { return name_of(role); }
std::string_view to_string(ReadMode mode) { return name_of(mode); }
std::string_view to_string(locks::Mode mode) { return name_of(mode); }
std::string_view to_string(locks::EndReason reason) { return name_of(reason); }

}  // namespace lockstep::wire
