// What the shim writes down of each call of a node to its disk, and of each answer that leaves: one record before the
// call, and one after it. Records stand in the order in which that happened, across all threads.
#pragma once

#include <cstdint>

namespace lockstep::crash {

enum class DiskCall : std::uint32_t {
  kOpen,
  kCreate,
  kClose,
  kWrite,
  kReserve,
  kSync,
  kSyncFolder,
  kRename,
  kRemove,
  kMakeFolder,
  kSend,  // bytes leave through a socket
};
inline constexpr std::uint32_t kDiskCalls = 11;
inline constexpr const char* kDiskCallNames[kDiskCalls] = {
    "open", "create", "close", "write", "reserve", "sync", "sync-folder", "rename", "remove", "make-folder", "send"};

// Followed by the name, relative to the folder that is watched, the second name of a rename, and the bytes.
struct DiskRecord {
  DiskCall call{};
  std::uint32_t has_ended = 0;  // 0: the record before the call
  std::uint64_t id = 0;         // the same before and after
  std::uint64_t number = 0;     // of the calls of this kind
  std::int32_t fd = -1;
  std::int32_t error = 0;    // an errno value; 0: it succeeded. Only after the call
  std::uint64_t result = 0;  // after a write: how much of it was done
  std::uint64_t offset = 0;  // of a write; of what is reserved the end
  std::uint32_t name_bytes = 0;
  std::uint32_t to_bytes = 0;
  std::uint32_t data_bytes = 0;
  std::uint32_t unused = 0;
};

// The environment of a node under the shim.
inline constexpr const char* kTraceVariable = "LOCKSTEP_DISK_TRACE";    // the file of the records
inline constexpr const char* kFolderVariable = "LOCKSTEP_DISK_FOLDER";  // absolute: what lies in it is watched
inline constexpr const char* kFaultVariable = "LOCKSTEP_DISK_FAULT";    // "CALL NUMBER FAULT"; none: no fault
// FAULT: an errno value, once. EINTR: twice in a row, so that one repetition is not enough.
// Or one of these, of a write: a third of it is done; then the rest is done, or the disk is full.
inline constexpr int kShort = 1001;
inline constexpr int kShortThenFull = 1002;

}  // namespace lockstep::crash
