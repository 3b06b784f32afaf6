// The file `meta`: all of a node's durable state that is not the log, in two copies.
//
// Each copy is one sealed block with a sequence; the higher one counts. write() changes and syncs one
// copy, then the other, so at any moment at least one copy is whole, with the old state or the new. The
// file itself is made under a temporary name, so two bad copies are never the result of a crash.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "nodes/storage/disk.hpp"
#include "nodes/storage/storage_error.hpp"
#include "protocol/base/notice.hpp"
#include "protocol/raft/entry.hpp"

namespace lockstep {

inline constexpr const char* kMetaName = "meta";

// The segment that the log begins with, and the sequence of its first batch. What came before was cut off because a
// snapshot stands for it (S6).
struct LogStart {
  std::uint64_t segment = 1;
  std::uint64_t sequence = 1;
  friend bool operator==(const LogStart&, const LogStart&) = default;
};

struct Meta {
  NodeId node;
  raft::HardState hard_state;
  // Where the log certainly was when this was written: every batch up to this sequence was synced. It
  // tells rot at the end of the log from a torn tail wherever it can.
  std::uint64_t synced_sequence = 0;
  LogIndex highest_index;   // ever written to the log up to there
  LogIndex snapshot = {};   // the newest; none: there is none
  LogStart log_start = {};  // what lies before it is to be deleted
  friend bool operator==(const Meta&, const Meta&) = default;
};

std::string encode_meta(const Meta& meta, std::uint64_t sequence);  // one sealed block

class MetaFile {
 public:
  // Makes the file in a folder that has none.
  static StorageResult<MetaFile> format(Disk& disk, const Meta& meta);
  // Reads it and writes nothing. An error if no copy is whole, or if another format version wrote it.
  static StorageResult<MetaFile> load(Disk& disk, const std::string& folder, std::vector<Notice>& notices);

  const Meta& get() const { return meta_; }
  // Comes after load() and before any write(): makes both copies what was read. A process that was killed
  // may have left one that only the page cache holds; so that one is written again first, with the same
  // bytes, while the other is still as good as it was.
  DiskResult<void> settle();
  // Durable once it returns.
  DiskResult<void> write(const Meta& meta);

 private:
  MetaFile(Disk& disk, OpenFile file) : disk_(&disk), file_(std::move(file)) {}
  DiskResult<void> write_copies(const Meta& meta, std::size_t first_copy);

  Disk* disk_;
  OpenFile file_;
  Meta meta_;
  std::uint64_t sequence_ = 0;
  std::size_t newest_copy_ = 0;
};

}  // namespace lockstep
