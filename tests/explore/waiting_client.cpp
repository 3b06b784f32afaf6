#include "tests/explore/waiting_client.hpp"

#include <algorithm>
#include <utility>

#include "tests/explore/client_inside.hpp"
#include "tests/explore/violation.hpp"
#include "tests/explore/waiting_node.hpp"

namespace lockstep::explore {
namespace {

constexpr Duration kAttempt = std::chrono::seconds(1);
constexpr Duration kPatience = kAttempt * 3 / 2;  // so a call has two attempts
constexpr Duration kLongSleep = std::chrono::hours(1);

ClientOptions options_of_client(std::uint8_t number, Duration ttl) {
  ClientOptions options;
  options.client.bytes[0] = static_cast<std::uint8_t>(number + 1);
  options.nonce = 1;
  options.ttl = ttl;
  options.attempt_timeout = kAttempt;
  options.call_timeout = kPatience;
  options.backoff_min = options.backoff_max = Duration::zero();
  options.keeps_session = true;
  return options;
}

}  // namespace

WaitingClient::WaitingClient(std::uint8_t number, Duration ttl, std::uint64_t renewals)
    : options_(options_of_client(number, ttl)), renewals_(renewals), core_(options_) {}

// --- events ---

void WaitingClient::ask(Asked what) {
  const auto asked = [&] {
    switch (what) {
      case Asked::kAcquire: return core_.acquire(clock_, {kFirstName}, {});
      case Asked::kAcquireBoth: return core_.acquire(clock_, {kFirstName, kSecondName}, {});
      case Asked::kPreempt: return core_.preempt(clock_, kFirstName);
      case Asked::kRelease: return core_.release(clock_, kFirstName);
      case Asked::kForceRelease: return core_.force_release(clock_, kFirstName, "");
      case Asked::kTakeOver: return core_.take_over(clock_);
      case Asked::kCancel: break;
    }
    return CallId();
  };
  if (what == Asked::kCancel) {
    core_.cancel(clock_, core_.waiting_acquisitions().front());
  } else {
    calls_.emplace(asked(), what);
  }
  take_output();
}

void WaitingClient::receive(const wire::Response& response) {
  if (const auto* page = std::get_if<wire::WatchAnswer>(&response.body)) told_at_ = page->index;
  if (const auto* sessions = std::get_if<wire::SessionsAnswer>(&response.body); sessions) told_at_ = response.applied;
  if (const auto* kept = std::get_if<wire::KeptAlive>(&response.body))
    forced_at_ = std::max(forced_at_, kept->forced_at);
  core_.step(clock_, ServerMessage{0, response});
  take_output();
}

void WaitingClient::lose_patience() {
  clock_ = std::max(clock_, core_.next_deadline());
  core_.step(clock_, ClientTick{});
  take_output();
}

void WaitingClient::sleep() {
  clock_ += kLongSleep;
  core_.step(clock_, ClientTick{});
  take_output();
}

// Nothing that left is older than what was written down.
void WaitingClient::start_again() {
  ++process_;
  ++options_.nonce;
  options_.saved = saved_;
  knows_after_ = saved_.highest_index;
  was_told_ = false;
  told_at_ = forced_at_ = LogIndex();
  core_ = ClientCore(options_);
  calls_.clear();
  renewed_.clear();
  if (has_lease()) ask(Asked::kTakeOver);
  take_output();
}

void WaitingClient::take_output() {
  core_.check_invariants();
  ClientOutput output = core_.take_output();
  if (output.save) saved_ = *std::move(output.save);
  for (ClientSend& send : output.sends) {
    if (std::holds_alternative<wire::KeepAlive>(send.request.body)) {
      renewed_.emplace(send.request.call, clock_);
      if (renewals_ == 0) continue;
      --renewals_;
    }
    sends_.push_back(std::move(send.request));
  }
  for (Completion& completion : output.completions) {
    const auto call = calls_.extract(completion.call);
    require(!call.empty(), "a call ended that was not waited for");
    if (std::holds_alternative<TakenOver>(completion.outcome)) was_told_ = true;
    ended_.push_back({call.mapped(), std::move(completion.outcome)});
  }
  std::erase_if(renewed_, [&](const auto& renewal) { return !ClientInside::keeps_renewal(core_, renewal.first); });
  require(core_.has_waiting_calls() == !calls_.empty(), "a call that waits is known on both sides");
}

std::vector<wire::Request> WaitingClient::take_sends() { return std::exchange(sends_, {}); }

std::vector<Ended> WaitingClient::take_ended() { return std::exchange(ended_, {}); }

// --- what others ask ---

bool WaitingClient::may_ask(Asked what) const {
  if (what == Asked::kCancel) return !core_.waiting_acquisitions().empty();
  return what != Asked::kTakeOver;
}

bool WaitingClient::has_patience_to_lose() const { return core_.next_deadline() != Time::max(); }

bool WaitingClient::relies_on(SessionId session) const {
  if (!has_lease()) return true;
  if (core_.session().id() == session) return core_.lease().safe_until > clock_;
  const auto open_sent = ClientInside::open_sent(core_);
  return open_sent && *open_sent + options_.ttl > clock_;
}

bool WaitingClient::is_at_rest() const { return calls_.empty() && core_.what_is_left().empty(); }

bool WaitingClient::waits_to_open() const {
  const bool may_wait = !core_.session().is_open() && calls_.empty();
  return may_wait && core_.what_is_left() == std::vector<std::string_view>{"requests"};
}

Fingerprint WaitingClient::fingerprint() const {
  Fingerprinter out;
  ClientInside::project(core_, clock_, out);
  out.add(renewals_).add(process_).add(knows_after_.value()).add(was_told_).add(told_at_.value());
  out.add(forced_at_.value()).add(calls_.size());
  for (const auto& [call, asked] : calls_) out.add(call.value()).add(static_cast<std::uint64_t>(asked));
  out.add(renewed_.size());
  for (const auto& [call, at] : renewed_) {
    out.add(call.value()).add(static_cast<std::uint64_t>((clock_ - at).count()));
  }
  out.add(saved_.session.value()).add(saved_.next_number.value()).add(saved_.highest_index.value());
  out.add(saved_.open_nonce).add(saved_.replaces.value()).add(saved_.unfinished.size());
  for (const UnfinishedRequest& unfinished : saved_.unfinished) out.add(unfinished.number.value());
  for (const char* name : {kFirstName, kSecondName}) out.add(ClientInside::was_lost(core_, name));
  return out.finish();
}

}  // namespace lockstep::explore
