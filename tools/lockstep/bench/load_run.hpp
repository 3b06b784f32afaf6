// A run of the load generator: many clients, each with its own connection, driven by one loop.
//
// Each client has one operation under way at a time and starts the next as soon as it is answered (a closed
// loop), so the latencies are what such a client sees. The warm-up ends when its time is over and every
// client was answered once; what is measured are the answers between then and the end. At the end the
// clients release what they hold.
#pragma once

#include <atomic>
#include <functional>
#include <string>
#include <vector>

#include "tools/lockstep/bench/load_client.hpp"
#include "tools/lockstep/bench/summary.hpp"

namespace lockstep::bench {

struct LoadOptions {
  Load load = Load::kCycle;
  std::vector<std::string> servers;  // connectable endpoints; client i asks servers[i % n] first
  std::size_t clients = 16;
  std::size_t shared_names = 8;  // of contend
  Duration measured = std::chrono::seconds(10);
  Duration warm_up = std::chrono::seconds(1);
  Duration timeout = std::chrono::seconds(5);  // of one operation
  std::string prefix;                          // of every lock name, fresh for each run
  std::uint64_t seed = 0;
};

// What the run needs from the machine.
struct LoadHost {
  std::function<Time()> now;
  std::function<ClientOptions()> fresh_client;       // a new client id, secret and nonce
  std::function<void(const std::string&)> progress;  // one line for a person
  const std::atomic<bool>* interrupted = nullptr;    // set by a signal: end early, and clean up
};

class LoadRun {
 public:
  LoadRun(Context& context, const LoadOptions& options, LoadHost host);

  Summary run();

 private:
  enum class Period { kWarmUp, kMeasuring, kCleanUp, kDone };

  void connect();
  void turn();
  void go_on(LoadClient& client, Time now);
  void change_phase(Time now);
  void tell_progress(Time now);
  void wait();

  LoadOptions options_;
  LoadHost host_;
  std::vector<LoadClient> clients_;
  PollItems items_;
  std::uint64_t connections_polled_ = 0;

  Period period_ = Period::kWarmUp;
  Time period_ends_{};
  Time measuring_since_{};
  Time measured_until_{};
  std::vector<bool> answered_;  // by client: has it been answered once?
  Measurements measurements_;
  Time next_progress_{};
  std::uint64_t operations_told_ = 0;
};

}  // namespace lockstep::bench
