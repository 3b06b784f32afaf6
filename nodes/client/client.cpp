// Client: each member starts a call on the core and shows its outcome.
#include "lockstep/client.hpp"

#include <algorithm>
#include <utility>

#include "nodes/client/about_process.hpp"
#include "nodes/client/client_loop.hpp"
#include "nodes/client/convert.hpp"
#include "nodes/client/errors.hpp"
#include "nodes/system/entropy.hpp"
#include "protocol/base/invariant.hpp"
#include "protocol/wire/field_rules.hpp"

namespace lockstep {
namespace {

ClientOptions options_of(const ClientConfig& config) {
  ClientOptions options;
  options.client = config.client_id ? *config.client_id : make_client_id();
  fill_with_entropy(options.secret);
  options.nonce = random_identifier();
  options.seed = random_identifier();
  options.endpoints = config.endpoints.size();
  options.ttl = config.ttl;
  options.note = config.note.empty() ? about_process() : config.note;
  options.attempt_timeout = config.attempt_timeout;
  options.call_timeout = config.timeout;
  options.keeps_session = config.keeps_session;
  options.claims_unfinished = config.keeps_session && config.ttl == Duration::zero();
  return options;
}

std::optional<Error> refusal_of(const ClientConfig& config) {
  if (config.endpoints.empty()) return local_error(LocalError::kInvalidEndpoint, "there is no endpoint to ask");
  const bool in_range = config.ttl >= std::chrono::milliseconds(wire::kMinTtlMs) &&
                        config.ttl <= std::chrono::milliseconds(wire::kMaxTtlMs);
  if (config.ttl != Duration::zero() && !in_range) {
    return Error{ErrorCode::kInvalidTtl, true, "the TTL is 1 s to 24 h, or 0: the session never expires", {}};
  }
  const std::string detail = wire::validate_text(config.note, wire::any_text(wire::kMaxNote));
  if (!detail.empty()) return local_error(LocalError::kInvalidNote, "the note " + detail);
  return std::nullopt;
}

// The answer of this kind, which the outcome must be if it is not another.
template <typename Answer>
Answer& answer_in(Completion& completion) {
  auto* answer = std::get_if<Answer>(&completion.outcome);
  INVARIANT(answer, "a call is answered with what it asked for, or with an error");
  return *answer;
}

template <typename Answer>
const Answer* answer_if(const Completion& completion) {
  return std::get_if<Answer>(&completion.outcome);
}

std::uint32_t page_of(std::size_t limit) {
  return static_cast<std::uint32_t>(std::clamp<std::size_t>(limit, 1, kMaxPage));
}

ReleaseAnswer release_answer(Completion& done) {
  if (answer_if<locks::Released>(done)) return ReleaseAnswer{true, {}, done.applied};
  return ReleaseAnswer{false, answer_in<locks::NotHolder>(done).owner, done.applied};
}

VerifyAnswer verify_answer(const CheckResult& check, FencingToken token) {
  VerifyAnswer answer{false, {}, check.age, check.applied_index};
  if (!check.lock) return answer;
  for (const HolderInfo& holder : check.lock->holders) {
    answer.current = answer.current || holder.token == token;
    answer.newest = std::max(answer.newest.value_or(FencingToken()), holder.token);
  }
  return answer;
}

// Of one count: enough for a hundred million names, and an end in any case.
constexpr int kMaxCountAnswers = 10'000;

using Age = std::optional<std::chrono::milliseconds>;
// Of two answers together. None: of one of them it is not known.
Age older(const Age& one, const Age& other) { return one && other ? std::max(one, other) : Age(); }

}  // namespace

std::shared_ptr<Context> make_context() { return std::make_shared<Context>(); }

Client::Client(std::shared_ptr<ClientLoop> loop) : loop_(std::move(loop)) {}
Client::Client(Client&&) noexcept = default;

Client& Client::operator=(Client&& other) noexcept {
  if (this == &other) return *this;
  if (loop_) loop_->stop();
  loop_ = std::move(other.loop_);
  return *this;
}

Client::~Client() {
  if (loop_) loop_->stop();
}

Expected<Client> Client::create(const ClientConfig& config) {
  if (auto refused = refusal_of(config)) return tl::unexpected(*std::move(refused));
  auto context = config.context ? config.context : make_context();
  auto connections = Connections::open(std::move(context), config.endpoints);
  if (!connections) return tl::unexpected(local_error(LocalError::kInvalidEndpoint, to_string(connections.error())));
  auto wake_up = WakeUp::create();
  if (!wake_up) return tl::unexpected(no_descriptor_error(wake_up.error()));
  return Client(std::make_shared<ClientLoop>(options_of(config), *std::move(connections), *std::move(wake_up)));
}

// ---- Locks

Expected<PreemptAnswer> Client::preempt(const std::string& name, std::optional<Duration> timeout) {
  const auto loop = this->loop();
  auto done = loop->run([&](ClientCore& core, Time now) { return core.preempt(now, name, timeout); });
  if (!done) return tl::unexpected(std::move(done.error()));
  if (const auto* granted = answer_if<locks::Granted>(*done)) {
    return PreemptAnswer{true, loop->client_id(), granted->token, {}, done->applied};
  }
  locks::Held& held = answer_in<locks::Held>(*done);
  return PreemptAnswer{false, held.owner, held.token, held.since, done->applied, std::move(held.note)};
}

Expected<AcquireAnswer> Client::acquire(std::vector<std::string> names, const AcquireOptions& options) {
  return loop()->acquire(std::move(names), options);
}

void Client::acquire_async(std::vector<std::string> names, const AcquireOptions& options,
                           std::function<void(Expected<AcquireAnswer>)> done) {
  loop()->acquire_async(std::move(names), options, std::move(done));
}

Expected<ReleaseAnswer> Client::release(const std::string& name, std::optional<Duration> timeout) {
  auto done = loop()->run([&](ClientCore& core, Time now) { return core.release(now, name, timeout); });
  return done.map([](Completion& completion) { return release_answer(completion); });
}

Expected<CloseAnswer> Client::close(std::optional<Duration> timeout) {
  auto done = loop()->run([&](ClientCore& core, Time now) { return core.close(now, timeout); });
  return done.map([](const Completion& completion) { return CloseAnswer{completion.applied}; });
}

Expected<ReleaseAnswer> Client::force_release(const std::string& name, const std::string& why,
                                              std::optional<Duration> timeout) {
  auto done = loop()->run([&](ClientCore& core, Time now) { return core.force_release(now, name, why, timeout); });
  return done.map([](Completion& completion) { return release_answer(completion); });
}

Expected<CloseAnswer> Client::close_session(SessionId session, const std::string& why,
                                            std::optional<Duration> timeout) {
  auto done = loop()->run([&](ClientCore& core, Time now) { return core.close_session(now, session, why, timeout); });
  return done.map([](const Completion& completion) { return CloseAnswer{completion.applied}; });
}

// ---- Reads

Expected<CheckResult> Client::check(const std::string& name, ReadMode mode, std::optional<Duration> timeout) {
  auto done = loop()->run([&](ClientCore& core, Time now) {
    return core.read(now, wire::CheckRequest{name, mode, {}}, timeout);
  });
  if (!done) return tl::unexpected(std::move(done.error()));
  auto& answer = answer_in<wire::CheckAnswer>(*done);
  CheckResult result{{}, shown_age(answer.age_ms), done->applied};
  if (answer.lock) result.lock = shown(*std::move(answer.lock));
  return result;
}

Expected<VerifyAnswer> Client::verify(const std::string& name, FencingToken token, ReadMode mode,
                                      std::optional<Duration> timeout) {
  const auto answer = check(name, mode, timeout);
  if (!answer) return tl::unexpected(answer.error());
  return verify_answer(*answer, token);
}

Expected<ListPage> Client::list(const std::string& prefix, const std::string& after, std::size_t limit, ReadMode mode,
                                std::optional<Duration> timeout) {
  const std::uint32_t page = page_of(limit);
  auto done = loop()->run([&](ClientCore& core, Time now) {
    return core.read(now, wire::ListRequest{prefix, after, page, mode, {}}, timeout);
  });
  if (!done) return tl::unexpected(std::move(done.error()));
  auto& answer = answer_in<wire::ListAnswer>(*done);
  return ListPage{all_shown(std::move(answer.locks)), answer.more, shown_age(answer.age_ms), done->applied};
}

// Each answer must bring the count further, so that no node keeps it going without an end.
Expected<CountResult> Client::count(const std::string& prefix, ReadMode mode, std::optional<Duration> timeout) {
  const auto loop = this->loop();
  CountResult total;
  std::string after;
  for (int answers = 0; answers < kMaxCountAnswers; ++answers) {
    auto done = loop->run([&](ClientCore& core, Time now) {
      return core.read(now, wire::CountRequest{prefix, after, mode, {}}, timeout);
    });
    if (!done) return tl::unexpected(std::move(done.error()));
    const auto& answer = answer_in<wire::CountAnswer>(*done);
    const bool is_first = after.empty();
    total.locks += answer.count.locks;
    total.holders += answer.count.holders;
    total.waiters += answer.count.waiters;
    total.age = is_first ? shown_age(answer.age_ms) : older(total.age, shown_age(answer.age_ms));
    total.applied_index = is_first ? done->applied : std::min(total.applied_index, done->applied);
    const std::string& last = answer.count.last;
    if (last.empty()) return total;
    if (last <= after || !last.starts_with(prefix)) break;
    after = last;
  }
  return tl::unexpected(Error{ErrorCode::kUnavailable, true, "the node's count does not come to an end", {}});
}

Expected<HistoryPage> Client::history(const std::string& name, std::uint64_t after, std::size_t limit,
                                      std::optional<Duration> timeout) {
  const std::uint32_t page = page_of(limit);
  auto done = loop()->run([&](ClientCore& core, Time now) {
    return core.read(now, wire::HistoryRequest{name, after, page, {}}, timeout);
  });
  if (!done) return tl::unexpected(std::move(done.error()));
  auto& answer = answer_in<wire::HistoryAnswer>(*done);
  return HistoryPage{all_shown(std::move(answer.events)), answer.more, done->applied};
}

Expected<SessionsPage> Client::sessions(SessionId after, std::size_t limit, std::optional<Duration> timeout) {
  const std::uint32_t page = page_of(limit);
  auto done = loop()->run([&](ClientCore& core, Time now) {
    return core.read(now, wire::SessionsRequest{after, page, {}}, timeout);
  });
  if (!done) return tl::unexpected(std::move(done.error()));
  auto& answer = answer_in<wire::SessionsAnswer>(*done);
  return SessionsPage{all_shown(std::move(answer.sessions)), answer.more, done->applied};
}

Expected<WatchPage> Client::watch(const std::string& prefix, const WatchCursor& cursor, Duration wait,
                                  std::optional<Duration> timeout) {
  auto done = loop()->run(
      [&](ClientCore& core, Time now) { return core.watch(now, prefix, cursor.from, cursor.after, wait, timeout); });
  if (!done) return tl::unexpected(std::move(done.error()));
  auto& answer = answer_in<wire::WatchAnswer>(*done);
  WatchPage page{answer.reset,
                 all_shown(std::move(answer.changes)),
                 all_shown(std::move(answer.locks)),
                 answer.more,
                 {answer.index, {}}};
  if (page.more) page.next.after = page.locks.empty() ? cursor.after : page.locks.back().name;
  return page;
}

Expected<NodeStatus> Client::status(std::optional<Duration> timeout) {
  auto done = loop()->run([&](ClientCore& core, Time now) { return core.status(now, timeout); });
  return done.map([](Completion& completion) { return shown(std::move(answer_in<wire::StatusAnswer>(completion))); });
}

// ---- The session

LeaseView Client::lease() const { return loop()->lease(); }

void Client::on_lease_event(std::function<void(const LeaseEvent&)> callback) {
  loop()->on_lease_event(std::move(callback));
}

Expected<std::vector<TakenOverLock>> Client::take_over(std::optional<Duration> timeout) {
  auto done = loop()->run([&](ClientCore& core, Time now) { return core.take_over(now, timeout); });
  return done.map([](Completion& completion) { return std::move(answer_in<TakenOver>(completion).locks); });
}

Expected<void> Client::keep_session(SessionKeeper keeper) { return loop()->keep_session(std::move(keeper)); }
ClientId Client::client_id() const { return loop()->client_id(); }
SessionId Client::session() const { return loop()->session(); }
LogIndex Client::highest_index() const { return loop()->highest_index(); }

}  // namespace lockstep
