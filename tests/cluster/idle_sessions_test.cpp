// Goal: keeping sessions alive costs next to nothing: no entry, no disk write, a few percent of a core.
// Method: 10,000 sessions spread over three nodes, each renewed every third of its TTL, and what the kernel
// says that the leader's process used meanwhile.
#include <doctest/doctest.h>
#include <unistd.h>

#include <atomic>
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
constexpr Duration kTtl = 10s;
constexpr Duration kMeasured = 10s;
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

  // Renews them one after another, evenly over a third of the TTL, again and again.
  void keep_alive(const std::atomic<bool>& stop) {
    const Time start = boot_time();
    while (!stop) {
      const auto due =
          static_cast<std::size_t>((boot_time() - start) * static_cast<Duration::rep>(count_) / (kTtl / 3));
      for (; sent_ < due; ++sent_) client_.send(wire::KeepAlive{sessions_[sent_ % count_]});
      while (const auto response = client_.receive(5ms)) {
        ++(std::holds_alternative<wire::KeptAlive>(response->body) ? kept : refused);
      }
    }
  }

  std::size_t kept = 0;
  std::size_t refused = 0;

 private:
  static wire::OpenSession open_of(std::size_t which) {
    wire::OpenSession open;
    for (std::size_t byte = 0; byte < 4; ++byte)
      open.client.bytes[byte] = static_cast<std::uint8_t>(which >> (8 * byte));
    open.client.bytes[15] = 1;
    open.nonce = which + 1;
    open.ttl_ms = 10'000;
    return open;
  }

  RawClient client_;
  std::size_t first_;
  std::size_t count_;
  std::size_t sent_ = 0;
  std::vector<SessionId> sessions_;
};

}  // namespace

TEST_CASE("10,000 idle sessions cost the leader less than 5 % of a core and write nothing to its disk") {
  StartedCluster cluster(3);
  const std::string leader = cluster.leader();
  std::vector<Crowd> crowds;
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

  const auto before = cluster.status(leader);
  const Usage used_before = usage_of(cluster.pid(leader));
  const Time began = boot_time();
  REQUIRE(testing::wait_until([&] { return boot_time() - began > kMeasured; }));
  const Usage used = usage_of(cluster.pid(leader));
  const Duration elapsed = boot_time() - began;
  const auto after = cluster.status(leader);
  stop = true;
  for (std::thread& thread : threads) thread.join();

  const double percent =
      100.0 * static_cast<double>((used.cpu - used_before.cpu).count()) / static_cast<double>(elapsed.count());
  std::size_t kept = 0;
  std::size_t refused = 0;
  for (const Crowd& crowd : crowds) {
    kept += crowd.kept;
    refused += crowd.refused;
  }
  MESSAGE(all << " sessions: " << kept << " renewals, the leader used " << percent << " % of a core");
  CHECK(refused == 0);
  CHECK(kept >= 2 * all);
  CHECK(after->sessions == all);
  CHECK(after->last_index == before->last_index);
  CHECK(used.written == used_before.written);
#ifndef LOCKSTEP_SANITIZED
  CHECK(percent < 5.0);
#endif
}
