#include "protocol/wire/message_types.hpp"

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

static_assert(std::variant_size_v<raft::MessageBody> == 13);
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

static_assert(std::variant_size_v<ResponseBody> == 9);
static_assert(kInStep<ResponseBody, ResponseType::kSessionOpened, locks::SessionOpened>);
static_assert(kInStep<ResponseBody, ResponseType::kGranted, locks::Granted>);
static_assert(kInStep<ResponseBody, ResponseType::kHeld, locks::Held>);
static_assert(kInStep<ResponseBody, ResponseType::kReleased, locks::Released>);
static_assert(kInStep<ResponseBody, ResponseType::kNotHolder, locks::NotHolder>);
static_assert(kInStep<ResponseBody, ResponseType::kCheckAnswer, CheckAnswer>);
static_assert(kInStep<ResponseBody, ResponseType::kListAnswer, ListAnswer>);
static_assert(kInStep<ResponseBody, ResponseType::kStatusAnswer, StatusAnswer>);
static_assert(kInStep<ResponseBody, ResponseType::kError, Error>);

static_assert(std::variant_size_v<raft::EntryBody> == 3);
static_assert(kInStep<raft::EntryBody, EntryType::kNoop, raft::Noop>);
static_assert(kInStep<raft::EntryBody, EntryType::kConfiguration, raft::Configuration>);
static_assert(kInStep<raft::EntryBody, EntryType::kCommand, raft::Command>);

locks::Execute blank_execute(locks::Operation operation) {
  locks::Execute execute;
  execute.operation = std::move(operation);
  return execute;
}

bool is_release(const locks::Execute& execute) { return std::holds_alternative<locks::Release>(execute.operation); }

}  // namespace

MessageType type_of(const raft::MessageBody& body) { return type_by_place<MessageType>(body); }
ResponseType type_of(const ResponseBody& body) { return type_by_place<ResponseType>(body); }
EntryType type_of(const raft::EntryBody& body) { return type_by_place<EntryType>(body); }

RequestType type_of(const RequestBody& body) {
  if (std::holds_alternative<OpenSession>(body)) return RequestType::kOpenSession;
  if (std::holds_alternative<Check>(body)) return RequestType::kCheck;
  if (std::holds_alternative<List>(body)) return RequestType::kList;
  if (std::holds_alternative<Status>(body)) return RequestType::kStatus;
  return is_release(std::get<locks::Execute>(body)) ? RequestType::kRelease : RequestType::kPreempt;
}

CommandType type_of(const locks::Command& command) {
  if (std::holds_alternative<locks::Open>(command)) return CommandType::kOpen;
  return is_release(std::get<locks::Execute>(command)) ? CommandType::kRelease : CommandType::kPreempt;
}

raft::MessageBody blank(MessageType type) { return blank_by_place<raft::MessageBody>(type); }
ResponseBody blank(ResponseType type) { return blank_by_place<ResponseBody>(type); }
raft::EntryBody blank(EntryType type) { return blank_by_place<raft::EntryBody>(type); }

RequestBody blank(RequestType type) {
  switch (type) {
    case RequestType::kOpenSession: return OpenSession{};
    case RequestType::kPreempt: return blank_execute(locks::Preempt{});
    case RequestType::kRelease: return blank_execute(locks::Release{});
    case RequestType::kCheck: return Check{};
    case RequestType::kList: return List{};
    case RequestType::kStatus: return Status{};
  }
  INVARIANT(false, "a request's type is checked before its fields are");
}

locks::Command blank(CommandType type) {
  switch (type) {
    case CommandType::kOpen: return locks::Open{};
    case CommandType::kPreempt: return blank_execute(locks::Preempt{});
    case CommandType::kRelease: return blank_execute(locks::Release{});
  }
  INVARIANT(false, "a command's type is checked before its fields are");
}

}  // namespace lockstep::wire
