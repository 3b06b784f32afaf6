// Goal: what was acknowledged is never lost, and what was refused never took effect, whoever is killed and when.
// Method: clients preempt and release under load while nodes are killed with -9, the leader alone and then all at
// once. Every answer is recorded and held against a model: a name that one client uses alone must be exactly as
// its last answer said, and the times for which a shared name was held must not overlap and must rise in tokens.
#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <map>
#include <set>
#include <thread>

#include "protocol/base/random.hpp"
#include "tests/support/cluster.hpp"

using namespace lockstep;
using lockstep::testing::Cluster;
using lockstep::testing::StartedCluster;
using lockstep::testing::wait_until;

namespace {

using Moment = std::chrono::steady_clock::time_point;

// One client had one lock, as far as it could know: from the answer to its preempt to the moment it asked for release.
struct Hold {
  ClientId owner;
  FencingToken token;
  Moment granted;
  std::optional<Moment> let_go;
};

struct Refusal {
  std::string name;
  ClientId owner;
  FencingToken token;
};

// One client in a thread of its own, with names that only it uses and names that all use.
class Worker {
 public:
  Worker(Client client, std::uint64_t number, std::atomic<std::uint64_t>& answers, std::atomic<bool>& stop)
      : client_(std::move(client)), number_(number), random_(number + 1), answers_(answers), stop_(stop) {}

  void run() {
    while (!stop_ && !failed_) {
      const bool own = random_.one_in(2);
      const std::string which = std::to_string(random_.below(3));
      const std::string name = own ? "own/" + std::to_string(number_) + "/" + which : "shared/" + which;
      if (held_.contains(name) && !random_.one_in(4)) {
        release(name);
      } else {
        preempt(name, own);
      }
      ++answers_;
    }
  }

  bool failed() const { return failed_; }

  // To be read when the thread has ended.
  std::map<std::string, std::vector<Hold>> holds;  // by name
  std::vector<Refusal> refusals;
  std::string problem;  // the first answer that could not be

 private:
  void preempt(const std::string& name, bool own) {
    const auto answer = client_.preempt(name);
    const Moment now = std::chrono::steady_clock::now();
    if (!answer) return fail("preempt " + name + ": " + answer.error().name() + ", " + answer.error().detail);
    const bool is_held_by_us = held_.contains(name);
    if (answer->granted) {
      if (is_held_by_us) return fail(name + " was granted a second time");
      holds[name].push_back({client_.client_id(), answer->token, now, {}});
      held_.insert(name);
      return;
    }
    if (own && !is_held_by_us) return fail(name + " is refused although nobody else uses it");
    if (is_held_by_us && (answer->owner != client_.client_id() || answer->token != holds[name].back().token)) {
      return fail(name + " was granted to this client and belongs to another");
    }
    refusals.push_back({name, answer->owner, answer->token});
  }

  void release(const std::string& name) {
    holds[name].back().let_go = std::chrono::steady_clock::now();
    held_.erase(name);
    const auto answer = client_.release(name);
    if (!answer) return fail("release " + name + ": " + answer.error().name() + ", " + answer.error().detail);
    if (!answer->released) return fail(name + " was granted to this client and is lost");
  }

  void fail(std::string what) {
    problem = std::move(what);
    failed_ = true;
  }

  Client client_;
  std::uint64_t number_;
  Random random_;
  std::atomic<std::uint64_t>& answers_;
  std::atomic<bool>& stop_;
  std::set<std::string> held_;
  std::atomic<bool> failed_{false};
};

class Load {
 public:
  Load(StartedCluster& cluster, std::size_t workers) {
    for (std::size_t i = 0; i < workers; ++i) {
      // Each begins with another node.
      std::vector<std::string> names = cluster.names();
      std::rotate(names.begin(), names.begin() + static_cast<std::ptrdiff_t>(i % names.size()), names.end());
      workers_.push_back(std::make_unique<Worker>(cluster.client(names), i, answers_, stop_));
    }
    for (const auto& worker : workers_) threads_.emplace_back([&worker = *worker] { worker.run(); });
  }
  ~Load() { stop(); }

  // Waits until the clients have got so many more answers.
  bool goes_on(std::uint64_t answers) {
    const std::uint64_t goal = answers_ + answers;
    return wait_until([&] { return answers_ >= goal || has_problem(); }) && !has_problem();
  }
  void stop() {
    stop_ = true;
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
  }
  const std::vector<std::unique_ptr<Worker>>& workers() const { return workers_; }

 private:
  bool has_problem() const {
    return std::any_of(workers_.begin(), workers_.end(), [](const auto& worker) { return worker->failed(); });
  }

  std::atomic<std::uint64_t> answers_{0};
  std::atomic<bool> stop_{false};
  std::vector<std::unique_ptr<Worker>> workers_;
  std::vector<std::thread> threads_;
};

std::map<std::string, std::vector<Hold>> holds_in_order_of_token(const Load& load) {
  std::map<std::string, std::vector<Hold>> all;
  for (const auto& worker : load.workers()) {
    for (const auto& [name, holds] : worker->holds) all[name].insert(all[name].end(), holds.begin(), holds.end());
  }
  for (auto& [name, holds] : all) {
    std::sort(holds.begin(), holds.end(), [](const Hold& a, const Hold& b) { return a.token < b.token; });
  }
  return all;
}

void check_that_holds_do_not_overlap(const std::map<std::string, std::vector<Hold>>& all) {
  for (const auto& entry : all) {
    const std::vector<Hold>& holds = entry.second;
    CAPTURE(entry.first);
    for (std::size_t i = 1; i < holds.size(); ++i) {
      CHECK(holds[i - 1].token < holds[i].token);
      REQUIRE(holds[i - 1].let_go);
      CHECK(*holds[i - 1].let_go <= holds[i].granted);
    }
  }
}

void check_that_refusals_named_owners(const Load& load, const std::map<std::string, std::vector<Hold>>& all) {
  for (const auto& worker : load.workers()) {
    for (const Refusal& refusal : worker->refusals) {
      const auto holds = all.find(refusal.name);
      REQUIRE(holds != all.end());
      const auto is_it = [&](const Hold& hold) { return hold.owner == refusal.owner && hold.token == refusal.token; };
      CHECK(std::any_of(holds->second.begin(), holds->second.end(), is_it));
    }
  }
}

// Every node's map must be what the answers add up to: no lock lost, none that nobody was granted.
void check_maps(StartedCluster& cluster, const std::map<std::string, std::vector<Hold>>& all) {
  std::map<std::string, Hold> expected;
  for (const auto& [name, holds] : all) {
    if (!holds.back().let_go) expected.emplace(name, holds.back());
  }
  for (const std::string& node : cluster.names()) {
    CAPTURE(node);
    const auto listed = cluster.client({node}).list("", "", kMaxPage, ReadMode::kLinearizable);
    REQUIRE(listed);
    CHECK(listed->locks.size() == expected.size());
    for (const LockInfo& lock : listed->locks) {
      CAPTURE(lock.name);
      const auto hold = expected.find(lock.name);
      REQUIRE(hold != expected.end());
      CHECK(lock.holders.at(0).owner == hold->second.owner);
      CHECK(lock.holders.at(0).token == hold->second.token);
    }
  }
}

void check_everything(StartedCluster& cluster, Load& load) {
  load.stop();
  for (const auto& worker : load.workers()) CHECK(worker->problem == "");
  const auto all = holds_in_order_of_token(load);
  check_that_holds_do_not_overlap(all);
  check_that_refusals_named_owners(load, all);
  check_maps(cluster, all);
}

constexpr std::size_t kWorkers = 4;
constexpr std::uint64_t kBetweenFaults = 60;  // answers

}  // namespace

TEST_CASE("kill -9 of the leader during load loses nothing that was acknowledged") {
  StartedCluster cluster(3);
  Load load(cluster, kWorkers);
  for (int round = 0; round < 3; ++round) {
    CHECK(load.goes_on(kBetweenFaults));
    const std::string leader = cluster.leader();
    cluster.kill(leader);
    CHECK(load.goes_on(kBetweenFaults));
    cluster.start(leader);
    cluster.leader();
  }
  CHECK(load.goes_on(kBetweenFaults));
  check_everything(cluster, load);
}

TEST_CASE("kill -9 of every node at once during load loses nothing that was acknowledged") {
  StartedCluster cluster(3);
  Load load(cluster, kWorkers);
  for (int round = 0; round < 3; ++round) {
    CHECK(load.goes_on(kBetweenFaults));
    cluster.kill_all();
    cluster.start_all();
    cluster.leader();
  }
  CHECK(load.goes_on(kBetweenFaults));
  check_everything(cluster, load);
  // And once more without load: what stands in the maps is what stands on the disks.
  cluster.kill_all();
  cluster.start_all();
  cluster.leader();
  check_maps(cluster, holds_in_order_of_token(load));
}

TEST_CASE("kill -9 of a cluster of one during load loses nothing that was acknowledged") {
  StartedCluster cluster(1);
  Load load(cluster, kWorkers);
  for (int round = 0; round < 5; ++round) {
    CHECK(load.goes_on(kBetweenFaults));
    cluster.kill("a");
    cluster.start("a");
  }
  CHECK(load.goes_on(kBetweenFaults));
  check_everything(cluster, load);
}

TEST_CASE("nodes that stand still and wake up during load change nothing that was acknowledged") {
  StartedCluster cluster(3);
  Load load(cluster, kWorkers);
  for (int round = 0; round < 3; ++round) {
    CHECK(load.goes_on(kBetweenFaults));
    const std::string leader = cluster.leader();
    cluster.pause(leader);
    CHECK(load.goes_on(kBetweenFaults));
    cluster.resume(leader);
    cluster.leader();
  }
  CHECK(load.goes_on(kBetweenFaults));
  check_everything(cluster, load);
}

namespace {

// The smallest log there is: it is compacted every few dozen entries.
const std::string kCompactOften = "[storage]\nsegment_bytes = 65536\ncompact_log_bytes = 4096\n";

bool holds(const std::filesystem::path& folder, const std::string& prefix) {
  const std::filesystem::directory_iterator files(folder);
  return std::any_of(begin(files), end(files),
                     [&](const auto& file) { return file.path().filename().string().starts_with(prefix); });
}

// The log no longer begins with entry 1: it was compacted twice, and filled a segment.
bool log_is_cut(const Cluster& cluster, const std::string& node) {
  return !std::filesystem::exists(cluster.data_folder(node) / "log-0000000000000001");
}

template <typename Condition>
bool goes_on_until(Load& load, Condition condition) {
  for (int i = 0; i < 1000; ++i) {
    if (condition()) return true;
    if (!load.goes_on(kBetweenFaults)) return false;
  }
  return false;
}

// Under load, until the logs of these nodes are cut.
bool goes_on_until_logs_are_cut(const Cluster& cluster, const std::vector<std::string>& nodes, Load& load) {
  return goes_on_until(load, [&] {
    return std::all_of(nodes.begin(), nodes.end(), [&](const auto& node) { return log_is_cut(cluster, node); });
  });
}

std::size_t snapshots_made(const Cluster& cluster, const std::string& node) {
  const std::string log = cluster.log(node);
  const std::string words = "a snapshot stands for the log";
  std::size_t count = 0;
  for (auto at = log.find(words); at != std::string::npos; at = log.find(words, at + 1)) ++count;
  return count;
}

// Under load, until the logs of these nodes begin behind all that there was at this moment. A log begins after the
// older of two snapshots, and the first of three may have been under way.
bool goes_on_until_logs_begin_later(const Cluster& cluster, const std::vector<std::string>& nodes, Load& load) {
  std::map<std::string, std::size_t> wanted;
  for (const std::string& node : nodes) wanted[node] = snapshots_made(cluster, node) + 3;
  return goes_on_until(load, [&] {
    return std::all_of(wanted.begin(), wanted.end(),
                       [&](const auto& entry) { return snapshots_made(cluster, entry.first) >= entry.second; });
  });
}

}  // namespace

TEST_CASE("kill -9 during load loses nothing that was acknowledged while logs are compacted all the time") {
  StartedCluster cluster(3, kCompactOften);
  Load load(cluster, kWorkers);
  for (int round = 0; round < 3; ++round) {
    CHECK(load.goes_on(3 * kBetweenFaults));
    const std::string leader = cluster.leader();
    cluster.kill(leader);
    CHECK(load.goes_on(kBetweenFaults));
    cluster.start(leader);
    cluster.leader();
    CHECK(load.goes_on(kBetweenFaults));
    cluster.kill_all();
    cluster.start_all();
    cluster.leader();
  }
  CHECK(goes_on_until_logs_are_cut(cluster, cluster.names(), load));
  cluster.kill_all();
  cluster.start_all();
  cluster.leader();
  CHECK(load.goes_on(kBetweenFaults));
  check_everything(cluster, load);
  for (const std::string& node : cluster.names()) CHECK_FALSE(holds(cluster.data_folder(node), "damaged-"));
}

TEST_CASE("a cluster of one goes on from its snapshot, and from the one before it when that one is damaged") {
  StartedCluster cluster(1, kCompactOften);
  Load load(cluster, kWorkers);
  CHECK(goes_on_until_logs_are_cut(cluster, {"a"}, load));
  cluster.kill("a");
  std::filesystem::path newest;
  for (const auto& file : std::filesystem::directory_iterator(cluster.data_folder("a"))) {
    const std::string name = file.path().filename().string();
    if (name.starts_with("snapshot-") && !name.ends_with(".tmp")) newest = std::max(newest, file.path());
  }
  REQUIRE_FALSE(newest.empty());
  std::filesystem::resize_file(newest, std::filesystem::file_size(newest) / 2);
  cluster.start("a");
  CHECK(load.goes_on(kBetweenFaults));
  CHECK(holds(cluster.data_folder("a"), "damaged-snapshot-"));
  check_everything(cluster, load);
}

TEST_CASE("a node that was away while the others cut their logs is given a snapshot, and holds what they hold") {
  StartedCluster cluster(3, kCompactOften);
  Load load(cluster, kWorkers);
  CHECK(load.goes_on(kBetweenFaults));
  const std::string away = cluster.follower();
  cluster.kill(away);
  const std::vector<std::string> others = cluster.names_but(away);
  CHECK(goes_on_until_logs_begin_later(cluster, others, load));
  cluster.start(away);
  CHECK(wait_until([&] { return cluster.log(away).find("stored the leader's snapshot") != std::string::npos; }));
  CHECK(load.goes_on(kBetweenFaults));
  // What it was given counts as much as what it saw itself: it makes a quorum with one that saw everything.
  cluster.kill(others[0]);
  CHECK(load.goes_on(kBetweenFaults));
  cluster.start(others[0]);
  cluster.leader();
  check_everything(cluster, load);
}
