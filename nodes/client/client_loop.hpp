// The thread that drives a client: it owns the connections, keeps the lease alive and delivers answers.
//
// The core is shared: any thread may start a call or look at the lease, under the mutex, and has the clock
// looked at first. What is to be sent, stored and told is handed to the loop's thread through an eventfd in its
// poll set; only that thread touches sockets. Nothing waits for I/O, runs a callback or stores a session with
// the mutex held.
// Every member may be called from any thread, stop() not from a callback.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "lockstep/client.hpp"
#include "nodes/client/callback_thread.hpp"
#include "nodes/client/connections.hpp"
#include "nodes/client/lock_registry.hpp"
#include "nodes/client/name_queue.hpp"
#include "nodes/system/checked_mutex.hpp"
#include "nodes/system/wake_up.hpp"
#include "protocol/client_core/client_core.hpp"

namespace lockstep {

class ClientLoop {
 public:
  using Start = std::function<CallId(ClientCore&, Time)>;
  using Done = std::function<void(Expected<Completion>)>;

  ClientLoop(const ClientOptions& options, Connections connections, WakeUp wake_up);
  ~ClientLoop();
  ClientLoop(const ClientLoop&) = delete;
  ClientLoop& operator=(const ClientLoop&) = delete;

  // Ends all calls and the session (not one that never expires), then the threads. Calls fail from then on.
  void stop();

  // Starts a call and waits until it ends.
  Expected<Completion> run(const Start& start);
  // Starts several at once, and waits for all.
  std::vector<Expected<Completion>> run_all(const std::vector<Start>& starts);
  // Releases those of the names that are still held with this token. Nobody waits for the answers.
  void give_back(const std::vector<std::string>& names, FencingToken token);

  Expected<AcquireAnswer> acquire(std::vector<std::string> names, const AcquireOptions& options);
  void acquire_async(std::vector<std::string> names, const AcquireOptions& options,
                     std::function<void(Expected<AcquireAnswer>)> done);

  LeaseView lease();
  void on_lease_event(std::function<void(const LeaseEvent&)> callback);
  Expected<void> keep_session(SessionKeeper keeper);
  SessionId session() const;
  LogIndex highest_index() const;
  const ClientId& client_id() const { return client_id_; }

  // Locks that know when they are lost. The grant must be this client's own.
  LockRegistry::Id add_lock(const std::vector<std::string>& names, FencingToken token);
  void remove_lock(LockRegistry::Id id);
  void on_lost(LockRegistry::Id id, LockRegistry::OnLost callback);
  void on_warning(LockRegistry::Id id, Duration before, LockRegistry::OnWarning callback);
  LockLook look_at_lock(LockRegistry::Id id);  // and at the clock first
  NameQueue& names() { return *names_; }

 private:
  using OnProgress = std::function<void(const LineProgress&)>;
  // A call until its answer is taken. Its members are under the mutex.
  struct PendingCall {
    CheckedCondition changed;
    std::optional<Expected<Completion>> result;
    std::deque<LineProgress> progress;
    Done done;                                      // none: somebody waits for `result`
    std::shared_ptr<const OnProgress> on_progress;  // on the callback thread, with `done`, which owns it, too
    std::uint64_t sends_before = 0;
    bool has_claimed = false;  // a request of which an earlier copy may have run
    CallId call;               // of an acquisition, once it was begun
    bool stopped = false;      // it was to end before it was begun
  };
  using SharedCall = std::shared_ptr<PendingCall>;
  using Ended = std::pair<Done, Expected<Completion>>;

  bool is_held(const std::string& name, FencingToken token) const REQUIRES(mutex_);
  void cancel(PendingCall& pending);

  std::optional<Error> refusal() const REQUIRES(mutex_);
  CallId begin(const Start& start, SharedCall pending) REQUIRES(mutex_);
  void begin_acquire(const std::vector<std::string>& names, const AcquireOptions& options, std::uint64_t thread,
                     const SharedCall& pending) REQUIRES(mutex_);
  void cancel_now(CallId call) REQUIRES(mutex_);
  void step(const ClientEvent& event) REQUIRES(mutex_);
  void look_at_clock() REQUIRES(mutex_) { step(ClientTick{}); }
  void collect() REQUIRES(mutex_);
  void deliver(std::vector<Completion> completions) REQUIRES(mutex_);
  void deliver(const SharedCall& pending, Expected<Completion> result) REQUIRES(mutex_);
  void fail_all(const Error& error) REQUIRES(mutex_);
  void settle() REQUIRES(mutex_);

  // The loop's thread. Some of these give the mutex back meanwhile.
  void serve();
  void carry_out() REQUIRES(mutex_);
  void store(const SavedSession& saved) REQUIRES(mutex_);
  void read() REQUIRES(mutex_);

  const ClientId client_id_;
  const bool has_lease_;
  const std::vector<std::string> endpoints_;  // for errors
  mutable CheckedMutex mutex_;
  CallbackThread callbacks_;
  LockRegistry locks_ GUARDED_BY(mutex_){callbacks_};
  const std::shared_ptr<NameQueue> names_ = std::make_shared<NameQueue>();
  ClientCore core_ GUARDED_BY(mutex_);
  std::map<CallId, SharedCall> calls_ GUARDED_BY(mutex_);
  std::vector<ClientOutput> outbox_ GUARDED_BY(mutex_);  // what the loop's thread has to store and to send
  std::vector<Ended> ended_ GUARDED_BY(mutex_);          // whose `done` the loop's thread has to call
  std::function<void(const LeaseEvent&)> on_lease_event_ GUARDED_BY(mutex_);
  using Save = std::function<tl::expected<void, std::string>(const SessionRecord&)>;
  std::shared_ptr<const Save> save_ GUARDED_BY(mutex_);  // shared: it is called without the mutex
  std::optional<Error> broken_ GUARDED_BY(mutex_);       // a session could not be kept: nothing may be sent any more
  std::uint64_t sends_ GUARDED_BY(mutex_) = 0;
  bool closing_ GUARDED_BY(mutex_) = false;
  bool stopping_ GUARDED_BY(mutex_) = false;
  CheckedCondition turned_;  // the loop's thread did something

  WakeUp wake_up_;
  Connections connections_;  // the loop's thread's own, but for its end
  std::thread thread_;       // last: it uses all of the above
};

}  // namespace lockstep
