// Goal: keeping sessions alive costs no entry and no disk write.
// Method: 10,000 sessions spread over three nodes, each renewed again and again, and what the kernel says that the
// leader's process wrote meanwhile. What it costs the processor is shown, and not judged: the machine may be busy.
#include <doctest/doctest.h>
#include <unistd.h>

#include <atomic>
#include <deque>
#include <fstream>
#include <sstream>
#include <thread>

#include "nodes/system/clock.hpp"
#include "tests/support/cluster.hpp"

using namespace lockstep;
using namespace std::chrono_literals;
using lockstep::testing::RawClient;
using lockstep::testing::StartedCluster;
namespace testing = lockstep::testing;

namespace {

#ifdef LOCKSTEP_SANITIZED
constexpr std::size_t kSessions = 1'200;  // a sanitizer makes everything slow: only that nothing is written
#else
constexpr std::size_t kSessions = 10'000;
#endif
constexpr Duration kTtl = 60s;        // no renewal comes too late, however busy the machine
constexpr Duration kRound = 3s;       // all sessions are renewed once in this time, if the machine is quick enough
constexpr std::size_t kWindow = 100;  // Opens under way at a time

struct Usage {
  Duration cpu{};
  std::uint64_t written = 0;  // bytes, to any file
};

Usage usage_of(pid_t pid) {
  const std::string folder = "/proc/" + std::to_string(pid);
  std::string stat = testing::read_file(folder + "/stat");
  std::istringstream fields(stat.substr(stat.rfind(')') + 2));
  std::string skipped;
  for (int field = 3; field < 14; ++field) fields >> skipped;  // proc(5): utime and stime are the 14th and 15th
  std::uint64_t user = 0;
  std::uint64_t system = 0;
  fields >> user >> system;
  Usage usage;
  usage.cpu = Duration(1s) * (user + system) / static_cast<std::uint64_t>(sysconf(_SC_CLK_TCK));
  std::istringstream io(testing::read_file(folder + "/io"));
  for (std::string key; io >> key;) {
    std::uint64_t value = 0;
    io >> value;
    if (key == "write_bytes:") usage.written = value;
  }
  return usage;
}

// A part of the sessions, all through one node.
class Crowd {
 public:
  Crowd(StartedCluster& cluster, const std::string& node, std::size_t first, std::size_t count)
      : client_(cluster.raw_client(node)), first_(first), count_(count) {}

  void open() {
    for (std::size_t sent = 0; sessions_.size() < count_;) {
      for (; sent < count_ && sent < sessions_.size() + kWindow; ++sent) client_.send(open_of(first_ + sent));
      const auto response = client_.receive();
      REQUIRE(response);
      const auto* opened = std::get_if<locks::SessionOpened>(&response->body);
      REQUIRE(opened);
      sessions_.push_back(opened->session);
    }
  }

  // Renews them one after another, evenly, again and again.
  void keep_alive(const std::atomic<bool>& stop) {
    const Time start = boot_time();
    while (!stop) {
      const auto due = static_cast<std::size_t>((boot_time() - start) * static_cast<Duration::rep>(count_) / kRound);
      for (; sent_ < due; ++sent_) client_.send(wire::KeepAlive{sessions_[sent_ % count_]});
      while (const auto response = client_.receive(5ms)) {
        ++(std::holds_alternative<wire::KeptAlive>(response->body) ? kept : refused);
      }
    }
  }

  std::atomic<std::size_t> kept = 0;
  std::atomic<std::size_t> refused = 0;

 private:
  static wire::OpenSession open_of(std::size_t which) {
    wire::OpenSession open;
    for (std::size_t byte = 0; byte < 4; ++byte)
      open.client.bytes[byte] = static_cast<std::uint8_t>(which >> (8 * byte));
    open.client.bytes[15] = 1;
    open.nonce = which + 1;
    open.ttl_ms = static_cast<std::uint32_t>(kTtl / 1ms);
    return open;
  }

  RawClient client_;
  std::size_t first_;
  std::size_t count_;
  std::size_t sent_ = 0;
  std::vector<SessionId> sessions_;
};

}  // namespace

TEST_CASE("10,000 idle sessions are kept alive without an entry and without a write to the leader's disk") {
  StartedCluster cluster(3, testing::kNoElections);
  const std::string leader = cluster.leader();
  std::deque<Crowd> crowds;  // they do not move
  const std::size_t share = kSessions / 3;
  const std::size_t all = 3 * share;
  for (std::size_t i = 0; i < 3; ++i) crowds.emplace_back(cluster, cluster.names()[i], i * share, share);
  std::atomic<bool> stop = false;
  std::vector<std::thread> threads;
  for (Crowd& crowd : crowds) {
    threads.emplace_back([&] {
      crowd.open();
      crowd.keep_alive(stop);
    });
  }
  const auto has_all = [&] {
    const auto status = cluster.status(leader);
    return status && status->sessions == all;
  };
  REQUIRE(testing::wait_until(has_all));

  const auto kept = [&] {
    std::size_t sum = 0;
    for (const Crowd& crowd : crowds) sum += crowd.kept;
    return sum;
  };
  const auto before = cluster.status(leader);
  const Usage used_before = usage_of(cluster.pid(leader));
  const Time began = boot_time();
  const std::size_t kept_before = kept();
  REQUIRE(testing::wait_until([&] { return kept() >= kept_before + 2 * all; }, 120s));
  const Usage used = usage_of(cluster.pid(leader));
  const Duration elapsed = boot_time() - began;
  const auto after = cluster.status(leader);
  stop = true;
  for (std::thread& thread : threads) thread.join();

  const double percent =
      100.0 * static_cast<double>((used.cpu - used_before.cpu).count()) / static_cast<double>(elapsed.count());
  MESSAGE(all << " sessions: " << kept() - kept_before << " renewals in " << elapsed / 1ms << " ms, the leader used "
              << percent << " % of a core");
  for (const Crowd& crowd : crowds) CHECK(crowd.refused == 0);
  REQUIRE(before);
  REQUIRE(after);
  CHECK(after->sessions == all);
  CHECK(after->last_index == before->last_index);
  CHECK(used.written == used_before.written);
}
