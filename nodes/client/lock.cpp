// Lock and Mutex, on the client's loop and its registry of locks.
#include "lockstep/lock.hpp"

#include <algorithm>
#include <system_error>
#include <utility>

#include "nodes/client/client_loop.hpp"
#include "nodes/client/errors.hpp"
#include "nodes/system/clock.hpp"
#include "protocol/base/invariant.hpp"

namespace lockstep {
namespace {

Error lost_error(LossReason reason) {
  return error_of({error_after(reason), "the lock was lost (" + std::string(to_string(reason)) + ")", {}, true});
}

Error held_by_another(const AcquireAnswer& answer) {
  std::string detail = "the lock was not granted: others wait for it";
  if (answer.held_by) {
    detail = "\"" + answer.held_by->name + "\" is held by " + to_string(answer.held_by->owner);
    if (!answer.held_by->note.empty()) detail += " (" + answer.held_by->note + ")";
  }
  return local_error(LocalError::kNotGranted, std::move(detail));
}

}  // namespace

class LockState {
 public:
  LockState(std::shared_ptr<ClientLoop> loop, NameQueue::Ticket ticket, std::vector<std::string> names,
            FencingToken token)
      : names_(std::move(names)),
        token_(token),
        loop_(std::move(loop)),
        ticket_(std::move(ticket)),
        id_(loop_->add_lock(names_, token_)) {}

  ~LockState() {
    if (may_hold_something(end())) release_later();
    // The ticket goes after that.
  }
  LockState(const LockState&) = delete;
  LockState& operator=(const LockState&) = delete;

  const std::vector<std::string>& names() const { return names_; }
  FencingToken token() const { return token_; }

  LockLook look() {
    const CheckedLock lock(mutex_);
    if (ended_) return last_look_;
    const LockLook now = loop_->look_at_lock(id_);
    last_look_ = now;
    return now;
  }
  bool is_held() {
    const LockLook seen = look();
    const CheckedLock lock(mutex_);
    return !ended_ && !seen.lost;
  }

  Expected<void> release(std::optional<Duration> timeout) {
    switch (end()) {
      case End::kWasHeld: return release_now(timeout);
      case End::kWasLost:
        if (may_hold_something(End::kWasLost)) release_later();
        take_ticket();
        break;
      case End::kAlready: break;
    }
    if (const auto reason = look().lost) return tl::unexpected(lost_error(*reason));
    return {};
  }

  void on_warning(Duration before, LockRegistry::OnWarning callback) {
    loop_->on_warning(id_, before, std::move(callback));
  }
  void on_lost(LockRegistry::OnLost callback) { loop_->on_lost(id_, std::move(callback)); }

 private:
  enum class End { kWasHeld, kWasLost, kAlready };

  // From now on it is looked at no more, and nobody is told.
  End end() {
    const LockLook last = look();
    {
      const CheckedLock lock(mutex_);
      if (std::exchange(ended_, true)) return End::kAlready;
    }
    loop_->remove_lock(id_);
    return last.lost ? End::kWasLost : End::kWasHeld;
  }

  // An operator takes one name; the others of the same lock stay in the session, and nobody would give them back.
  bool may_hold_something(End how) {
    return how == End::kWasHeld || (how == End::kWasLost && names_.size() > 1 && look().lost == LossReason::kForced);
  }

  Expected<void> release_now(std::optional<Duration> timeout) {
    std::vector<ClientLoop::Start> starts;
    for (const std::string& name : names_) {
      starts.emplace_back([name, timeout](ClientCore& core, Time now) { return core.release(now, name, timeout); });
    }
    std::optional<Error> error;
    bool is_open = false;  // whether some name may still be held
    for (const auto& result : loop_->run_all(starts)) {
      if (!result) {
        is_open = is_open || result.error().is(ErrorCode::kUnavailable);
        error = result.error();
      } else if (std::holds_alternative<locks::NotHolder>(result->outcome)) {
        error = lost_error(LossReason::kForced);  // nobody else takes a lock from a session that lives
      }
    }
    if (is_open) release_later();
    take_ticket();
    if (error) return tl::unexpected(*std::move(error));
    return {};
  }

  void release_later() { loop_->give_back(names_, token_); }

  // The next thread of this client may ask for the names: the core asks for a lock after it gave it back.
  void take_ticket() {
    const CheckedLock lock(mutex_);
    ticket_.reset();
  }

  const std::vector<std::string> names_;
  const FencingToken token_;
  const std::shared_ptr<ClientLoop> loop_;
  CheckedMutex mutex_;  // taken before the loop's
  std::optional<NameQueue::Ticket> ticket_ GUARDED_BY(mutex_);
  const LockRegistry::Id id_;
  LockLook last_look_ GUARDED_BY(mutex_);
  bool ended_ GUARDED_BY(mutex_) = false;
};

// ---- Lock

namespace {

struct TakenInTurn {
  std::optional<NameQueue::Ticket> ticket;
  AcquireAnswer answer;  // not granted if there is no ticket
};

// First among the threads of this client, then in the cluster.
Expected<TakenInTurn> acquire_in_turn(ClientLoop& loop, const std::vector<std::string>& names, AcquireOptions options) {
  const Time start = boot_time();
  auto ticket = loop.names().enter(names, options.wait, options.stop);
  if (!ticket) return TakenInTurn{};
  if (options.wait) options.wait = std::max(*options.wait - (boot_time() - start), Duration::zero());
  auto answer = loop.acquire(names, options);
  if (!answer) return tl::unexpected(std::move(answer.error()));
  return TakenInTurn{std::move(ticket), *std::move(answer)};
}

Error not_granted(const TakenInTurn& acquired) {
  if (acquired.ticket) return held_by_another(acquired.answer);
  return local_error(LocalError::kNotGranted, "another thread of this client holds it or waits for it");
}

}  // namespace

Expected<std::optional<Lock>> Lock::acquire_by(std::shared_ptr<ClientLoop> loop, std::vector<std::string> names,
                                               const AcquireOptions& options, Error* why_not) {
  names = sorted_names(std::move(names));
  auto acquired = acquire_in_turn(*loop, names, options);
  if (!acquired) return tl::unexpected(std::move(acquired.error()));
  if (!acquired->answer.granted) {
    if (why_not) *why_not = not_granted(*acquired);
    return std::optional<Lock>();
  }
  auto state = std::make_unique<LockState>(std::move(loop), *std::move(acquired->ticket), std::move(names),
                                           acquired->answer.token);
  return std::optional<Lock>(Lock(std::move(state)));
}

Expected<Lock> Lock::acquire(Client& client, std::vector<std::string> names, const AcquireOptions& options) {
  Error why_not;
  auto lock = acquire_by(client.loop_, std::move(names), options, &why_not);
  if (!lock) return tl::unexpected(std::move(lock.error()));
  if (!*lock) return tl::unexpected(std::move(why_not));
  return **std::move(lock);
}

Expected<std::optional<Lock>> Lock::try_acquire(Client& client, std::vector<std::string> names,
                                                const AcquireOptions& options) {
  AcquireOptions once = options;
  once.wait = Duration::zero();
  return acquire_by(client.loop_, std::move(names), once, nullptr);
}

Lock Lock::adopt(Client& client, const AcquireAnswer& granted) {
  INVARIANT(granted.granted, "only what was granted can be adopted");
  return Lock(std::make_unique<LockState>(client.loop_, client.loop_->names().enter_first(granted.names), granted.names,
                                          granted.token));
}

Lock Lock::adopt(Client& client, const std::vector<TakenOverLock>& taken_over) {
  INVARIANT(!taken_over.empty(), "a lock has a name");
  AcquireAnswer granted;
  granted.granted = true;
  granted.token = taken_over.front().token;
  for (const TakenOverLock& lock : taken_over) granted.names.push_back(lock.name);
  granted.names = sorted_names(std::move(granted.names));
  return adopt(client, granted);
}

Lock::Lock(std::unique_ptr<LockState> state) : state_(std::move(state)) {}
Lock::Lock(Lock&&) noexcept = default;
Lock& Lock::operator=(Lock&&) noexcept = default;
Lock::~Lock() = default;

const std::vector<std::string>& Lock::names() const { return state_->names(); }
FencingToken Lock::token() const { return state_->token(); }
std::optional<Time> Lock::safe_until() const { return state_->look().safe_until; }
bool Lock::is_held() const { return state_->is_held(); }
std::optional<LossReason> Lock::lost() const { return state_->look().lost; }
Expected<void> Lock::release(std::optional<Duration> timeout) { return state_->release(timeout); }

std::optional<Duration> Lock::time_left() const {
  if (!is_held()) return Duration::zero();
  const auto end = safe_until();
  if (!end) return std::nullopt;
  return std::max(*end - boot_time(), Duration::zero());
}

void Lock::on_warning(Duration before, std::function<void(Duration)> callback) {
  state_->on_warning(before, std::move(callback));
}
void Lock::on_lost(std::function<void(LossReason)> callback) { state_->on_lost(std::move(callback)); }

// ---- Mutex

Mutex::Mutex(Client& client, std::string name) : loop_(client.loop_), name_(std::move(name)) {}
Mutex::~Mutex() = default;

namespace {

std::errc errc_of(const Error& error) {
  if (error.is(ErrorCode::kUnavailable)) return std::errc::timed_out;
  if (error.is(ErrorCode::kDeadlock)) return std::errc::resource_deadlock_would_occur;
  return std::errc::operation_not_permitted;
}

}  // namespace

void Mutex::lock() {
  Error why_not;
  auto lock = Lock::acquire_by(loop_, {name_}, {}, &why_not);
  if (lock && *lock) {
    lock_ = *std::move(lock);
    return;
  }
  const Error error = lock ? why_not : lock.error();
  throw std::system_error(std::make_error_code(errc_of(error)), error.name() + ": " + error.detail);
}

bool Mutex::try_lock() noexcept {
  AcquireOptions once;
  once.wait = Duration::zero();
  auto lock = Lock::acquire_by(loop_, {name_}, once, nullptr);
  if (!lock || !*lock) return false;
  lock_ = *std::move(lock);
  return true;
}

// Moved out first: when the lock is given up, another thread may come in at once.
void Mutex::unlock() noexcept { const auto given_up = std::exchange(lock_, std::nullopt); }

FencingToken Mutex::token() const { return lock_->token(); }
std::optional<Time> Mutex::safe_until() const { return lock_->safe_until(); }
bool Mutex::is_held() const { return lock_ && lock_->is_held(); }

}  // namespace lockstep
