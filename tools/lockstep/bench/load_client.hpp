// One client of the load: a client core with its own connections, and the one operation it waits for.
//
// It asks its first server and turns to the others when that one does not answer. Connections are made when
// they are first needed. It never waits for anything: the owner of many polls for all.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "nodes/transport/client_connection.hpp"
#include "nodes/transport/context.hpp"
#include "protocol/client_core/client_core.hpp"
#include "tools/lockstep/bench/workload.hpp"

namespace lockstep::bench {

struct Finished {
  Step step;
  Duration latency{};
  ClientOutcome outcome;
};

class LoadClient {
 public:
  // `servers` in the order in which this client tries them; not empty, and each was found connectable.
  LoadClient(Context& context, std::vector<std::string> servers, ClientOptions options,
             const WorkloadOptions& workload);

  // Whether the first server could be sent to at once.
  bool is_connected();

  // Starts the next operation of the load.
  void start(Time now);
  // Starts what is left to do so that no lock stays behind; false if nothing is.
  bool start_clean_up(Time now);
  bool is_idle() const { return !call_; }
  bool may_hold() const { return workload_.next_of_clean_up().has_value(); }

  // Reads what has come in and does what is due. What ended with it, if the operation did.
  std::optional<Finished> turn(Time now);
  Time next_deadline() const { return core_.next_deadline(); }

  // Rises when a connection was made, so that poll items must be collected again.
  std::uint64_t connections_made() const { return connections_made_; }
  void add_poll_items(PollItems& items);

 private:
  void begin(Time now, Step step);
  void receive(Time now);
  void act(Time now);
  void finish(Time now, Completion& completion);
  ClientConnection* connection_to(std::size_t server);

  Context* context_;
  std::vector<std::string> servers_;
  std::vector<std::optional<ClientConnection>> connections_;
  std::uint64_t connections_made_ = 0;
  ClientCore core_;
  Workload workload_;

  CallId call_;  // none: idle
  Step step_;
  Time started_{};
  std::optional<Finished> finished_;
};

}  // namespace lockstep::bench
