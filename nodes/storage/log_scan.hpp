// Reads a whole log and says what is there: the entries, where the log goes on, and whether what was acknowledged
// was damaged in it (S2). It writes nothing, and looks at no snapshot: recovery_plan.hpp brings the two together.
//
// At the first batch that is not whole it does not stop but looks at every later boundary of every
// segment. Only if nothing there proves otherwise was that batch a torn tail, which nobody was promised.
// The proof is a valid batch header of a higher sequence, since a batch is written only after the one
// before is synced; or what `meta` says was synced.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "nodes/storage/disk.hpp"
#include "nodes/storage/log_format.hpp"
#include "nodes/storage/log_replay.hpp"
#include "nodes/storage/log_writer.hpp"
#include "nodes/storage/meta_file.hpp"
#include "nodes/storage/storage_error.hpp"
#include "protocol/raft/entry.hpp"

namespace lockstep {

// A file of the log as it stands in the folder.
struct SegmentFile {
  std::string name;
  std::uint64_t number = 0;
  std::optional<SegmentHeader> header;  // none: both copies are damaged
  bool one_header_damaged = false;
};

struct LogDamage {
  std::string file;
  std::uint64_t offset = 0;
};

// The last batch, as it is to be written again before the node speaks (S4).
struct LastBatch {
  std::string file;
  std::uint64_t offset = 0;
  std::string bytes;
};

struct LogScan {
  LogContents log;                       // the good prefix
  std::vector<SegmentExtent> segments;   // that it is in
  LogPosition position;                  // where the log goes on, in `current`
  std::optional<SegmentHeader> current;  // none if there is no segment yet
  std::uint64_t current_bytes = 0;       // the size of its file
  std::optional<LastBatch> last_batch;
  std::optional<LogDamage> damage;

  std::vector<SegmentFile> live;        // in order
  std::vector<std::string> superseded;  // replaced by an earlier repair
  std::vector<std::string> cut_off;     // a snapshot stands for them
  std::uint64_t highest_number = 0;     // of any segment file
  std::uint64_t highest_sequence = 0;   // of any valid batch header, or as `meta` says
  LogIndex highest_index;               // ever written, as far as any valid header or `meta` says
};

// An error if the log cannot be used and how much was lost cannot be known, or if it was not written by
// this program.
StorageResult<LogScan> scan_log(Disk& disk, const std::string& folder, const Meta& meta);

}  // namespace lockstep
