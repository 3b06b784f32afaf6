// Sends one operation, takes its answer, and measures the time between.
#include "tools/lockstep/bench/load_client.hpp"

#include <utility>

#include "protocol/base/invariant.hpp"
#include "protocol/wire/codec.hpp"

namespace lockstep::bench {
namespace {

ClientOptions with_endpoints(ClientOptions options, std::size_t endpoints) {
  options.endpoints = endpoints;
  return options;
}

bool is_empty(const ClientOutput& output) { return output.sends.empty() && output.completions.empty(); }

}  // namespace

LoadClient::LoadClient(Context& context, std::vector<std::string> servers, ClientOptions options,
                       const WorkloadOptions& workload)
    : context_(&context),
      servers_(std::move(servers)),
      connections_(servers_.size()),
      core_(with_endpoints(std::move(options), servers_.size())),
      workload_(workload) {
  INVARIANT(connection_to(0) != nullptr, "the endpoints of the servers were checked before");
}

void LoadClient::start(Time now) { begin(now, workload_.next()); }

bool LoadClient::start_clean_up(Time now) {
  auto step = workload_.next_of_clean_up();
  if (!step) return false;
  begin(now, std::move(*step));
  return true;
}

void LoadClient::begin(Time now, Step step) {
  INVARIANT(is_idle(), "a client of the load has one operation at a time");
  step_ = std::move(step);
  started_ = now;
  switch (step_.verb) {
    case Step::Verb::kPreempt: call_ = core_.preempt(now, step_.name); break;
    case Step::Verb::kRelease: call_ = core_.release(now, step_.name); break;
    case Step::Verb::kCheck: call_ = core_.read(now, wire::CheckRequest{step_.name, wire::ReadMode::kLocal, {}}); break;
  }
  act(now);
}

std::optional<Finished> LoadClient::turn(Time now) {
  receive(now);
  if (core_.next_deadline() <= now) {
    core_.step(now, ClientTick{});
    act(now);
  }
  return std::exchange(finished_, std::nullopt);
}

void LoadClient::receive(Time now) {
  for (std::size_t server = 0; server < connections_.size(); ++server) {
    if (!connections_[server]) continue;
    while (const auto bytes = connections_[server]->receive()) {
      auto response = wire::decode_response(*bytes);
      if (!response) continue;  // the core will time the attempt out and ask another server
      core_.step(now, ServerMessage{server, std::move(*response)});
      act(now);
    }
  }
}

void LoadClient::act(Time now) {
  for (ClientOutput output = core_.take_output(); !is_empty(output); output = core_.take_output()) {
    for (Completion& completion : output.completions) finish(now, completion);
    for (const ClientSend& send : output.sends) {
      ClientConnection* connection = connection_to(send.endpoint);
      if (connection != nullptr && connection->send(wire::encode(send.request)) == SendResult::kSent) continue;
      core_.step(now, NotConnected{send.endpoint});  // its next copy comes after a pause, so this loop ends
    }
  }
}

void LoadClient::finish(Time now, Completion& completion) {
  if (completion.call != call_) return;
  workload_.answered(step_, completion.outcome);
  finished_ = Finished{std::move(step_), now - started_, std::move(completion.outcome)};
  call_ = CallId{};
}

bool LoadClient::is_connected() {
  PollItems items{connections_[0]->poll_item_for_sending()};
  wait_for(items, Duration::zero());
  return (items[0].revents & ZMQ_POLLOUT) != 0;
}

void LoadClient::add_poll_items(PollItems& items) {
  for (auto& connection : connections_) {
    if (connection) items.push_back(connection->poll_item());
  }
}

ClientConnection* LoadClient::connection_to(std::size_t server) {
  auto& connection = connections_[server];
  if (!connection) {
    auto opened = ClientConnection::open(*context_, servers_[server]);
    if (!opened) return nullptr;
    connection.emplace(std::move(*opened));
    ++connections_made_;
  }
  return &*connection;
}

}  // namespace lockstep::bench
