#include "nodes/client/client.hpp"

#include <mutex>
#include <utility>

#include "nodes/client/connections.hpp"
#include "nodes/client/make_client_id.hpp"
#include "nodes/system/clock.hpp"
#include "nodes/system/entropy.hpp"
#include "protocol/base/invariant.hpp"
#include "protocol/wire/codec.hpp"

namespace lockstep {
namespace {

Error error_of(const ClientError& error) {
  const ErrorInfo& info = error_info(error.code);
  return Error{error.code, std::string(info.name), error.definite,
               error.detail.empty() ? std::string(info.meaning) : error.detail, error.current_session};
}

Error local_error(std::string name, std::string detail) {
  return Error{std::nullopt, std::move(name), true, std::move(detail), SessionId()};
}

std::optional<std::chrono::milliseconds> in_ms(const std::optional<std::uint64_t>& age_ms) {
  if (!age_ms) return std::nullopt;
  return std::chrono::milliseconds(*age_ms);
}

ClientOptions options_of(const ClientConfig& config) {
  ClientOptions options;
  options.client = config.client_id ? *config.client_id : make_client_id();
  fill_with_entropy(options.secret);
  options.nonce = random_identifier();
  options.seed = random_identifier();
  options.endpoints = config.endpoints.size();
  options.attempt_timeout = config.attempt_timeout;
  options.call_timeout = config.timeout;
  options.keeps_session = config.keeps_session;
  options.claims_unfinished = config.keeps_session;
  return options;
}

template <typename Answer>
const Answer* answer_in(const Completion& completion) {
  return std::get_if<Answer>(&completion.outcome);
}

}  // namespace

struct Client::Body {
  Body(const ClientOptions& options, Connections opened)
      : client_id(options.client), core(options), connections(std::move(opened)) {}

  // Starts a call and works until it ends.
  template <typename Start>
  Expected<Completion> run(Start start) {
    const std::lock_guard lock(mutex);
    if (broken) return tl::unexpected(*broken);
    sent_in_this_call = false;
    const CallId call = start(core, boot_time());
    std::optional<Completion> completion;
    while (!completion) {
      if (auto problem = act(call, completion)) return tl::unexpected(*std::move(problem));
      if (!completion) wait_and_read();
    }
    if (const auto* error = answer_in<ClientError>(*completion)) return tl::unexpected(error_of(*error));
    return *std::move(completion);
  }

  // Does what the core asks for, in the order that it demands: what must be kept before what is sent.
  std::optional<Error> act(CallId call, std::optional<Completion>& completion) {
    ClientOutput output = core.take_output();
    if (output.save && save) {
      if (const auto saved = save(*output.save); !saved) broken = local_error("not_saved", saved.error());
    }
    if (broken && !output.sends.empty()) {
      Error error = *broken;
      error.definite = !sent_in_this_call;
      return error;
    }
    sent_in_this_call = sent_in_this_call || !output.sends.empty();
    for (ClientSend& send : output.sends) connections.send(send.endpoint, wire::encode(send.request));
    for (Completion& ended : output.completions) {
      if (ended.call == call) completion = std::move(ended);
    }
    return std::nullopt;
  }

  void wait_and_read() {
    for (const std::size_t endpoint : connections.flush(boot_time())) core.step(boot_time(), NotConnected{endpoint});
    const Time next = std::min(core.next_deadline(), connections.next_deadline());
    connections.wait(next == Time::max() ? Duration::max() : next - boot_time());
    while (auto frame = connections.receive()) {
      // An answer that cannot be read is no answer: the attempt's time runs out and another node is asked.
      auto response = wire::decode_response(frame->second);
      if (response) core.step(boot_time(), ServerMessage{frame->first, *std::move(response)});
    }
    core.step(boot_time(), ClientTick{});
  }

  const ClientId client_id;
  std::mutex mutex;
  ClientCore core;
  Connections connections;
  std::function<tl::expected<void, std::string>(const SavedSession&)> save;
  std::optional<Error> broken;     // a session could not be kept: nothing may be sent any more
  bool sent_in_this_call = false;  // so that a copy of what was asked may be on its way
};

Client::Client(std::unique_ptr<Body> body) : body_(std::move(body)) {}
Client::Client(Client&&) noexcept = default;
Client& Client::operator=(Client&&) noexcept = default;
Client::~Client() = default;

Expected<Client> Client::create(const ClientConfig& config) {
  if (config.endpoints.empty()) return tl::unexpected(local_error("invalid_endpoint", "there is no endpoint to ask"));
  auto context = config.context ? config.context : std::make_shared<Context>();
  auto connections = Connections::open(std::move(context), config.endpoints);
  if (!connections) return tl::unexpected(local_error("invalid_endpoint", to_string(connections.error())));
  return Client(std::make_unique<Body>(options_of(config), *std::move(connections)));
}

Expected<PreemptAnswer> Client::preempt(const std::string& name, std::optional<Duration> timeout) {
  auto done = body_->run([&](ClientCore& core, Time now) { return core.preempt(now, name, timeout); });
  if (!done) return tl::unexpected(std::move(done.error()));
  if (const auto* granted = answer_in<locks::Granted>(*done)) {
    return PreemptAnswer{true, body_->client_id, granted->token, {}, done->applied};
  }
  const auto* held = answer_in<locks::Held>(*done);
  INVARIANT(held, "a preempt is answered granted, held or an error");
  return PreemptAnswer{false, held->owner, held->token, held->since, done->applied};
}

Expected<ReleaseAnswer> Client::release(const std::string& name, std::optional<Duration> timeout) {
  auto done = body_->run([&](ClientCore& core, Time now) { return core.release(now, name, timeout); });
  if (!done) return tl::unexpected(std::move(done.error()));
  if (answer_in<locks::Released>(*done)) return ReleaseAnswer{true, {}, done->applied};
  const auto* not_holder = answer_in<locks::NotHolder>(*done);
  INVARIANT(not_holder, "a release is answered released, not_holder or an error");
  return ReleaseAnswer{false, not_holder->owner, done->applied};
}

Expected<CheckAnswer> Client::check(const std::string& name, wire::ReadMode mode, std::optional<Duration> timeout) {
  auto done = body_->run([&](ClientCore& core, Time now) { return core.check(now, name, mode, timeout); });
  if (!done) return tl::unexpected(std::move(done.error()));
  auto* answer = std::get_if<wire::CheckAnswer>(&done->outcome);
  INVARIANT(answer, "a check is answered as one or with an error");
  return CheckAnswer{std::move(answer->lock), in_ms(answer->age_ms), done->applied};
}

Expected<ListAnswer> Client::list(const std::string& prefix, const std::string& after, std::size_t limit,
                                  wire::ReadMode mode, std::optional<Duration> timeout) {
  const auto page = static_cast<std::uint32_t>(std::min(limit, wire::kMaxListPage));
  auto done =
      body_->run([&](ClientCore& core, Time now) { return core.list(now, prefix, after, page, mode, timeout); });
  if (!done) return tl::unexpected(std::move(done.error()));
  auto* answer = std::get_if<wire::ListAnswer>(&done->outcome);
  INVARIANT(answer, "a list is answered as one or with an error");
  return ListAnswer{std::move(answer->locks), answer->more, in_ms(answer->age_ms), done->applied};
}

Expected<wire::StatusAnswer> Client::status(std::optional<Duration> timeout) {
  auto done = body_->run([&](ClientCore& core, Time now) { return core.status(now, timeout); });
  if (!done) return tl::unexpected(std::move(done.error()));
  auto* answer = std::get_if<wire::StatusAnswer>(&done->outcome);
  INVARIANT(answer, "a status is answered as one or with an error");
  return std::move(*answer);
}

Expected<void> Client::keep_session(SessionKeeper keeper) {
  const std::lock_guard lock(body_->mutex);
  if (body_->core.session_was_used()) {
    return tl::unexpected(local_error("not_saved", "the session is chosen before the first operation"));
  }
  body_->core.restore_session(keeper.secret, keeper.saved);
  body_->save = std::move(keeper.save);
  return {};
}

ClientId Client::client_id() const { return body_->client_id; }

LogIndex Client::highest_index() const {
  const std::lock_guard lock(body_->mutex);
  return body_->core.session().highest_index();
}

}  // namespace lockstep
