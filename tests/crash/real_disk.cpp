// Goal: what a real node tells its clients is on its real disk, whatever that disk answers, and whenever the power
// fails.
// Method: a node of one runs under a library that writes down and orders its calls (disk_shim.cpp).
//   order    what must be durable before what (call_order.hpp); and the records are all that happened: they lead to
//            the folder as it is.
//   replay   for each moment of that run, the folders that a power failure there may have left: nothing that was not
//            synced, all of it, each change alone, all but each, and torn writes. Production storage recovers each.
//   faults   the run again, once for each call and each way in which it can fail. The node goes on, or ends and says
//            why. The orders hold, and afterwards all that was acknowledged is there: in the folder, and in what a
//            power failure at the end would have left of it.
//
//   real_disk                  all three. Of the faults those of every 40th call, and of each kind one at least
//   real_disk --every 1        every fault of every call: minutes
//   real_disk --fault "write 17 5"       that one alone; the folder stays
#include <CLI/CLI.hpp>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <iostream>
#include <mutex>
#include <set>
#include <thread>

#include "nodes/server/config.hpp"
#include "nodes/server/process.hpp"
#include "nodes/server/server.hpp"
#include "nodes/storage/posix_disk.hpp"
#include "tests/crash/call_order.hpp"
#include "tests/crash/recovered.hpp"

namespace lockstep::crash {
namespace {

using Part = DiskModel::Part;
using testing::TemporaryFolder;

constexpr const char* kFolder = "data";

struct Options {
  std::vector<std::string> node;  // its command
  std::string shim = LOCKSTEP_DISK_SHIM;
  std::vector<std::string> parts{"order", "replay", "faults"};
  std::uint64_t every = 40;
  unsigned jobs = 2;
  std::string fault;
};

// One call and what becomes of it.
struct Fault {
  DiskCall call{};
  std::uint64_t number = 0;
  int what = 0;

  std::string text() const {
    return std::string(kDiskCallNames[static_cast<std::size_t>(call)]) + " " + std::to_string(number) + " " +
           std::to_string(what);
  }
  std::string shown() const {
    const std::string error = what == kShort           ? "short"
                              : what == kShortThenFull ? "short, then full"
                                                       : ::strerrorname_np(what);
    return std::string(kDiskCallNames[static_cast<std::size_t>(call)]) + " " + std::to_string(number) + ", " + error;
  }
  // Nobody but the disk's owner would know that it happened.
  bool is_harmless() const { return what == kShort || what == EINTR || what == EOPNOTSUPP; }
};

// What a local file system may answer to each call.
std::vector<int> ways_to_fail(DiskCall call) {
  switch (call) {
    case DiskCall::kCreate: return {EINTR, ENOSPC, EDQUOT, EIO};
    case DiskCall::kWrite: return {kShort, kShortThenFull, EINTR, ENOSPC, EDQUOT, EIO};
    case DiskCall::kReserve: return {EINTR, ENOSPC, EDQUOT, EIO, EOPNOTSUPP};
    case DiskCall::kSync: return {EINTR, ENOSPC, EDQUOT, EIO};
    case DiskCall::kSyncFolder: return {EINTR, ENOSPC, EIO};
    case DiskCall::kRename: return {ENOSPC, EDQUOT, EIO};
    case DiskCall::kMakeFolder: return {ENOSPC, EIO};
    case DiskCall::kOpen:
    case DiskCall::kRemove: return {EIO};
    case DiskCall::kClose:
    case DiskCall::kSend: break;
  }
  return {};
}

std::map<DiskCall, std::uint64_t> counts_of(const std::vector<TracedCall>& calls) {
  std::map<DiskCall, std::uint64_t> counts;
  for (const TracedCall& call : calls) {
    if (call.record.has_ended == 0) ++counts[call.record.call];
  }
  return counts;
}

// Of each way of each call the one in the middle, and every N-th of all.
std::vector<Fault> choose_faults(const std::vector<TracedCall>& calls, std::uint64_t every) {
  std::vector<Fault> chosen;
  std::uint64_t place = 0;
  for (const auto& [call, count] : counts_of(calls)) {
    for (const int way : ways_to_fail(call)) {
      for (std::uint64_t number = 0; number < count; ++number) {
        if (place++ % every == 0 || number == count / 2) chosen.push_back({call, number, way});
      }
    }
  }
  return chosen;
}

class RealDisk {
 public:
  explicit RealDisk(Options options) : options_(std::move(options)) {}

  int run() {
    if (!options_.fault.empty()) return run_one_fault();
    const TemporaryFolder folder;
    const Ports ports;
    const NodeRun clean = run_node(options_.node, options_.shim, ports, folder.path(), "");
    const std::vector<TracedCall> calls = read_trace(clean.trace);
    if (clean.acknowledged.size() != kOperations || clean.ended.exit_code != 0) {
      fail("without a fault", "the node does not do its work:\n" + clean.log);
      return 1;
    }
    for (const std::string& part : options_.parts) {
      if (part == "order") check_order(clean, calls);
      if (part == "replay") replay(clean, calls);
      if (part == "faults") try_faults(calls);
    }
    return failures_ == 0 ? 0 : 1;
  }

 private:
  void fail(const std::string& where, const std::string& what) {
    const std::lock_guard lock(mutex_);
    ++failures_;
    std::cout << "FAILED: " << where << ": " << what << std::endl;
  }

  int run_one_fault() {
    TemporaryFolder folder;
    folder.keep();
    const Ports ports;
    std::string call;
    Fault fault;
    std::istringstream words(options_.fault);
    words >> call >> fault.number >> fault.what;
    const auto name = std::find(std::begin(kDiskCallNames), std::end(kDiskCallNames), call);
    fault.call = static_cast<DiskCall>(name - std::begin(kDiskCallNames));
    try_fault(fault, ports, folder.path());
    return failures_ == 0 ? 0 : 1;
  }

  // --- order

  void check_order(const NodeRun& clean, const std::vector<TracedCall>& calls) {
    for (const std::string& wrong : wrong_orders(calls, clean.acknowledged)) fail("order", wrong);
    check_records_are_all(clean, calls);
    // Else the run is not what these checks are about.
    std::map<std::string, std::uint64_t> met;
    for (const TracedCall& call : calls) {
      if (call.record.has_ended != 0) continue;
      const std::string& name = call.record.call == DiskCall::kRename ? call.to : call.name;
      const std::string file = name.substr(0, name.find_first_of("-."));
      ++met[std::string(kDiskCallNames[static_cast<std::size_t>(call.record.call)]) + " " + file];
    }
    const std::pair<const char*, std::uint64_t> wanted[] = {
        {"rename data/meta", 1}, {"rename data/log", 2},         {"rename data/snapshot", 3},
        {"remove data/log", 1},  {"remove data/snapshot", 1},    {"write data/meta", 8},
        {"sync data/meta", 8},   {"sync data/log", kOperations}, {"make-folder data", 1},
        {"sync-folder data", 6}, {"reserve data/log", 2},
    };
    for (const auto& [what, count] : wanted) {
      if (met[what] < count) fail("order", std::string("the run has too few of ") + what);
    }
    std::cout << "order: " << calls.size() / 2 << " calls of " << met.size() << " kinds, " << clean.acknowledged.size()
              << " answers" << std::endl;
  }

  // A call that the shim does not see would be missing here.
  void check_records_are_all(const NodeRun& run, const std::vector<TracedCall>& calls) {
    DiskModel model;
    for (const TracedCall& call : calls) model.take(call);
    std::set<std::string> names;
    for (const auto& file : std::filesystem::directory_iterator(run.folder)) {
      const std::string name = std::string(kFolder) + "/" + file.path().filename().string();
      names.insert(name);
      if (!model.names().contains(name)) {
        fail("order", name + " was made by a call that is not covered");
      } else if (model.contents(name) != testing::read_file(file.path())) {
        fail("order", name + " was changed by a call that is not covered");
      }
    }
    for (const auto& [name, file] : model.names()) {
      if (name != kFolder && !names.contains(name)) fail("order", name + " was deleted by a call that is not covered");
    }
  }

  // --- replay

  void replay(const NodeRun& clean, const std::vector<TracedCall>& calls) {
    DiskModel model;
    std::vector<Acknowledged> answers;
    std::uint64_t folders = 0;
    for (std::size_t i = 0; i < calls.size(); ++i) {
      model.take(calls[i]);
      note_answers(calls[i], clean, answers);
      const std::string where = "replay up to record " + std::to_string(i);
      const auto look = [&](const std::string& what, const std::function<Part(std::size_t)>& survives) {
        ++folders;
        const std::string lost = recover(model.image(kFolder, survives)).what_is_lost(answers);
        if (!lost.empty()) fail(where + ", of what is not synced " + what, lost);
      };
      for_each_survival(model, look);
      if (failures_ > 20) return;
    }
    std::cout << "replay: " << calls.size() << " moments, " << folders << " folders, " << recovered_.size()
              << " different ones" << std::endl;
  }

  // From the moment on in which its answer leaves.
  static void note_answers(const TracedCall& call, const NodeRun& run, std::vector<Acknowledged>& answers) {
    if (call.record.call != DiskCall::kSend || call.record.has_ended != 0) return;
    for (const Acknowledged& one : run.acknowledged) {
      if (call.data.find(one.call_bytes) != std::string::npos) answers.push_back(one);
    }
  }

  template <typename Look>
  static void for_each_survival(const DiskModel& model, const Look& look) {
    look("nothing", [](std::size_t) { return Part::kNone; });
    look("everything", [](std::size_t) { return Part::kAll; });
    for (std::size_t n = 0; n < model.unsynced(); ++n) {
      const std::string change = std::to_string(n);
      look("all but " + change, [n](std::size_t i) { return i == n ? Part::kNone : Part::kAll; });
      look("only " + change, [n](std::size_t i) { return i == n ? Part::kAll : Part::kNone; });
      if (!model.may_be_torn(n)) continue;
      for (const Part part : {Part::kFirstSector, Part::kAllButFirstSector, Part::kEverySecondSector}) {
        look("a torn " + change, [n, part](std::size_t i) { return i == n ? part : Part::kAll; });
      }
    }
  }

  // Equal folders are recovered once.
  const Recovered& recover(const Image& image) {
    std::string whole;
    for (const auto& [name, bytes] : image) whole += name + "\n" + std::to_string(bytes.size()) + "\n" + bytes;
    const std::size_t key = std::hash<std::string>()(whole);
    const auto found = recovered_.find(key);
    return found != recovered_.end() ? found->second : recovered_.emplace(key, Recovered::from(image)).first->second;
  }

  // --- faults

  void try_faults(const std::vector<TracedCall>& calls) {
    const std::vector<Fault> faults = choose_faults(calls, options_.every);
    std::atomic<std::size_t> next = 0;
    std::vector<std::thread> threads;
    for (unsigned i = 0; i < options_.jobs; ++i) {
      threads.emplace_back([&] {
        const Ports ports;
        for (std::size_t one = next++; one < faults.size() && failures_ <= 20; one = next++) {
          const TemporaryFolder folder;
          try_fault(faults[one], ports, folder.path());
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    std::cout << "faults: " << faults.size() << " tried, " << met_ << " met; " << went_on_
              << " nodes went on, the others ended and said why" << std::endl;
  }

  void try_fault(const Fault& fault, const Ports& ports, const std::filesystem::path& folder) {
    const std::string where = fault.shown() + " (--fault '" + fault.text() + "')";
    try {
      const NodeRun run = run_node(options_.node, options_.shim, ports, folder, fault.text());
      const std::vector<TracedCall> calls = read_trace(run.trace);
      check_end(fault, where, run, calls);
      for (const std::string& wrong : wrong_orders(calls, run.acknowledged)) fail(where, wrong);
      check_nothing_is_lost(where, run, calls);
    } catch (const std::exception& error) {
      fail(where, error.what());
    }
  }

  // The name that the file has at that moment for which the call fails; none: it never does.
  static std::optional<std::string> met_by(const Fault& fault, const std::vector<TracedCall>& calls) {
    // The rest of a short write may come after another thread's write to another file.
    const std::uint64_t number = fault.number + (fault.what == kShortThenFull ? 1 : 0);
    DiskModel model;
    for (const TracedCall& call : calls) {
      if (call.record.call == fault.call && call.record.number == number) {
        return call.record.fd < 0 ? call.name : model.name_of(call.record.fd);
      }
      model.take(call);
    }
    return std::nullopt;
  }

  void check_end(const Fault& fault, const std::string& where, const NodeRun& run,
                 const std::vector<TracedCall>& calls) {
    const std::optional<std::string> met = met_by(fault, calls);
    const bool has_done_all = run.acknowledged.size() == kOperations && run.ended.exit_code == 0;
    const std::lock_guard lock(mutex_);
    if (met) ++met_;
    if (has_done_all) {
      ++went_on_;
      return;
    }
    const auto complain = [&](const std::string& what) {
      ++failures_;
      std::cout << "FAILED: " << where << ": " << what << "; its log:\n" << run.log << std::endl;
    };
    if (!met) return complain("the fault never came, and the node ended");
    if (fault.is_harmless()) return complain("the node ended");
    // S5: a full disk is waited for where the next segment or a snapshot is made.
    const int code = fault.what == kShortThenFull ? ENOSPC : fault.what;
    if ((code == ENOSPC || code == EDQUOT) && met->ends_with(".tmp") && run.acknowledged.size() > 1) {
      return complain("the node ended although only room was missing");
    }
    if (run.log.find(std::strerror(code)) == std::string::npos) return complain("the node ended and did not say why");
  }

  // An unsynced page, and one that a failed sync was for, may be gone; what was not lost may be there.
  void check_nothing_is_lost(const std::string& where, const NodeRun& run, const std::vector<TracedCall>& calls) {
    DiskModel model;
    for (const TracedCall& call : calls) model.take(call);
    const auto look = [&](const char* what, Part part) {
      const std::string lost =
          Recovered::from(model.image(kFolder, [part](std::size_t) { return part; })).what_is_lost(run.acknowledged);
      if (!lost.empty()) fail(where, std::string("after a power failure, of what is not synced ") + what + ": " + lost);
    };
    look("nothing", Part::kNone);
    look("everything", Part::kAll);
    PosixDisk disk;
    const std::string lost = Recovered::from(disk, run.folder).what_is_lost(run.acknowledged);
    if (!lost.empty()) fail(where, "started again: " + lost);
  }

  const Options options_;
  std::mutex mutex_;
  std::atomic<std::uint64_t> failures_ = 0;
  std::uint64_t met_ = 0;
  std::uint64_t went_on_ = 0;
  std::map<std::size_t, Recovered> recovered_;
};

// This program as a node, so that a fault that is planted into the storage is planted into the node too.
int serve(const std::string& file) {
  auto config = read_config(file);
  auto signals = StopSignals::block();
  if (!config || !signals) return 2;
  auto server = Server::start(*std::move(config), *std::move(signals));
  if (!server) {
    std::cerr << to_string(server.error().error) << std::endl;
    return 2;
  }
  return (*server)->run();
}

}  // namespace
}  // namespace lockstep::crash

int main(int argc, char** argv) {
  using namespace lockstep::crash;
  Options options;
  std::string config;
  CLI::App app("A real node and its calls to a real disk: their order, their failures, and every power failure.");
  app.add_option("--every", options.every, "faults: only every N-th, and one of each kind")->check(CLI::PositiveNumber);
  app.add_option("--parts", options.parts, "order, replay, faults; otherwise all")
      ->delimiter(',')
      ->check(CLI::IsMember({"order", "replay", "faults"}));
  app.add_option("--fault", options.fault, "only this one, as a failure shows it");
  app.add_option("--jobs", options.jobs, "nodes at a time")->check(CLI::PositiveNumber);
  app.add_option("--node", options.node, "the node's program; otherwise this one");
  app.add_option("--serve", config, "be a node with this configuration")->group("");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  if (!config.empty()) return serve(config);
  if (options.node.empty()) options.node = {std::filesystem::read_symlink("/proc/self/exe").string(), "--serve"};
  try {
    return RealDisk(std::move(options)).run();
  } catch (const std::exception& error) {
    std::cout << "FAILED: " << error.what() << std::endl;
    return 1;
  }
}
