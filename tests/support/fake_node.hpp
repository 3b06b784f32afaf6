// A node for tests of clients: the production state machine behind one ROUTER, without a cluster around
// it. Several fake nodes may share one state, as the nodes of a cluster do. A test decides what each does
// with a request: run it and answer, run it and stay silent, not even run it, or refuse it. A status is always
// answered. Waits and watches are held back as a node does. Leases run out only when a test says so.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "nodes/system/clock.hpp"
#include "nodes/transport/router.hpp"
#include "protocol/locks/state_machine.hpp"
#include "protocol/wire/codec.hpp"

namespace lockstep {

// What the fake nodes of one test have in common. The nodes' threads use it under its mutex.
struct FakeState {
  std::mutex mutex;
  locks::StateMachine machine{locks::StateLimits(), {.counted = 2}};  // a client must add up what comes in many answers
  LogIndex applied{1};
  ClusterId cluster{0xc1};
  std::vector<wire::Request> requests;  // as they came in, before anything was done with them
  std::vector<wire::MemberStatus> members;
  std::vector<locks::LockChange> changes;  // of all entries so far

  // With the mutex held.
  std::optional<locks::Outcome> apply(const locks::Command& command) {
    applied = applied.next();
    auto outcome = machine.apply(applied, WallTime(std::chrono::hours(500'000)), command);
    for (locks::LockChange& change : machine.take_changes()) changes.push_back(std::move(change));
    return outcome;
  }

  void expire(SessionId session) {
    const std::lock_guard lock(mutex);
    apply(locks::Expire{session});
  }
  std::optional<locks::LockView> check(const std::string& name) {
    const std::lock_guard lock(mutex);
    return machine.check(name);
  }
  std::size_t waiters(const std::string& name) {
    const auto view = check(name);
    return view ? view->waiters.size() : 0;
  }
  template <typename Body>
  std::size_t count() {
    const std::lock_guard lock(mutex);
    std::size_t count = 0;
    for (const wire::Request& request : requests) count += std::holds_alternative<Body>(request.body);
    return count;
  }
  std::size_t locks() {
    const std::lock_guard lock(mutex);
    return machine.lock_count();
  }
  std::size_t sessions() {
    const std::lock_guard lock(mutex);
    return machine.session_count();
  }
  std::size_t executes() { return count<locks::Execute>(); }
};

class FakeNode {
 public:
  enum class Manner { kAnswer, kSilent, kDeaf, kNoLeader };
  // Seen before a request is run, on the node's thread, with the state locked.
  using Witness = std::function<void(const wire::Request&)>;

  explicit FakeNode(std::shared_ptr<FakeState> state, Manner manner = Manner::kAnswer, Witness witness = {})
      : state_(std::move(state)),
        router_(std::move(*Router::for_clients(context_, "tcp://127.0.0.1:*"))),
        endpoint_(router_.endpoint()),
        manner_(manner),
        witness_(std::move(witness)),
        thread_([this] { serve(); }) {}
  ~FakeNode() {
    stop_ = true;
    thread_.join();
  }
  FakeNode(const FakeNode&) = delete;
  FakeNode& operator=(const FakeNode&) = delete;

  const std::string& endpoint() const { return endpoint_; }
  void set_manner(Manner manner) { manner_ = manner; }

 private:
  void serve() {
    while (!stop_) {
      PollItems items{router_.poll_item()};
      wait_for(items, std::chrono::milliseconds(5));
      for (const ReceivedRequest& received : router_.receive()) {
        auto request = wire::decode_request(received.body);
        if (!request) continue;
        if (const auto answer = handle(*request, received.connection)) {
          router_.send(received.connection, wire::encode(*answer));
        }
      }
      answer_polls();
    }
  }

  // Long polls that wait for their answers.
  struct Poll {
    ConnectionId connection;
    wire::Request request;
    Time ends{};
    std::optional<wire::ResponseBody> first;  // what it would have been answered at once
  };

  void answer_polls() {
    const std::lock_guard lock(state_->mutex);
    std::erase_if(polls_, [&](const Poll& poll) {
      const auto body = std::visit([&](const auto& r) { return answer(r); }, poll.request.body);
      if (body == poll.first && boot_time() < poll.ends) return false;
      if (manner_ == Manner::kAnswer && body) {
        router_.send(poll.connection, wire::encode(wire::Response{poll.request.call, state_->applied, *body}));
      }
      return true;
    });
  }

  static std::optional<std::uint32_t> held_back_for(const wire::Request& request,
                                                    const std::optional<wire::ResponseBody>& body) {
    const auto* wait = std::get_if<wire::Wait>(&request.body);
    if (wait && body && std::holds_alternative<locks::Queued>(*body)) return wait->up_to_ms;
    const auto* watch = std::get_if<wire::WatchRequest>(&request.body);
    const auto* page = body ? std::get_if<wire::WatchAnswer>(&*body) : nullptr;
    if (watch && page && !page->reset && page->changes.empty()) return watch->up_to_ms;
    return std::nullopt;
  }

  std::optional<wire::Response> handle(const wire::Request& request, ConnectionId connection) {
    const std::lock_guard lock(state_->mutex);
    state_->requests.push_back(request);
    if (witness_) witness_(request);
    const bool is_status = std::holds_alternative<wire::StatusRequest>(request.body);
    if (manner_ == Manner::kNoLeader && !is_status) {
      return wire::Response{request.call, state_->applied, wire::ErrorAnswer{ErrorCode::kNoLeader, "", SessionId()}};
    }
    if (manner_ == Manner::kDeaf && !is_status) return std::nullopt;
    auto body = std::visit([&](const auto& r) { return answer(r); }, request.body);
    if (const auto held_back = held_back_for(request, body); held_back && *held_back > 0) {
      polls_.push_back({connection, request, boot_time() + std::chrono::milliseconds(*held_back), body});
      return std::nullopt;
    }
    if ((manner_ == Manner::kSilent && !is_status) || !body) return std::nullopt;
    return wire::Response{request.call, state_->applied, *std::move(body)};
  }

  using Body = std::optional<wire::ResponseBody>;
  Body answer(const wire::OpenSession& open) {
    return apply(locks::Open{open.client, open.secret, open.nonce, open.ttl_ms, open.replaces, open.note});
  }
  Body answer(const locks::Execute& execute) { return apply(execute); }
  Body answer(const wire::CheckRequest& check) { return wire::CheckAnswer{state_->machine.check(check.name), 3}; }
  Body answer(const wire::ListRequest& list) {
    auto page = state_->machine.list(list.prefix, list.after, list.limit);
    return wire::ListAnswer{std::move(page.items), page.more, 3};
  }
  Body answer(const wire::CountRequest& count) {
    return wire::CountAnswer{state_->machine.count(count.prefix, count.after), 3};
  }
  Body answer(const wire::HistoryRequest& history) {
    auto page = state_->machine.history(history.name, history.after, history.limit);
    return wire::HistoryAnswer{std::move(page.items), page.more};
  }
  Body answer(const wire::SessionsRequest& sessions) {
    auto page = state_->machine.sessions(sessions.after, sessions.limit);
    return wire::SessionsAnswer{std::move(page.items), page.more};
  }
  Body answer(const wire::WatchRequest& watch) {
    wire::WatchAnswer page;
    page.index = state_->applied;
    if (!watch.from) {
      page.reset = true;
      page.locks = state_->machine.holds(watch.prefix, {}, wire::kMaxWatched).items;
      return page;
    }
    for (const locks::LockChange& change : state_->changes) {
      if (change.index > watch.from && change.name.starts_with(watch.prefix)) page.changes.push_back(change);
    }
    if (page.changes.empty()) page.index = watch.from;
    return page;
  }
  Body answer(const wire::KeepAlive& keep_alive) {
    const locks::Session* session = state_->machine.sessions().find(keep_alive.session);
    if (session == nullptr) return ended(keep_alive.session);
    return wire::KeptAlive{session->forced_at};
  }
  Body answer(const wire::Wait& wait) {
    if (state_->machine.sessions().find(wait.session) == nullptr) return ended(wait.session);
    const auto found = state_->machine.waiter_state(wait.session, wait.waiter);
    if (!found) return wire::ErrorAnswer{ErrorCode::kWaiterGone, "", SessionId()};
    return std::visit([](const auto& now) { return wire::ResponseBody(now); }, *found);
  }
  Body ended(SessionId session) {
    const auto end = state_->machine.sessions().end_of(session);
    ErrorCode code = ErrorCode::kSessionExpired;
    if (end == locks::EndReason::kSuperseded) code = ErrorCode::kSessionSuperseded;
    if (end == locks::EndReason::kClosed) code = ErrorCode::kSessionClosed;
    if (end == locks::EndReason::kForced) code = ErrorCode::kSessionForced;
    return wire::ErrorAnswer{code, "", SessionId()};
  }
  Body answer(const wire::StatusRequest&) {
    wire::StatusAnswer status;
    status.name = "fake";
    status.node = NodeId(1);
    status.cluster = state_->cluster;
    status.role = wire::Role::kLeader;
    status.term = Term(3);
    status.leader = "fake";
    status.last_index = status.commit_index = status.durable_index = status.applied_index = state_->applied;
    status.age_ms = 3;
    status.pid = 4242;
    status.version = "0";
    status.members = state_->members;
    return status;
  }

  Body apply(const locks::Command& command) {
    auto outcome = state_->apply(command);
    if (!outcome) return std::nullopt;
    return std::visit(
        [](const auto& result) -> wire::ResponseBody {
          if constexpr (std::is_same_v<std::decay_t<decltype(result)>, locks::Refused>) {
            return wire::ErrorAnswer{result.code, result.detail, result.current_session};
          } else {
            return result;
          }
        },
        outcome->result);
  }

  std::shared_ptr<FakeState> state_;
  Context context_;
  Router router_;
  const std::string endpoint_;
  std::atomic<Manner> manner_;
  const Witness witness_;
  std::vector<Poll> polls_;  // the thread's own
  std::atomic<bool> stop_ = false;
  std::thread thread_;
};

}  // namespace lockstep
