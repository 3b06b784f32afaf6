#include "tests/torture/torture_run.hpp"

#include <algorithm>
#include <csignal>
#include <set>
#include <thread>

#include "nodes/storage/file_names.hpp"
#include "nodes/system/clock.hpp"
#include "tests/support/wait_until.hpp"
#include "tests/torture/evidence.hpp"
#include "tests/torture/log_filler.hpp"

namespace lockstep::torture {
namespace {

using namespace std::chrono_literals;

constexpr Duration kWarmUp = 1s;
constexpr Duration kProgressEvery = 10s;
constexpr Duration kMostDiskFault = 12s;        // if the node does not notice
constexpr Duration kDiskFaultNoticed = 1500ms;  // and if it does
constexpr Duration kMostBehind = 90s;           // if the others do not cut their logs
constexpr std::size_t kShownOfALog = 1500;      // bytes

Nanoseconds now() { return boot_time().time_since_epoch().count(); }

std::string in_seconds(Nanoseconds time) { return std::to_string(time / 1'000'000'000) + " s"; }

}  // namespace

TortureRun::TortureRun(const RunOptions& options, const std::atomic<bool>& stop,
                       std::function<void(const std::string&)> tell)
    : options_(options),
      stop_(stop),
      tell_(std::move(tell)),
      plan_(options.faults, options.seed, std::chrono::seconds(options.seconds)) {
  history_.run.seed = options.seed;
  history_.run.nodes = options.nodes;
  history_.run.clients = options.clients;
  history_.run.seconds = options.seconds;
}

std::optional<History> TortureRun::run() {
  set_up();
  do_faults();
  if (!stop_) quiesce();
  if (stop_) return std::nullopt;
  count_snapshots();
  collect_logs();
  collect_records();
  return std::move(history_);
}

void TortureRun::set_up() {
  std::vector<FaultKind> kinds = options_.faults;
  const auto disk = std::find(kinds.begin(), kinds.end(), FaultKind::kDisk);
  if (disk != kinds.end()) {
    const std::string last(1, static_cast<char>('a' + options_.nodes - 1));
    small_disk_ = std::make_unique<SmallDisk>(options_.folder / "data" / last);
    if (!small_disk_->problem().empty()) {
      history_.run.skipped.push_back("disk: " + small_disk_->problem());
      kinds.erase(disk);
      plan_ = FaultPlan(kinds, options_.seed, std::chrono::seconds(options_.seconds));
    }
  }
  network_ = std::make_unique<Network>();
  nodes_ = std::make_unique<Nodes>(options_.nodes, options_.folder, options_.lockstepd, *network_);
  std::map<std::string, std::filesystem::path> data_folders;
  for (const std::string& name : nodes_->names()) data_folders[name] = nodes_->data_folder(name);
  archive_ = std::make_unique<SegmentArchive>(std::move(data_folders), options_.folder / "kept");
  clients_ = std::make_unique<ClientProcesses>(options_.clients, options_.seed, *nodes_, options_.folder);
  nodes_->start_all();
  bool has_leader = false;
  testing::wait_until([&] {
    has_leader = nodes_->leader().has_value();
    return stop_ || has_leader || !nodes_->take_dead().empty();
  });
  if (!has_leader && !stop_) {
    std::string logs;
    for (const std::string& name : nodes_->names()) logs += "\n" + tail_of(nodes_->log_file(name));
    throw std::runtime_error("the nodes elected no leader; their logs:" + logs);
  }
}

void TortureRun::do_faults() {
  if (stop_) return;
  started_ = history_.run.load_from = now();
  ends_ = started_ + Nanoseconds(options_.seconds) * 1'000'000'000;
  next_progress_ = started_;
  clients_->start_all();
  wait(kWarmUp);
  while (!stop_ && now() < ends_) {
    const auto kind = plan_.next();
    if (!kind) {
      wait(1s);
      continue;
    }
    begin(*kind);
    const Duration length = plan_.length(*kind);
    if (*kind == FaultKind::kBehind) {
      wait_until_behind(length);
    } else if (*kind != FaultKind::kDisk) {
      wait(length);
    }
    end();
    wait(plan_.calm());
  }
  end_disk_fault();
  history_.run.load_to = now();
}

void TortureRun::find(const std::string& rule, const std::string& text) {
  tell_("FOUND " + rule + ": " + text);
  history_.findings.push_back({rule, text});
}

void TortureRun::note(Fault fault) {
  fault.to = now();
  history_.faults.push_back(std::move(fault));
}

// ---- Faults

void TortureRun::begin(FaultKind kind) {
  kind_ = kind;
  if (kind == FaultKind::kDisk) return begin_disk_fault();
  fault_ = Fault{std::string(to_string(kind)), {}, false, {}, 0, 0};
  if (kind == FaultKind::kClientKill || kind == FaultKind::kClientPause) {
    const std::string victim = clients_->some(plan_.random());
    fault_.targets = {victim};
    fault_.from = now();
    kind == FaultKind::kClientKill ? clients_->kill(victim) : clients_->pause(victim);
  } else {
    const auto leader = nodes_->leader();
    const auto& names = nodes_->names();
    const bool at_leader = leader && !plan_.random().one_in(3);
    const std::string victim = at_leader ? *leader : names[plan_.random().below(names.size())];
    begin_node_fault(kind, victim);
    const auto& targets = fault_.targets;
    fault_.of_leader = leader && std::find(targets.begin(), targets.end(), *leader) != targets.end();
  }
  std::string line = fault_.kind;
  for (const std::string& target : fault_.targets) line += " " + target;
  if (fault_.of_leader) line += ", the leader among them";
  if (!fault_.detail.empty()) line += ": " + fault_.detail;
  tell_(in_seconds(now() - started_) + "  " + line);
}

void TortureRun::begin_node_fault(FaultKind kind, const std::string& victim) {
  fault_.targets = {victim};
  fault_.from = now();
  switch (kind) {
    case FaultKind::kKill:
      fault_.targets = victims(victim);
      for (const std::string& name : fault_.targets) nodes_->kill(name);
      break;
    case FaultKind::kRestart:
      fault_.targets = nodes_->names();
      nodes_->kill_all();
      break;
    case FaultKind::kPause:
      if (nodes_->runs(victim)) nodes_->pause(victim);
      break;
    case FaultKind::kBehind:
      fault_.detail = "not for long enough";
      nodes_->kill(victim);
      begin_to_be_behind(victim);
      break;
    case FaultKind::kPublish: network_->silence_publishing(victim); break;
    case FaultKind::kOneWay: {
      const bool is_mute = plan_.random().one_in(2);
      fault_.detail = is_mute ? "nothing it sends arrives" : "nothing arrives at it";
      for (const std::string& other : nodes_->names()) {
        if (other == victim) continue;
        is_mute ? network_->silence(victim, other) : network_->silence(other, victim);
      }
      break;
    }
    default: partition(victim); break;
  }
}

// The first, and perhaps more of them, up to a minority.
std::vector<std::string> TortureRun::victims(const std::string& first) {
  std::vector<std::string> chosen{first};
  const std::size_t most = (nodes_->names().size() - 1) / 2;
  for (const std::string& name : nodes_->names()) {
    if (name != first && chosen.size() < most && plan_.random().one_in(2)) chosen.push_back(name);
  }
  return chosen;
}

// Of the node that was killed, so that nothing is added to its log any more.
void TortureRun::begin_to_be_behind(const std::string& victim) {
  const auto log = WrittenEntries().read(victim, {nodes_->data_folder(victim)});
  last_of_victim_.reset();
  if (log) {
    last_of_victim_ = log->base.index + log->terms.size();
  } else {
    find("log", log.error());
  }
}

// Whether every other node has cut what the one that is away would have to read next: a log begins after the older of
// two snapshots (S3).
bool TortureRun::is_behind() const {
  return last_of_victim_ && std::all_of(nodes_->names().begin(), nodes_->names().end(), [&](const std::string& name) {
           if (name == fault_.targets.front()) return true;
           const std::set<LogIndex> snapshots = snapshots_of(name);
           return snapshots.size() >= 2 && *snapshots.begin() > *last_of_victim_;
         });
}

std::set<LogIndex> TortureRun::snapshots_of(const std::string& name) const {
  std::set<LogIndex> snapshots;
  for (const auto& file : std::filesystem::directory_iterator(nodes_->data_folder(name))) {
    if (const auto index = snapshot_index_from(file.path().filename().string())) snapshots.insert(*index);
  }
  return snapshots;
}

// As long as it needs. What is beyond its share is added to the run, so that the other faults have their time, too.
void TortureRun::wait_until_behind(Duration share) {
  const Nanoseconds from = now();
  const Nanoseconds ends = std::exchange(ends_, kNever);
  const auto& names = nodes_->names();
  LogFiller filler(nodes_->context(),
                   nodes_->client_endpoint(fault_.targets.front() == names.front() ? names[1] : names.front()));
  wait(kMostBehind, [&] {
    filler.go_on();
    return is_behind();
  });
  ends_ = ends + std::max<Nanoseconds>(0, now() - from - share.count());
  if (is_behind()) fault_.detail = kLogsWereCut;
}

void TortureRun::partition(const std::string& victim) {
  const bool is_cut = plan_.random().one_in(2);
  fault_.detail = is_cut ? "connections are closed" : "packets are lost both ways";
  fault_.targets = victims(victim);
  for (const std::string& inside : fault_.targets) {
    for (const std::string& outside : nodes_->names()) {
      if (std::find(fault_.targets.begin(), fault_.targets.end(), outside) != fault_.targets.end()) continue;
      if (is_cut) {
        network_->cut(inside, outside);
      } else {
        network_->silence(inside, outside);
        network_->silence(outside, inside);
      }
    }
  }
}

void TortureRun::end() {
  if (!kind_) return;
  const FaultKind kind = *std::exchange(kind_, std::nullopt);
  if (kind == FaultKind::kDisk) return;
  if (kind == FaultKind::kClientKill) clients_->start_again(fault_.targets.front());
  clients_->resume_all();
  nodes_->resume_all();
  network_->heal(plan_.random().one_in(2));
  if (kind == FaultKind::kKill || kind == FaultKind::kRestart || kind == FaultKind::kBehind) {
    for (const std::string& name : fault_.targets) nodes_->start(name);
  }
  note(std::move(fault_));
}

void TortureRun::begin_disk_fault() {
  if (disk_fault_) return;
  const std::string& victim = nodes_->names().back();
  const auto leader = nodes_->leader();
  disk_log_from_ = testing::read_file(nodes_->log_file(victim)).size();
  noticed_.reset();
  // Nothing stops at once: what the log has room for is still written. So this is not the leader's end.
  disk_fault_ = Fault{std::string(to_string(FaultKind::kDisk)), {victim}, false, "not noticed", now(), 0};
  if (!small_disk_->fill()) {
    find("setup", small_disk_->problem());
    disk_fault_.reset();
    return;
  }
  tell_(in_seconds(now() - started_) + "  disk " + victim + (leader == victim ? ", the leader" : ""));
}

void TortureRun::look_at_disk() {
  if (!disk_fault_) return;
  if (!noticed_) {
    const std::string log = testing::read_file(nodes_->log_file(nodes_->names().back()));
    if (log.find("no space on the disk", disk_log_from_) != std::string::npos ||
        log.find("disk is full", disk_log_from_) != std::string::npos) {
      noticed_ = now();
      disk_fault_->detail = "noticed by the node";
    }
  }
  const Nanoseconds most =
      noticed_ ? *noticed_ + kDiskFaultNoticed.count() : disk_fault_->from + kMostDiskFault.count();
  if (now() >= most) end_disk_fault();
}

void TortureRun::end_disk_fault() {
  if (!disk_fault_) return;
  small_disk_->make_room();
  room_since_ = now();
  note(*std::exchange(disk_fault_, std::nullopt));
  const std::string& victim = nodes_->names().back();
  const bool is_killed =
      kind_ && std::find(fault_.targets.begin(), fault_.targets.end(), victim) != fault_.targets.end();
  if (!nodes_->runs(victim) && !is_killed) nodes_->start(victim);
}

// ---- Meanwhile

void TortureRun::wait(Duration length, const std::function<bool()>& is_over) {
  const Nanoseconds until = std::min(now() + length.count(), ends_);
  do {
    look_around();
    std::this_thread::sleep_for(std::min<Duration>(20ms, Duration(std::max<Nanoseconds>(0, until - now()))));
  } while (!stop_ && now() < until && !is_over());
}

void TortureRun::look_around() {
  look_at_disk();
  if (stop_) return;
  for (const auto& [name, ended] : nodes_->take_dead()) {
    // A node may refuse to start on a full disk.
    const bool is_without_room = name == nodes_->names().back() && (disk_fault_ || now() - room_since_ < 1'000'000'000);
    if (!is_without_room) {
      find("node died", name + " ended by itself, " +
                            (ended.signal != 0 ? "signal " + std::to_string(ended.signal)
                                               : "exit code " + std::to_string(ended.exit_code)) +
                            "; its log: " + tail_of(nodes_->log_file(name)));
    }
    if (!disk_fault_) nodes_->start(name);
  }
  for (const std::string& name : clients_->take_dead()) {
    find("clients died", name + " ended by itself; its log: " + tail_of(options_.folder / (name + ".log")));
    clients_->start_again(name);
  }
  if (now() < next_progress_) return;
  next_progress_ = now() + kProgressEvery.count();
  tell_(in_seconds(now() - started_) + " of " + std::to_string(options_.seconds) + " s, " +
        std::to_string(clients_->calls()) + " calls, " + std::to_string(history_.faults.size()) + " faults over");
}

std::string TortureRun::tail_of(const std::filesystem::path& file) const {
  const std::string text = testing::read_file(file);
  return text.substr(text.size() - std::min(text.size(), kShownOfALog));
}

// ---- The end

// All faults are over: the clients end, and then all nodes must come to the same state.
void TortureRun::quiesce() {
  tell_("the faults are over; the clients end");
  for (const std::string& name : clients_->stop_all()) {
    find("clients died", name + " did not end well; its log: " + tail_of(options_.folder / (name + ".log")));
  }
  std::string seen;
  const auto agree = [&] {
    seen.clear();
    std::optional<wire::StatusAnswer> first;
    bool same = true;
    for (const std::string& name : nodes_->names()) {
      const auto status = nodes_->status(name);
      same = same && status && !status->leader.empty() && (!first || status->applied_index == first->applied_index);
      if (!status) continue;
      seen += " " + name + ": applied " + std::to_string(status->applied_index.value()) + ", leader '" +
              status->leader + "';";
      if (first && status->applied_index == first->applied_index && status->state_hash != first->state_hash) {
        find("states differ",
             name + " and " + first->name + " at index " + std::to_string(first->applied_index.value()));
      }
      if (!first) first = status;
    }
    if (same && first) committed_ = first->applied_index.value();
    return stop_ || same;
  };
  if (!testing::wait_until(agree)) find("not recovered", "two minutes after the last fault:" + seen);
  look_around();
  if (!nodes_->stop_all()) find("node died", "a node did not stop cleanly");
}

// By what the nodes say: not all that they wrote is kept, of the one with the small disk.
void TortureRun::count_snapshots() {
  constexpr std::string_view kInstalls = "installs a snapshot up to index";
  for (const std::string& name : nodes_->names()) {
    const std::string log = testing::read_file(nodes_->log_file(name));
    for (std::size_t at = 0; (at = log.find(kInstalls, at)) != std::string::npos; at += kInstalls.size()) {
      ++history_.run.snapshots_installed;
    }
  }
}

void TortureRun::collect_logs() {
  WrittenEntries written;
  raft::EntryId last{LogIndex(committed_), Term()};
  for (const std::string& name : nodes_->names()) {
    const auto log = written.read(name, {archive_->kept(name), nodes_->data_folder(name)});
    if (!log) {
      find("log", log.error());
      continue;
    }
    const auto term = log->term_at(last.index);
    if (!term || (last.term && last.term != *term)) {
      find("logs differ", name + " had applied " + std::to_string(committed_) + " entries, but its log " +
                              (term ? "has another one there than other nodes" : "does not have the last of them"));
      continue;
    }
    last.term = *term;
  }
  for (const std::string& contradiction : written.contradictions()) find("logs differ", contradiction);
  auto log = written.log_up_to(last);
  if (!log) return find("log", log.error());
  history_.entries = *std::move(log);
}

void TortureRun::collect_records() {
  for (const auto& record : clients_->records()) {
    if (std::filesystem::exists(record)) read_into(history_, record);
  }
}

}  // namespace lockstep::torture
