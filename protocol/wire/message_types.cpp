#include "protocol/wire/message_types.hpp"

#include <array>
#include <optional>
#include <utility>

#include "protocol/base/invariant.hpp"

namespace lockstep::wire {
namespace {

// Where the numbers follow the order of a variant's alternatives, from 1 on, the alternative's place is
// its number. The assertions below hold the two in step.
template <typename Type, typename Variant>
Type type_by_place(const Variant& body) {
  return static_cast<Type>(body.index() + 1);
}

template <typename Variant, std::size_t... kPlaces>
Variant blank_at(std::size_t place, std::index_sequence<kPlaces...>) {
  Variant body;
  const bool found = ((place == kPlaces && (body.template emplace<kPlaces>(), true)) || ...);
  INVARIANT(found, "a message type has an alternative of its own");
  return body;
}

template <typename Variant, typename Type>
Variant blank_by_place(Type type) {
  return blank_at<Variant>(static_cast<std::size_t>(type) - 1,
                           std::make_index_sequence<std::variant_size_v<Variant>>{});
}

template <typename Variant, auto kType, typename Alternative>
constexpr bool kInStep =
    std::is_same_v<std::variant_alternative_t<static_cast<std::size_t>(kType) - 1, Variant>, Alternative>;

static_assert(std::variant_size_v<raft::MessageBody> == 14);
static_assert(kInStep<raft::MessageBody, MessageType::kAppend, raft::Append>);
static_assert(kInStep<raft::MessageBody, MessageType::kVoteRequest, raft::VoteRequest>);
static_assert(kInStep<raft::MessageBody, MessageType::kVote, raft::Vote>);
static_assert(kInStep<raft::MessageBody, MessageType::kAck, raft::Ack>);
static_assert(kInStep<raft::MessageBody, MessageType::kFetch, raft::Fetch>);
static_assert(kInStep<raft::MessageBody, MessageType::kForward, raft::Forward>);
static_assert(kInStep<raft::MessageBody, MessageType::kBarrier, raft::Barrier>);
static_assert(kInStep<raft::MessageBody, MessageType::kBarrierAnswer, raft::BarrierAnswer>);
static_assert(kInStep<raft::MessageBody, MessageType::kNotLeader, raft::NotLeader>);
static_assert(kInStep<raft::MessageBody, MessageType::kBusy, raft::Busy>);
static_assert(kInStep<raft::MessageBody, MessageType::kHello, raft::Hello>);
static_assert(kInStep<raft::MessageBody, MessageType::kForm, raft::Form>);
static_assert(kInStep<raft::MessageBody, MessageType::kHelloRefused, raft::HelloRefused>);
static_assert(kInStep<raft::MessageBody, MessageType::kSnapshotPart, raft::SnapshotPart>);

static_assert(std::variant_size_v<ResponseBody> == 16);
static_assert(kInStep<ResponseBody, ResponseType::kSessionOpened, locks::SessionOpened>);
static_assert(kInStep<ResponseBody, ResponseType::kGranted, locks::Granted>);
static_assert(kInStep<ResponseBody, ResponseType::kHeld, locks::Held>);
static_assert(kInStep<ResponseBody, ResponseType::kReleased, locks::Released>);
static_assert(kInStep<ResponseBody, ResponseType::kNotHolder, locks::NotHolder>);
static_assert(kInStep<ResponseBody, ResponseType::kCheckAnswer, CheckAnswer>);
static_assert(kInStep<ResponseBody, ResponseType::kListAnswer, ListAnswer>);
static_assert(kInStep<ResponseBody, ResponseType::kStatusAnswer, StatusAnswer>);
static_assert(kInStep<ResponseBody, ResponseType::kError, Error>);
static_assert(kInStep<ResponseBody, ResponseType::kQueued, locks::Queued>);
static_assert(kInStep<ResponseBody, ResponseType::kCancelled, locks::Cancelled>);
static_assert(kInStep<ResponseBody, ResponseType::kClosed, locks::Closed>);
static_assert(kInStep<ResponseBody, ResponseType::kKeptAlive, KeptAlive>);
static_assert(kInStep<ResponseBody, ResponseType::kHistoryAnswer, HistoryAnswer>);
static_assert(kInStep<ResponseBody, ResponseType::kSessionsAnswer, SessionsAnswer>);
static_assert(kInStep<ResponseBody, ResponseType::kWatchAnswer, WatchAnswer>);

static_assert(std::variant_size_v<raft::EntryBody> == 3);
static_assert(kInStep<raft::EntryBody, EntryType::kNoop, raft::Noop>);
static_assert(kInStep<raft::EntryBody, EntryType::kConfiguration, raft::Configuration>);
static_assert(kInStep<raft::EntryBody, EntryType::kCommand, raft::Command>);

static_assert(std::variant_size_v<locks::Result> == 9);
static_assert(kInStep<locks::Result, ResultType::kSessionOpened, locks::SessionOpened>);
static_assert(kInStep<locks::Result, ResultType::kGranted, locks::Granted>);
static_assert(kInStep<locks::Result, ResultType::kHeld, locks::Held>);
static_assert(kInStep<locks::Result, ResultType::kReleased, locks::Released>);
static_assert(kInStep<locks::Result, ResultType::kNotHolder, locks::NotHolder>);
static_assert(kInStep<locks::Result, ResultType::kRefused, locks::Refused>);
static_assert(kInStep<locks::Result, ResultType::kQueued, locks::Queued>);
static_assert(kInStep<locks::Result, ResultType::kCancelled, locks::Cancelled>);
static_assert(kInStep<locks::Result, ResultType::kClosed, locks::Closed>);

// The number of an operation as a request and as a command, by its place in locks::Operation.
struct OperationType {
  RequestType request;
  CommandType command;
};
constexpr std::array kOperations{
    OperationType{RequestType::kPreempt, CommandType::kPreempt},
    OperationType{RequestType::kRelease, CommandType::kRelease},
    OperationType{RequestType::kAcquire, CommandType::kAcquire},
    OperationType{RequestType::kCancel, CommandType::kCancel},
    OperationType{RequestType::kClose, CommandType::kClose},
    OperationType{RequestType::kForceRelease, CommandType::kForceRelease},
    OperationType{RequestType::kCloseSession, CommandType::kCloseSession},
};
template <std::size_t kPlace, typename Operation>
constexpr bool kIsOperation = std::is_same_v<std::variant_alternative_t<kPlace, locks::Operation>, Operation>;

static_assert(std::variant_size_v<locks::Operation> == kOperations.size());
static_assert(kIsOperation<0, locks::Preempt>);
static_assert(kIsOperation<1, locks::Release>);
static_assert(kIsOperation<2, locks::Acquire>);
static_assert(kIsOperation<3, locks::Cancel>);
static_assert(kIsOperation<4, locks::Close>);
static_assert(kIsOperation<5, locks::ForceRelease>);
static_assert(kIsOperation<6, locks::CloseSession>);

// An Execute of the operation that has this number; none if it is not an operation's.
template <typename Type>
std::optional<locks::Execute> blank_execute(Type OperationType::*number, Type type) {
  for (std::size_t place = 0; place < kOperations.size(); ++place) {
    if (kOperations[place].*number != type) continue;
    locks::Execute execute;
    execute.operation = blank_at<locks::Operation>(place, std::make_index_sequence<kOperations.size()>{});
    return execute;
  }
  return std::nullopt;
}

struct TypeOfRequest {
  RequestType operator()(const OpenSession&) const { return RequestType::kOpenSession; }
  RequestType operator()(const locks::Execute& m) const { return kOperations[m.operation.index()].request; }
  RequestType operator()(const Check&) const { return RequestType::kCheck; }
  RequestType operator()(const List&) const { return RequestType::kList; }
  RequestType operator()(const Status&) const { return RequestType::kStatus; }
  RequestType operator()(const KeepAlive&) const { return RequestType::kKeepAlive; }
  RequestType operator()(const Wait&) const { return RequestType::kWait; }
  RequestType operator()(const History&) const { return RequestType::kHistory; }
  RequestType operator()(const Sessions&) const { return RequestType::kSessions; }
  RequestType operator()(const Watch&) const { return RequestType::kWatch; }
};

struct TypeOfCommand {
  CommandType operator()(const locks::Open&) const { return CommandType::kOpen; }
  CommandType operator()(const locks::Execute& m) const { return kOperations[m.operation.index()].command; }
  CommandType operator()(const locks::Expire&) const { return CommandType::kExpire; }
};

}  // namespace

MessageType type_of(const raft::MessageBody& body) { return type_by_place<MessageType>(body); }
ResponseType type_of(const ResponseBody& body) { return type_by_place<ResponseType>(body); }
EntryType type_of(const raft::EntryBody& body) { return type_by_place<EntryType>(body); }
ResultType type_of(const locks::Result& result) { return type_by_place<ResultType>(result); }

RequestType type_of(const RequestBody& body) { return std::visit(TypeOfRequest{}, body); }
CommandType type_of(const locks::Command& command) { return std::visit(TypeOfCommand{}, command); }

raft::MessageBody blank(MessageType type) { return blank_by_place<raft::MessageBody>(type); }
ResponseBody blank(ResponseType type) { return blank_by_place<ResponseBody>(type); }
raft::EntryBody blank(EntryType type) { return blank_by_place<raft::EntryBody>(type); }
locks::Result blank(ResultType type) { return blank_by_place<locks::Result>(type); }

RequestBody blank(RequestType type) {
  if (auto execute = blank_execute(&OperationType::request, type)) return *std::move(execute);
  switch (type) {
    case RequestType::kOpenSession: return OpenSession{};
    case RequestType::kCheck: return Check{};
    case RequestType::kList: return List{};
    case RequestType::kStatus: return Status{};
    case RequestType::kKeepAlive: return KeepAlive{};
    case RequestType::kWait: return Wait{};
    case RequestType::kHistory: return History{};
    case RequestType::kSessions: return Sessions{};
    case RequestType::kWatch: return Watch{};
    default: INVARIANT(false, "a request's type is checked before its fields are");
  }
}

locks::Command blank(CommandType type) {
  if (auto execute = blank_execute(&OperationType::command, type)) return *std::move(execute);
  if (type == CommandType::kExpire) return locks::Expire{};
  INVARIANT(type == CommandType::kOpen, "a command's type is checked before its fields are");
  return locks::Open{};
}

}  // namespace lockstep::wire
