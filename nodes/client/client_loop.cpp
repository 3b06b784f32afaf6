// How the threads of an application hand their calls to the client's thread, and what the core says to that.
// What the thread itself does is in client_loop_thread.cpp.
#include "nodes/client/client_loop.hpp"

#include <algorithm>
#include <atomic>
#include <utility>

#include "nodes/client/convert.hpp"
#include "nodes/client/errors.hpp"
#include "nodes/system/clock.hpp"
#include "protocol/base/invariant.hpp"

namespace lockstep {
namespace {

// How long the end of a client may take for the sake of others who want its locks.
constexpr Duration kClosingTime = std::chrono::seconds(1);

// Who asks: a number for each thread of the process, and for each that is no thread.
std::uint64_t next_thread_number() {
  static std::atomic<std::uint64_t> last = 0;
  return ++last;
}
std::uint64_t this_thread_number() {
  thread_local const std::uint64_t kNumber = next_thread_number();
  return kNumber;
}

AcquireTerms terms_of(const AcquireOptions& options, std::uint64_t thread) {
  return {options.mode, options.permits, options.wait, options.thread.value_or(thread)};
}

Expected<AcquireAnswer> acquire_answer(std::vector<std::string> names, Expected<Completion> done) {
  if (!done) return tl::unexpected(std::move(done.error()));
  AcquireAnswer answer;
  answer.names = std::move(names);
  answer.applied_index = done->applied;
  if (const auto* granted = std::get_if<locks::Granted>(&done->outcome)) {
    answer.granted = true;
    answer.token = granted->token;
    return answer;
  }
  auto* not_acquired = std::get_if<NotAcquired>(&done->outcome);
  INVARIANT(not_acquired, "an acquisition ends granted, not acquired or with an error");
  if (not_acquired->by) answer.held_by = shown(*std::move(not_acquired->by));
  answer.position = not_acquired->position;
  return answer;
}

const Error kClosed = {ErrorCode::kUnavailable, false, "the client was destroyed meanwhile", {}};

}  // namespace

ClientLoop::ClientLoop(const ClientOptions& options, Connections connections, WakeUp wake_up)
    : client_id_(options.client),
      has_lease_(options.ttl > Duration::zero()),
      endpoints_(connections.endpoints()),
      core_(options),
      wake_up_(std::move(wake_up)),
      connections_(std::move(connections)),
      thread_([this] { serve(); }) {}

ClientLoop::~ClientLoop() { stop(); }

// ---- Calls, from any thread

std::optional<Error> ClientLoop::refusal() const {
  if (broken_) return broken_;
  if (closing_) return kClosed;
  return std::nullopt;
}

CallId ClientLoop::begin(const Start& start, SharedCall pending) {
  pending->sends_before = sends_;
  const CallId call = start(core_, boot_time());
  pending->has_claimed = core_.has_claimed(call);
  calls_.emplace(call, std::move(pending));
  collect();
  wake_up_.wake();
  return call;
}

Expected<Completion> ClientLoop::run(const Start& start) { return std::move(run_all({start}).front()); }

std::vector<Expected<Completion>> ClientLoop::run_all(const std::vector<Start>& starts) {
  const CheckedLock lock(mutex_);
  std::vector<Expected<Completion>> results;
  if (const auto error = refusal()) {
    results.resize(starts.size(), tl::unexpected(*error));
    return results;
  }
  std::vector<SharedCall> calls;
  for (const Start& start : starts) begin(start, calls.emplace_back(std::make_shared<PendingCall>()));
  for (const SharedCall& pending : calls) {
    while (!pending->result) pending->changed.wait(mutex_);
    results.push_back(*std::move(pending->result));
  }
  return results;
}

void ClientLoop::give_back(const std::vector<std::string>& names, FencingToken token) {
  const CheckedLock lock(mutex_);
  if (refusal()) return;
  for (const std::string& name : names) {
    if (!is_held(name, token)) continue;  // an operator took it, and it may have been granted to this client again
    begin([&](ClientCore& core, Time now) { return core.release(now, name, kForEver); },
          std::make_shared<PendingCall>());
  }
}

bool ClientLoop::is_held(const std::string& name, FencingToken token) const {
  const auto held = core_.held().find(name);
  return held != core_.held().end() && held->second == token;
}

// ---- Acquisitions, from any thread

Expected<AcquireAnswer> ClientLoop::acquire(std::vector<std::string> names, const AcquireOptions& options) {
  names = sorted_names(std::move(names));
  const auto pending = std::make_shared<PendingCall>();
  const std::stop_callback stop(options.stop, [&] { cancel(*pending); });
  CheckedLock lock(mutex_);
  if (auto error = refusal()) return tl::unexpected(*std::move(error));
  begin_acquire(names, options, this_thread_number(), pending);
  for (;;) {
    while (!pending->result && pending->progress.empty()) pending->changed.wait(mutex_);
    while (!pending->progress.empty()) {
      const LineProgress progress = std::move(pending->progress.front());
      pending->progress.pop_front();
      if (!options.on_progress) continue;
      lock.unlock();
      options.on_progress(progress);
      lock.lock();
    }
    if (pending->result) break;
  }
  // The mutex is given back before `stop` goes, which may be waiting for it.
  return acquire_answer(std::move(names), *std::move(pending->result));
}

void ClientLoop::acquire_async(std::vector<std::string> names, const AcquireOptions& options,
                               std::function<void(Expected<AcquireAnswer>)> done) {
  names = sorted_names(std::move(names));
  // Both live until the callback thread has told the end, whose function then owns them.
  const auto stop = std::make_shared<std::optional<std::stop_callback<std::function<void()>>>>();
  const auto pending = std::make_shared<PendingCall>();
  if (options.on_progress) pending->on_progress = std::make_shared<const OnProgress>(options.on_progress);
  pending->done = [this, stop, names, on_progress = pending->on_progress,
                   done = std::move(done)](Expected<Completion> result) {
    auto answer = std::make_shared<Expected<AcquireAnswer>>(acquire_answer(names, std::move(result)));
    callbacks_.post(0, [stop, answer, on_progress, done] {
      stop->reset();
      done(std::move(*answer));
    });
  };
  stop->emplace(options.stop, [this, weak = std::weak_ptr(pending)] {
    if (const auto still_pending = weak.lock()) cancel(*still_pending);
  });
  CheckedLock lock(mutex_);
  const auto error = refusal();
  if (!error) return begin_acquire(names, options, next_thread_number(), pending);
  const Done refused = std::exchange(pending->done, {});
  lock.unlock();
  refused(tl::unexpected(*error));  // from here: at the client's end its own thread may be gone
}

void ClientLoop::begin_acquire(const std::vector<std::string>& names, const AcquireOptions& options,
                               std::uint64_t thread, const SharedCall& pending) {
  pending->call = begin(
      [&](ClientCore& core, Time now) { return core.acquire(now, names, terms_of(options, thread), options.timeout); },
      pending);
  if (pending->stopped) cancel_now(pending->call);
}

void ClientLoop::cancel(PendingCall& pending) {
  const CheckedLock lock(mutex_);
  pending.stopped = true;
  if (pending.call) cancel_now(pending.call);
}

void ClientLoop::cancel_now(CallId call) {
  core_.cancel(boot_time(), call);
  collect();
  wake_up_.wake();
}

// ---- The lease and the locks, from any thread

LeaseView ClientLoop::lease() {
  const CheckedLock lock(mutex_);
  look_at_clock();
  return core_.lease();
}

void ClientLoop::on_lease_event(std::function<void(const LeaseEvent&)> callback) {
  const CheckedLock lock(mutex_);
  std::swap(on_lease_event_, callback);  // the one before goes without the mutex: what it owns may lock
}

LockRegistry::Id ClientLoop::add_lock(const std::vector<std::string>& names, FencingToken token) {
  const CheckedLock lock(mutex_);
  look_at_clock();
  const LockRegistry::Id id = locks_.add(names, token);
  // What happened between the grant and now was told to nobody.
  const bool all_are_held = std::all_of(names.begin(), names.end(),
                                        [&](const std::string& name) REQUIRES(mutex_) { return is_held(name, token); });
  if (closing_) {
    locks_.lose(id, LossReason::kClosed);
  } else if (!all_are_held) {
    locks_.lose(id, core_.lease().lost.value_or(LossReason::kForced));
  }
  return id;
}

void ClientLoop::remove_lock(LockRegistry::Id id) {
  const auto removed = [&] {
    const CheckedLock lock(mutex_);
    return locks_.remove(id);
  }();
  callbacks_.withdraw(id);
}

void ClientLoop::on_lost(LockRegistry::Id id, LockRegistry::OnLost callback) {
  const CheckedLock lock(mutex_);
  look_at_clock();
  locks_.on_lost(id, std::move(callback));
}

void ClientLoop::on_warning(LockRegistry::Id id, Duration before, LockRegistry::OnWarning callback) {
  const CheckedLock lock(mutex_);
  locks_.on_warning(id, before, std::move(callback));
  wake_up_.wake();
}

LockLook ClientLoop::look_at_lock(LockRegistry::Id id) {
  const CheckedLock lock(mutex_);
  look_at_clock();
  return locks_.look(id);
}

// ---- The session

Expected<void> ClientLoop::keep_session(SessionKeeper keeper) {
  const CheckedLock lock(mutex_);
  if (core_.session_was_used()) {
    return tl::unexpected(local_error(LocalError::kNotSaved, "the session is chosen before the first operation"));
  }
  const auto saved = saved_of(keeper.saved);
  if (!saved) {
    return tl::unexpected(local_error(LocalError::kNotSaved, "the record has a command that this version cannot read"));
  }
  core_.restore_session(keeper.secret, *saved);
  save_ = std::make_shared<const Save>(std::move(keeper.save));
  return {};
}

SessionId ClientLoop::session() const {
  const CheckedLock lock(mutex_);
  return core_.session().id();
}

LogIndex ClientLoop::highest_index() const {
  const CheckedLock lock(mutex_);
  return core_.session().highest_index();
}

// ---- What the core has to say, with the mutex held

void ClientLoop::step(const ClientEvent& event) {
  core_.step(boot_time(), event);
  collect();
}

void ClientLoop::collect() {
  ClientOutput output = core_.take_output();
  for (const LeaseEvent& event : output.lease_events) {
    locks_.apply(event);
    if (on_lease_event_) callbacks_.post(0, [callback = on_lease_event_, event] { callback(event); });
  }
  for (ProgressReport& report : output.progress) {
    const auto call = calls_.find(report.call);
    if (call == calls_.end()) continue;
    PendingCall& pending = *call->second;
    if (!pending.done) {
      pending.progress.push_back(shown(std::move(report.progress)));
      pending.changed.notify_all();
    } else if (pending.on_progress) {
      callbacks_.post(
          0, [callback = pending.on_progress, progress = shown(std::move(report.progress))] { (*callback)(progress); });
    }
  }
  if (!save_) deliver(std::exchange(output.completions, {}));
  if (!output.save && output.sends.empty() && output.completions.empty()) return;
  outbox_.push_back(std::move(output));
  wake_up_.wake();
}

void ClientLoop::deliver(std::vector<Completion> completions) {
  for (Completion& completion : completions) {
    const auto call = calls_.find(completion.call);
    if (call == calls_.end()) continue;  // it was told another end already
    const SharedCall pending = call->second;
    calls_.erase(call);
    if (const auto* error = std::get_if<ClientError>(&completion.outcome)) {
      Error shown = error_of(*error);
      if (shown.is(ErrorCode::kUnavailable)) shown.detail += "; tried " + tried(endpoints_, core_.endpoint_problems());
      deliver(pending, tl::unexpected(std::move(shown)));
    } else {
      deliver(pending, std::move(completion));
    }
  }
}

void ClientLoop::deliver(const SharedCall& pending, Expected<Completion> result) {
  if (pending->done) {
    ended_.emplace_back(std::exchange(pending->done, {}), std::move(result));
    wake_up_.wake();
  } else {
    pending->result = std::move(result);
    pending->changed.notify_all();
  }
}

void ClientLoop::fail_all(const Error& error) {
  for (auto& [call, pending] : std::exchange(calls_, {})) {
    Error told = error;
    told.definite = error.definite && sends_ == pending->sends_before && !pending->has_claimed;
    deliver(pending, tl::unexpected(std::move(told)));
  }
}

// ---- The end

void ClientLoop::stop() {
  {
    const CheckedLock lock(mutex_);
    if (stopping_) return;
    closing_ = true;
    names_->close();
    settle();
    stopping_ = true;
    wake_up_.wake();
  }
  thread_.join();
  CheckedLock lock(mutex_);
  locks_.lose_all(LossReason::kClosed);
  const std::vector<Ended> ended = std::exchange(ended_, {});
  lock.unlock();
  for (const auto& [done, result] : ended) done(result);
  callbacks_.stop();
}

// Others wait for the locks: the session is closed, or what was begun in one that stays is brought to its end.
void ClientLoop::settle() {
  const std::vector<CallId> acquisitions = core_.waiting_acquisitions();
  fail_all(kClosed);
  if (broken_) return;
  if (has_lease_) {
    const auto close = std::make_shared<PendingCall>();
    begin([](ClientCore& core, Time now) { return core.close(now, kClosingTime); }, close);
    while (!close->result) close->changed.wait(mutex_);
    return;
  }
  for (const CallId call : acquisitions) cancel_now(call);
  const auto deadline = std::chrono::steady_clock::now() + kClosingTime;
  while ((core_.has_waiting_calls() || core_.has_acquisitions()) && turned_.wait_until(mutex_, deadline)) {
  }
}

}  // namespace lockstep
