// The number of each kind of message, and which C++ type it stands for.
//
// The numbers are on the wire and, for commands and entries, in the log: append only, and a number that
// is given up is never used again. An Execute is a type of its own for each operation, so that every
// message is one flat array.
#pragma once

#include <cstdint>

#include "protocol/raft/messages.hpp"
#include "protocol/wire/client_messages.hpp"

namespace lockstep::wire {

enum class MessageType : std::uint8_t {
  kAppend = 1,
  kVoteRequest = 2,
  kVote = 3,
  kAck = 4,
  kFetch = 5,
  kForward = 6,
  kBarrier = 7,
  kBarrierAnswer = 8,
  kNotLeader = 9,
  kBusy = 10,
  kHello = 11,
  kForm = 12,
  kHelloRefused = 13,
  kSnapshotPart = 14,
};

enum class RequestType : std::uint8_t {
  kOpenSession = 1,
  kPreempt = 2,
  kRelease = 3,
  kCheck = 4,
  kList = 5,
  kStatus = 6,
  kAcquire = 7,
  kCancel = 8,
  kClose = 9,
  kForceRelease = 10,
  kCloseSession = 11,
  kKeepAlive = 12,
  kWait = 13,
  kHistory = 14,
  kSessions = 15,
  kWatch = 16,
};

enum class ResponseType : std::uint8_t {
  kSessionOpened = 1,
  kGranted = 2,
  kHeld = 3,
  kReleased = 4,
  kNotHolder = 5,
  kCheckAnswer = 6,
  kListAnswer = 7,
  kStatusAnswer = 8,
  kError = 9,
  kQueued = 10,
  kCancelled = 11,
  kClosed = 12,
  kKeptAlive = 13,
  kHistoryAnswer = 14,
  kSessionsAnswer = 15,
  kWatchAnswer = 16,
};

enum class EntryType : std::uint8_t { kNoop = 1, kConfiguration = 2, kCommand = 3 };

enum class CommandType : std::uint8_t {
  kOpen = 1,
  kPreempt = 2,
  kRelease = 3,
  kAcquire = 4,
  kCancel = 5,
  kClose = 6,
  kForceRelease = 7,
  kCloseSession = 8,
  kExpire = 9,
};

// In a snapshot: what a session was answered.
enum class ResultType : std::uint8_t {
  kSessionOpened = 1,
  kGranted = 2,
  kHeld = 3,
  kReleased = 4,
  kNotHolder = 5,
  kRefused = 6,
  kQueued = 7,
  kCancelled = 8,
  kClosed = 9,
};

MessageType type_of(const raft::MessageBody& body);
RequestType type_of(const RequestBody& body);
ResponseType type_of(const ResponseBody& body);
EntryType type_of(const raft::EntryBody& body);
CommandType type_of(const locks::Command& command);
ResultType type_of(const locks::Result& result);

// A message of the type with every field at its default.
raft::MessageBody blank(MessageType type);
RequestBody blank(RequestType type);
ResponseBody blank(ResponseType type);
raft::EntryBody blank(EntryType type);
locks::Command blank(CommandType type);
locks::Result blank(ResultType type);

}  // namespace lockstep::wire
