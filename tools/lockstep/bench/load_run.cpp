// One poll loop for all clients, from warm-up to the last answer.
#include "tools/lockstep/bench/load_run.hpp"

#include <algorithm>
#include <utility>

#include "nodes/transport/poll.hpp"
#include "protocol/base/invariant.hpp"

namespace lockstep::bench {
namespace {

constexpr Duration kConnectTime = std::chrono::seconds(1);
constexpr Duration kLongestWarmUp = std::chrono::seconds(30);
constexpr Duration kProgressInterval = std::chrono::seconds(1);
constexpr Duration kLongestWait = std::chrono::milliseconds(100);

// The servers as client number `client` tries them.
std::vector<std::string> rotated(std::vector<std::string> servers, std::size_t client) {
  std::rotate(servers.begin(), servers.begin() + static_cast<std::ptrdiff_t>(client % servers.size()), servers.end());
  return servers;
}

}  // namespace

LoadRun::LoadRun(Context& context, const LoadOptions& options, LoadHost host)
    : options_(options), host_(std::move(host)), answered_(options.clients) {
  INVARIANT(!options_.servers.empty() && options_.clients > 0, "a load has clients and a server");
  clients_.reserve(options_.clients);
  for (std::size_t i = 0; i < options_.clients; ++i) {
    ClientOptions client = host_.fresh_client();
    client.call_timeout = options_.timeout;
    const WorkloadOptions workload{options_.load,         options_.prefix, i,
                                   options_.shared_names, client.client,   options_.seed + i};
    clients_.emplace_back(context, rotated(options_.servers, i), std::move(client), workload);
  }
}

Summary LoadRun::run() {
  connect();
  const Time start = host_.now();
  period_ends_ = start + options_.warm_up;
  next_progress_ = start + kProgressInterval;
  for (LoadClient& client : clients_) client.start(start);
  while (period_ != Period::kDone) {
    wait();
    turn();
  }
  Summary report = summarize(std::string(to_string(options_.load)), options_.clients,
                             measured_until_ - measuring_since_, measurements_);
  report.not_cleaned_up = static_cast<std::uint64_t>(
      std::count_if(clients_.begin(), clients_.end(), [](const LoadClient& client) { return client.may_hold(); }));
  return report;
}

// Clients that are not connected yet would be sent on to another server, and the load would not be even.
void LoadRun::connect() {
  const Time deadline = host_.now() + kConnectTime;
  std::size_t connected = 0;
  while (connected < clients_.size() && host_.now() < deadline) {
    if (clients_[connected].is_connected()) {
      ++connected;
    } else {
      PollItems nothing;
      wait_for(nothing, std::chrono::milliseconds(5));
    }
  }
}

void LoadRun::turn() {
  for (std::size_t i = 0; i < clients_.size(); ++i) {
    LoadClient& client = clients_[i];
    const Time now = host_.now();
    if (const auto finished = client.turn(now)) {
      answered_[i] = answered_[i] || !std::holds_alternative<ClientError>(finished->outcome);
      if (period_ == Period::kMeasuring) measurements_.add(finished->latency, finished->outcome);
      go_on(client, now);
    }
  }
  const Time now = host_.now();
  change_phase(now);
  tell_progress(now);
}

void LoadRun::go_on(LoadClient& client, Time now) {
  if (period_ == Period::kCleanUp) {
    client.start_clean_up(now);
  } else {
    client.start(now);
  }
}

void LoadRun::change_phase(Time now) {
  const bool interrupted = host_.interrupted != nullptr && host_.interrupted->load();
  const auto all_idle = [&] {
    return std::all_of(clients_.begin(), clients_.end(), [](const LoadClient& client) { return client.is_idle(); });
  };
  switch (period_) {
    case Period::kWarmUp: {
      const bool all_answered = std::find(answered_.begin(), answered_.end(), false) == answered_.end();
      const bool given_up = now >= period_ends_ - options_.warm_up + kLongestWarmUp;
      if (!interrupted && (now < period_ends_ || !(all_answered || given_up))) return;
      period_ = Period::kMeasuring;
      measuring_since_ = now;
      period_ends_ = now + options_.measured;
      next_progress_ = now + kProgressInterval;
      return;
    }
    case Period::kMeasuring:
      if (now < period_ends_ && !interrupted) return;
      period_ = Period::kCleanUp;
      measured_until_ = now;
      period_ends_ = now + options_.timeout;
      return;
    case Period::kCleanUp:
      if (all_idle() || now >= period_ends_) period_ = Period::kDone;
      return;
    case Period::kDone: return;
  }
}

void LoadRun::tell_progress(Time now) {
  if (now < next_progress_) return;
  next_progress_ = now + kProgressInterval;
  if (period_ == Period::kWarmUp) {
    const auto answered = std::count(answered_.begin(), answered_.end(), true);
    host_.progress("warming up: " + std::to_string(answered) + " of " + std::to_string(clients_.size()) +
                   " clients were answered");
  } else if (period_ == Period::kMeasuring) {
    const std::uint64_t operations = measurements_.operations();
    host_.progress(std::to_string(std::chrono::duration_cast<std::chrono::seconds>(now - measuring_since_).count()) +
                   " s: " + std::to_string(operations - operations_told_) + " operations/s");
    operations_told_ = operations;
  }
}

void LoadRun::wait() {
  std::uint64_t connections = 0;
  for (const LoadClient& client : clients_) connections += client.connections_made();
  if (connections != connections_polled_) {
    items_.clear();
    for (LoadClient& client : clients_) client.add_poll_items(items_);
    connections_polled_ = connections;
  }
  const Time now = host_.now();
  Time deadline = next_progress_;
  if (period_ends_ > now) deadline = std::min(deadline, period_ends_);
  for (const LoadClient& client : clients_) deadline = std::min(deadline, client.next_deadline());
  wait_for(items_, std::clamp<Duration>(deadline - now, Duration::zero(), kLongestWait));
}

}  // namespace lockstep::bench
