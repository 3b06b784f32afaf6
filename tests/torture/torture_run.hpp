// One run: starts the nodes and the clients, does the faults, and collects the history. It judges nothing, but writes
// down as findings what went wrong before its eyes. Everything it started has ended when it is destroyed.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "tests/torture/client_processes.hpp"
#include "tests/torture/faults.hpp"
#include "tests/torture/history.hpp"
#include "tests/torture/nodes.hpp"
#include "tests/torture/segment_archive.hpp"
#include "tests/torture/small_disk.hpp"
#include "tests/torture/written_entries.hpp"

namespace lockstep::torture {

struct RunOptions {
  int seconds = 60;  // of load under faults
  std::uint64_t seed = 1;
  std::size_t clients = 24;
  std::size_t nodes = 3;
  std::vector<FaultKind> faults;
  std::string lockstepd;         // the program
  std::filesystem::path folder;  // for everything; exists
};

class TortureRun {
 public:
  // `stop`: set by a signal. `tell`: one line for a person. Made before the process has threads.
  TortureRun(const RunOptions& options, const std::atomic<bool>& stop, std::function<void(const std::string&)> tell);

  // None if it was stopped. Throws std::runtime_error if the cluster could not be set up.
  std::optional<History> run();

 private:
  void set_up();
  void do_faults();
  void begin(FaultKind kind);
  void end();
  void begin_node_fault(FaultKind kind, const std::string& victim);
  void begin_disk_fault();
  void look_at_disk();
  void end_disk_fault();
  void partition(const std::string& victim);
  void wait(
      Duration length, const std::function<bool()>& is_over = [] { return false; });
  void begin_to_be_behind(const std::string& victim);
  bool is_behind() const;
  std::set<LogIndex> snapshots_of(const std::string& name) const;  // on its disk
  void wait_until_behind(Duration share);
  void look_around();
  void quiesce();
  void count_snapshots();
  void collect_logs();
  void collect_records();
  std::vector<std::string> victims(const std::string& first);
  std::string tail_of(const std::filesystem::path& file) const;
  void find(const std::string& rule, const std::string& text);
  void note(Fault fault);

  RunOptions options_;
  const std::atomic<bool>& stop_;
  std::function<void(const std::string&)> tell_;
  FaultPlan plan_;
  std::unique_ptr<SmallDisk> small_disk_;  // before the network, which has a thread
  std::unique_ptr<Network> network_;
  std::unique_ptr<Nodes> nodes_;
  std::unique_ptr<SegmentArchive> archive_;
  std::unique_ptr<ClientProcesses> clients_;

  History history_;
  Nanoseconds started_ = 0;
  Nanoseconds ends_ = 0;
  Nanoseconds next_progress_ = 0;
  std::optional<FaultKind> kind_;           // under way
  Fault fault_;                             // with kind_
  std::optional<LogIndex> last_of_victim_;  // of FaultKind::kBehind: where the log of the node that is away ends
  std::optional<Fault> disk_fault_;         // under way beside the others
  std::size_t disk_log_from_ = 0;           // where the node's log ended when the disk was filled
  std::optional<Nanoseconds> noticed_;      // when the node said that its disk was full
  Nanoseconds room_since_ = 0;
  std::uint64_t committed_ = 0;  // applied by every node at the end
};

}  // namespace lockstep::torture
