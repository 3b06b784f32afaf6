// What the shim wrote down of one life of a node, read back; and the folders that a power failure could have left.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "tests/crash/disk_record.hpp"

namespace lockstep::crash {

struct TracedCall {
  DiskRecord record;
  std::string name;  // relative to the folder that is watched; of a call with an open file the name it was opened by
  std::string to;
  std::string data;
};

// The records in order. What a call with an open file was about is filled in, after each call as before it.
std::vector<TracedCall> read_trace(const std::string& file);

using Image = std::map<std::string, std::string>;  // contents by name

// What a disk may hold while the records of a trace are taken in one by one.
//
// A change survives for certain once a sync has ended with success that began after the change had ended: of the file
// for its bytes and its size, of the folder for a name in it. What a failed sync was to make durable never will be,
// though reads go on showing it (S4).
class DiskModel {
 public:
  void take(const TracedCall& call);

  // How much of one change survives that is not durable yet.
  enum class Part { kNone, kAll, kFirstSector, kAllButFirstSector, kEverySecondSector };
  std::size_t unsynced() const { return pending_.size(); }
  bool may_be_torn(std::size_t change) const;  // it has more than one sector
  // Of what is in `folder`.
  Image image(const std::string& folder, const std::function<Part(std::size_t)>& survives) const;
  // As a process sees it now: nothing is lost but what an error lost.
  const std::string& contents(const std::string& name) const { return files_[names_.at(name)].seen; }
  const std::map<std::string, std::size_t>& names() const { return names_; }
  std::string name_of(int fd) const;                    // that an open file has now; empty: none, or it is a folder
  bool is_synced(const std::string& name) const;        // all bytes of this file are durable
  bool name_is_durable(const std::string& name) const;  // and says what it says now

 private:
  using Names = std::map<std::string, std::size_t>;
  struct Change {
    std::uint64_t id = 0;  // of the call
    bool has_ended = false;
    std::optional<std::size_t> file;  // none: a change of names
    std::uint64_t offset = 0;
    std::string bytes;
    std::uint64_t size = 0;  // at least, if it is no write
    std::string from;
    std::string to;
    std::size_t named = 0;
  };
  struct FileState {
    std::string seen;
    std::string durable;
  };

  void begin(const TracedCall& call);
  void end(const TracedCall& call);
  void end_change(const TracedCall& call, Change& change);
  void open(const TracedCall& call);
  bool is_of(const Change& change, const TracedCall& sync) const;
  static void apply(Names& names, const Change& change);
  static void apply(std::string& bytes, const Change& change, Part part);

  std::vector<FileState> files_;
  Names names_;
  Names durable_names_;
  std::map<int, std::size_t> open_files_;
  std::vector<Change> pending_;
  std::map<std::uint64_t, std::set<std::uint64_t>> covered_;  // by each sync under way: ids
};

}  // namespace lockstep::crash
