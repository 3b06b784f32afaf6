// The C++ library: acquire, preempt, release and check locks of a Lockstep cluster.
//
//   auto client = lockstep::Client::create({.endpoints = {"tcp://127.0.0.1:7101", "tcp://127.0.0.1:7102"}});
//   if (!client) return complain(client.error().detail);
//   auto lock = lockstep::Lock::acquire(*client, {"backups/nightly"});  // lockstep/lock.hpp
//   if (lock) write_with_token(lock->token());
//
// A client has a session with a lease. A thread of its own renews it, as long as the client lives, whether
// or not calls are made. Locks belong to the session. When no renewal was acknowledged for almost the TTL
// (L3), the locks count as lost here, always before the cluster can give them to anyone else; then the
// client tells so, gives the old session up, and later calls open a new one. A lock is never carried over
// silently. lease(), on_lease_event() and lock.hpp's Lock tell what is held for how long.
//
// Each call blocks until it is answered or its time is over. A request is repeated at the next endpoint under
// the same number when a node is silent, so it runs at most once whatever dies. `timeout` bounds the time
// without an answer from a quorum; waiting in line for a lock is bounded by AcquireOptions::wait alone.
//
// Errors are returned, never thrown (but for Mutex::lock, see lock.hpp). Error::definite says whether the
// operation certainly did not and will not happen; after an indefinite one the operation may have happened or
// may yet, and the client settles that first, before it sends any other operation: of a preempt, a later `held`
// that names yourself means that it did; an acquire that nobody waits for any more is undone.
//
// Threads: every member may be called from any thread, also from callbacks, and calls run at the same time.
// Callbacks (on_lease_event, acquire_async, those of Lock) run one after another on a thread of the client that
// does nothing else, without any lock held: they may block and may call the client, but must not destroy it.
// They are not called after the client's destructor has returned. A Client must not be moved, assigned to or destroyed
// while another thread enters one of its members; one that was moved from may only be assigned to or destroyed.
// Ownership: a client owns its threads and connections. Destroying it ends every call that still runs with an
// indefinite `unavailable`, runs the callbacks that are due, and refuses what they call. Meanwhile it closes the
// session, so its locks come free at once if a node answers within a second, else when the lease runs out. With TTL 0
// the session stays, with its locks: release them. A process must not fork while it has a client, except to exec at
// once (threads, libzmq).
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

#include "lockstep/base/client_id.hpp"
#include "lockstep/base/modes.hpp"
#include "lockstep/base/types.hpp"
#include "lockstep/error.hpp"
#include "lockstep/lease.hpp"
#include "lockstep/views.hpp"

namespace lockstep {

class ClientLoop;
class Context;

// A new id with every call: a UUID made of who runs this process and of random bytes, hashed, so that it tells nobody
// any of it.
ClientId make_client_id();

// ZeroMQ's context. A process with many clients gives one to all of them (ClientConfig::context), so that they share
// its two threads.
std::shared_ptr<Context> make_context();

struct ClientConfig {
  std::vector<std::string> endpoints = {"tcp://127.0.0.1:7101"};  // asked in this order; at least one
  std::optional<ClientId> client_id = {};                         // none: make_client_id()
  // Of the session's lease: 1 s to 24 h, or 0: the session never expires and stays when the client is destroyed.
  // Below 3 s a change of leader can cost the client its lease.
  Duration ttl = std::chrono::seconds(10);
  std::string note = {};  // shown to others beside the client id, at most 1 KiB; empty: "user@host pid N program"
  Duration timeout = std::chrono::seconds(5);          // of a call that names none of its own
  Duration attempt_timeout = std::chrono::seconds(1);  // silence of a node before the next one is asked
  // ZeroMQ's context, to share one between many clients of a process. None: the client's own.
  std::shared_ptr<Context> context = {};
  // keep_session() will be called, before the first operation. With TTL 0 a repeated operation then takes the answer
  // of its unfinished copy.
  bool keeps_session = false;
};

// A request that was sent and has no answer yet. It is settled, under its number, before anything else is asked.
struct UnfinishedCommand {
  std::uint64_t number = 0;
  std::string command;  // the library's own encoding
  friend bool operator==(const UnfinishedCommand&, const UnfinishedCommand&) = default;
};

// A session as it is kept from one process to the next: see Client::keep_session. Empty at the first start.
struct SessionRecord {
  SessionId session;                          // none: no session was opened yet
  std::uint64_t next_number = 1;              // the lowest request number that was never used
  LogIndex highest_index;                     // the highest applied index in any answer
  std::vector<UnfinishedCommand> unfinished;  // in order of number
  std::uint64_t open_nonce = 0;               // of an Open that has no answer yet; 0: there is none
  SessionId replaces;                         // what that Open names, or the next one will
  friend bool operator==(const SessionRecord&, const SessionRecord&) = default;
};

// What a client that outlives its process stores: see Client::keep_session.
struct SessionKeeper {
  // Random, durable before it is used, and the same for good: it proves who may take over.
  std::array<std::uint8_t, 32> secret{};
  SessionRecord saved;  // as it was stored last
  // Makes it durable. Called before anything is sent that needs it, on the client's thread; it must not call
  // the client. An error ends the calls under way, and every later one: also when another process has stored since
  // `saved` was read, which is the later incarnation and must not have its record overwritten. (Or let each process
  // hold a lock on the record.) With a lease it is called when a session is opened and when it ends, with TTL 0
  // before every operation.
  std::function<tl::expected<void, std::string>(const SessionRecord&)> save;
};

struct PreemptAnswer {
  bool granted = false;                // false: held, by `owner`, who may be this client itself
  ClientId owner;                      // this client, if granted
  FencingToken token;                  // of the grant; hand it to the resource, which refuses lower ones
  std::optional<WallTime> since = {};  // when it was granted; of a lock that was held
  LogIndex applied_index;
  std::string note = {};  // of the holder's session; of a lock that was held
};

struct AcquireOptions {
  LockMode mode = LockMode::kExclusive;
  std::uint32_t permits = 0;          // of the semaphore, with kPermit: as many as the others say; else 0
  std::optional<Duration> wait = {};  // how long to stand in line; none: for ever, zero: try once
  // Who within this client asks, so that deadlocks are found between threads. None: the calling thread; of
  // acquire_async: somebody of its own, so that tasks that take several locks should say who they are.
  std::optional<std::uint64_t> thread = {};
  std::optional<Duration> timeout = {};  // the time without an answer from a quorum; none: the client's
  // Ends the wait early, as if `wait` were over: granted after all, or certainly not granted.
  std::stop_token stop = {};
  // Told where the request stands in line, at first and at each change: on the thread that waits in acquire(),
  // on the callback thread with acquire_async().
  std::function<void(const LineProgress&)> on_progress = {};
};

struct AcquireAnswer {
  std::vector<std::string> names;  // as acquired: sorted
  bool granted = false;            // all of the names, or none of them
  FencingToken token;              // of the grant, the same for all names
  // Not granted: who was in the way, of which name. None: nobody holds it, but others wait for it.
  std::optional<Blocker> held_by = {};
  std::uint64_t position = 0;  // not granted: the last position in line; 0: it did not stand in line
  LogIndex applied_index;
};

struct ReleaseAnswer {
  bool released = false;               // false: this client does not hold it; of force_release: nobody does
  std::optional<ClientId> owner = {};  // who holds it; none: it is free
  LogIndex applied_index;
};

struct CloseAnswer {
  LogIndex applied_index;  // none: there was no session to close
};

struct CheckResult {
  std::optional<LockInfo> lock = {};  // none: free, and nobody waits
  // The answer is at least as new as the cluster's state was so long ago. None: the node cannot tell.
  std::optional<std::chrono::milliseconds> age = {};
  LogIndex applied_index;
};

struct VerifyAnswer {
  bool current = false;                // the lock is held with exactly this token
  std::optional<FencingToken> newest;  // the token it is held with now; none: it is free
  std::optional<std::chrono::milliseconds> age = {};
  LogIndex applied_index;
};

struct ListPage {
  std::vector<LockInfo> locks;  // in order of name
  bool more = false;            // ask again, after the last of these
  std::optional<std::chrono::milliseconds> age = {};
  LogIndex applied_index;
};

struct CountResult {
  std::uint64_t locks = 0;  // names that are held or waited for
  std::uint64_t holders = 0;
  std::uint64_t waiters = 0;
  std::optional<std::chrono::milliseconds> age = {};
  LogIndex applied_index;
};

struct HistoryPage {
  std::vector<PastHold> events;  // grants that ended, oldest first
  bool more = false;             // ask again, after the last one's position
  LogIndex applied_index;
};

struct SessionsPage {
  std::vector<SessionInfo> sessions;  // in order of id
  bool more = false;                  // ask again, after the last of these
  LogIndex applied_index;
};

// Where a watch goes on. An empty one begins with the full state.
struct WatchCursor {
  LogIndex from;
  std::string after = {};
  friend bool operator==(const WatchCursor&, const WatchCursor&) = default;
};

// First forget everything if `reset`, then apply `changes`, then add `locks`: what results is the state at
// next.from, complete unless `more`.
struct WatchPage {
  bool reset = false;
  std::vector<LockEvent> changes;  // in order and without a gap since the last page
  std::vector<LockEvent> locks;    // of the full state: every hold, as if it were granted now
  bool more = false;               // the full state is not complete: ask at once
  WatchCursor next;
};

class Client {
 public:
  // Fails only if an endpoint is not one, or the TTL or the note is out of its bounds; connecting goes on in
  // the background, and the session is opened by the first operation.
  static Expected<Client> create(const ClientConfig& config);
  Client(Client&&) noexcept;
  Client& operator=(Client&&) noexcept;
  ~Client();

  // Takes the lock if nobody has it and nobody waits for it.
  Expected<PreemptAnswer> preempt(const std::string& name, std::optional<Duration> timeout = {});
  // Takes all the names (1 to 16, sorted here, each once) or none of them, waiting in line for them. A plain
  // answer: what is granted stays held until release(). lock.hpp has the locks that release themselves.
  // A wait that ends without the lock is an answer, not an error: not granted, and nothing is left in line.
  // A name that this client holds or waits for already is refused: already_held, already_waiting.
  Expected<AcquireAnswer> acquire(std::vector<std::string> names, const AcquireOptions& options = {});
  // The same without blocking; `done` is called exactly once, on the callback thread.
  void acquire_async(std::vector<std::string> names, const AcquireOptions& options,
                     std::function<void(Expected<AcquireAnswer>)> done);
  Expected<ReleaseAnswer> release(const std::string& name, std::optional<Duration> timeout = {});
  // Ends the session: its waits, then its locks, all at once. A later operation opens a new one.
  Expected<CloseAnswer> close(std::optional<Duration> timeout = {});

  // Who has it, from the map of the node that answers: at least as new as all this client has seen, and
  // with kLinearizable as new as the moment of the call.
  Expected<CheckResult> check(const std::string& name, ReadMode mode = ReadMode::kLocal,
                              std::optional<Duration> timeout = {});
  // Whether this token is still the one that the lock is held with: for a resource that was handed one.
  Expected<VerifyAnswer> verify(const std::string& name, FencingToken token, ReadMode mode = ReadMode::kLinearizable,
                                std::optional<Duration> timeout = {});
  // At most `limit` (and kMaxPage) locks whose names start with `prefix` and sort after `after`.
  Expected<ListPage> list(const std::string& prefix, const std::string& after = {}, std::size_t limit = kMaxPage,
                          ReadMode mode = ReadMode::kLocal, std::optional<Duration> timeout = {});
  // How many locks start with `prefix`, and how many hold them and wait for them. A node counts some thousands of names
  // at a time: the sum of more than that is of one moment only if nothing changes meanwhile. `age` and `applied_index`
  // are those of the oldest answer. `timeout` bounds each of them.
  Expected<CountResult> count(const std::string& prefix = {}, ReadMode mode = ReadMode::kLocal,
                              std::optional<Duration> timeout = {});
  // Grants that ended, of one name or of all (empty), after the position `after`; at most kMaxPage.
  Expected<HistoryPage> history(const std::string& name = {}, std::uint64_t after = 0, std::size_t limit = kMaxPage,
                                std::optional<Duration> timeout = {});
  // Living sessions after `after`; at most kMaxPage.
  Expected<SessionsPage> sessions(SessionId after = {}, std::size_t limit = kMaxPage,
                                  std::optional<Duration> timeout = {});
  // What changed of the locks whose names start with `prefix`, since `cursor`: answered as soon as something
  // did, and without changes after `wait` (at most a minute). Go on with the answer's `next`.
  Expected<WatchPage> watch(const std::string& prefix, const WatchCursor& cursor,
                            Duration wait = std::chrono::seconds(30), std::optional<Duration> timeout = {});
  // Of the first node that answers.
  Expected<NodeStatus> status(std::optional<Duration> timeout = {});

  // For operators. Takes a lock from its holders. `why` is kept in the history: text of at most 256 bytes.
  Expected<ReleaseAnswer> force_release(const std::string& name, const std::string& why,
                                        std::optional<Duration> timeout = {});
  // For operators. Ends another session: no_such_session if it does not live.
  Expected<CloseAnswer> close_session(SessionId session, const std::string& why, std::optional<Duration> timeout = {});

  // As of this moment: it looks at the clock first.
  LeaseView lease() const;
  // Every renewal and loss from now on. Replaces the callback before; an empty one ends it.
  void on_lease_event(std::function<void(const LeaseEvent&)> callback);

  // Keeps the session for the next process of the same client id. Needs ClientConfig::keeps_session; only before
  // the first operation: which session it is may depend on the cluster, which status() tells.
  // With TTL 0 the next process goes on with the very same session. With a lease it takes the session over (L1), at
  // once and whatever is left of the lease: it has the locks, with new tokens and a full TTL. The earlier process, if
  // it still runs, is refused from then on, and its Locks are lost (kSuperseded, or kUnreachable if its own clock told
  // it first); until it hears of that only their tokens keep it from doing harm. A lease that was over by then
  // leaves nothing: a new session is opened. session_conflict means that a later incarnation lives. A destroyed
  // client closes its session, so only a crash, or an end without an answer, leaves something to take over.
  Expected<void> keep_session(SessionKeeper keeper);
  // Opens the session now, and tells which locks came with it: all that the earlier process held, in order of name,
  // or nothing. They are this client's until it releases or closes; Lock::adopt makes a Lock of them. Call it before
  // other operations. A name that came and is acquired all the same is refused: already_held.
  Expected<std::vector<TakenOverLock>> take_over(std::optional<Duration> timeout = {});
  ClientId client_id() const;
  SessionId session() const;  // none: not open
  LogIndex highest_index() const;

 private:
  friend class Lock;
  friend class Mutex;
  explicit Client(std::shared_ptr<ClientLoop> loop);
  // A call has its own share: the client may be destroyed while it is under way.
  std::shared_ptr<ClientLoop> loop() const { return loop_; }
  std::shared_ptr<ClientLoop> loop_;  // Locks share it; it is stopped when the client is destroyed
};

}  // namespace lockstep
