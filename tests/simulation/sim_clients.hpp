// The clients: people with an id and a secret, and the processes that run for them one after another.
//
// A process is a production ClientCore with an application that preempts, acquires, releases, checks and lists
// a few names, and may watch all changes. It may crash at any moment and be followed by another, which goes on
// with the stored session, or knows nothing and takes over; the earlier one may live on as a zombie.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "protocol/client_core/client_core.hpp"
#include "tests/simulation/client_checker.hpp"
#include "tests/simulation/coverage.hpp"
#include "tests/simulation/fault_plan.hpp"
#include "tests/simulation/scheduler.hpp"
#include "tests/simulation/sim_network.hpp"
#include "tests/simulation/watch_mirror.hpp"

namespace lockstep::simulation {

class SimClients {
 public:
  // What the clients need of the world around them.
  struct World {
    std::function<void(Place from, ConnectionId connection, const ClientSend& send)> send;
    std::function<const Reference*()> reference;  // of the cluster; none before it decided anything
    std::function<void(Place place, const std::string& what)> trace;
  };

  SimClients(const FaultPlan& plan, std::uint64_t seed, Scheduler& scheduler, ClientChecker& checker,
             Coverage& coverage, World world);

  void start();
  void receive(ConnectionId connection, std::size_t endpoint, const wire::Response& response);
  void not_connected(ConnectionId connection, std::size_t endpoint);
  void crash_one();
  void pause_one();
  bool somebody_stands_still() const;

  // An entry was committed: nobody may still count on a hold that it ended.
  void committed(const Reference& reference, LogIndex index) const;

  // No new calls from now on, except one preempt and one linearizable check of each client.
  void start_probes();
  // They go on as before, but without faults. What they call from now on must work. `all_up`: no node stays down, so no
  // request is sent in vain.
  void begin_calm(bool all_up);
  // No new calls, and no waits.
  void begin_to_leave();
  void close_sessions();
  // Every process ends, and has nothing left.
  void leave();
  std::string unanswered() const;

  // What was asked on this connection under this call number; none if it was never.
  const wire::Request* request_of(ConnectionId connection, CallNumber call) const;
  Place place_of(ConnectionId connection) const;

 private:
  struct Person {
    Place place = 0;
    ClientId id;
    wire::Secret secret{};
    SavedSession stored;  // with keeps_sessions: what is on its disk
    std::uint64_t calls_once = 0;
    ConnectionId current;     // its living process that is no zombie; none while it is down
    std::set<CallId> probes;  // of the current process, unanswered
    bool probed = false;
  };
  struct Process {
    Process(std::size_t whose, ConnectionId at, const SimClock& its_clock, const ClientOptions& options)
        : person(whose), connection(at), clock(its_clock), core(options) {}

    std::size_t person = 0;
    ConnectionId connection;
    SimClock clock;
    ClientCore core;
    Time paused_until{};  // by the world's time
    bool zombie = false;
    Time tick_at = Time::max();
    std::map<CallId, Call> calls;
    std::map<std::string, FencingToken> held;  // as it was told
    LogIndex seen;
    std::size_t renewals_unanswered = 0;
    std::map<RequestNumber, std::size_t> copies = {};  // of each request of its session
    WatchMirror mirror{"lock/"};
    bool watching = false;        // a watch is under way, or about to be: one at a time, as a mirror needs it
    CallNumber last_before_calm;  // the last copy that was sent while there were faults
    Time held_up_until{};         // when the last answer to such a copy came
  };

  void start_process(std::size_t person, const SavedSession& saved);
  void restart_later(std::size_t person);
  void take_over(std::size_t person, SessionId earlier);
  void end(ConnectionId connection);
  void crash(ConnectionId connection);
  Process* find(ConnectionId connection);
  Time clock_of(const Process& process) const { return process.clock.at(scheduler_->now()); }
  void when_awake(ConnectionId connection, std::function<void(Process&)> action);

  // What they ask: client_calls.cpp.
  void plan_thinking(ConnectionId connection);
  void think(Process& process);
  static bool is_in_the_way_of_itself(const Process& process, const Call& call);
  CallId start_call(Process& process, Call call);
  Call draw_call(Process& process);
  void draw_acquire(Process& process, Call& call);
  void draw_page(Call& call);
  std::string draw_name(Process& process);
  std::string draw_held(const Process& process);
  SessionId draw_session();
  void go_on_watching(Process& process);
  void probe(Process& process);

  void step(Process& process, const ClientEvent& event);
  void carry_out(ConnectionId connection);
  void finish(Process& process, const Completion& completion);
  void finish_probe(Process& process, const Completion& completion);
  void note_locks(Process& process, const Call& call, const Completion& completion);
  void note_changes(Process& process, const wire::WatchAnswer& answer);
  void note_lease(Process& process, const LeaseEvent& event);
  void check_in_calm(const Process& process, const Call& call, const Completion& completion) const;
  void react_to_error(Process& process, const ClientError& error);
  void note_copy(Process& process, const wire::RequestBody& body);
  void plan_tick(Process& process);

  const FaultPlan* plan_;
  Random random_;
  Scheduler* scheduler_;
  ClientChecker* checker_;
  Coverage* coverage_;
  World world_;
  std::vector<Person> people_;
  std::map<ConnectionId, Process> processes_;
  std::map<ConnectionId, std::size_t> person_of_;
  std::map<ConnectionId, std::map<CallNumber, wire::Request>> sent_;  // of dead processes too
  std::uint64_t last_connection_;
  bool probing_ = false;
  std::optional<Time> calm_since_;
  bool all_up_ = true;
  bool leaving_ = false;
};

}  // namespace lockstep::simulation
