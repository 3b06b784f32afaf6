// A node for tests of clients: the production state machine behind one ROUTER, without a cluster around
// it. Several fake nodes may share one state, as the nodes of a cluster do. A test decides what each does
// with a request: run it and answer, run it and stay silent, or refuse it. A status is always answered.
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

#include "nodes/transport/router.hpp"
#include "protocol/locks/state_machine.hpp"
#include "protocol/wire/codec.hpp"

namespace lockstep {

// What the fake nodes of one test have in common. The nodes' threads use it under its mutex.
struct FakeState {
  std::mutex mutex;
  locks::StateMachine machine;
  LogIndex applied{1};
  ClusterId cluster{0xc1};
  std::vector<wire::Request> requests;  // as they came in, before anything was done with them
  std::vector<wire::MemberStatus> members;

  std::size_t locks() {
    const std::lock_guard lock(mutex);
    return machine.lock_count();
  }
  std::size_t sessions() {
    const std::lock_guard lock(mutex);
    return machine.session_count();
  }
  std::size_t executes() {
    const std::lock_guard lock(mutex);
    std::size_t count = 0;
    for (const wire::Request& request : requests) count += std::holds_alternative<locks::Execute>(request.body);
    return count;
  }
};

class FakeNode {
 public:
  enum class Manner { kAnswer, kSilent, kNoLeader };
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
        if (const auto answer = handle(*request)) router_.send(received.connection, wire::encode(*answer));
      }
    }
  }

  std::optional<wire::Response> handle(const wire::Request& request) {
    const std::lock_guard lock(state_->mutex);
    state_->requests.push_back(request);
    if (witness_) witness_(request);
    const bool is_status = std::holds_alternative<wire::Status>(request.body);
    if (manner_ == Manner::kNoLeader && !is_status) {
      return wire::Response{request.call, state_->applied, wire::Error{ErrorCode::kNoLeader, "", SessionId()}};
    }
    auto body = std::visit([&](const auto& r) { return answer(r); }, request.body);
    if ((manner_ == Manner::kSilent && !is_status) || !body) return std::nullopt;
    return wire::Response{request.call, state_->applied, *std::move(body)};
  }

  using Body = std::optional<wire::ResponseBody>;
  Body answer(const wire::OpenSession& open) {
    return apply(locks::Open{open.client, open.secret, open.nonce, open.ttl_ms, open.replaces});
  }
  Body answer(const locks::Execute& execute) { return apply(execute); }
  Body answer(const wire::Check& check) { return wire::CheckAnswer{state_->machine.check(check.name), 3}; }
  Body answer(const wire::List& list) {
    auto locks = state_->machine.list(list.prefix, list.after, list.limit + 1);
    const bool more = locks.size() > list.limit;
    if (more) locks.pop_back();
    return wire::ListAnswer{std::move(locks), more, 3};
  }
  Body answer(const wire::Status&) {
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
    state_->applied = state_->applied.next();
    auto outcome = state_->machine.apply(state_->applied, WallTime(std::chrono::hours(500'000)), command);
    if (!outcome) return std::nullopt;
    return std::visit(
        [](const auto& result) -> wire::ResponseBody {
          if constexpr (std::is_same_v<std::decay_t<decltype(result)>, locks::Refused>) {
            return wire::Error{result.code, "", result.current_session};
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
  std::atomic<bool> stop_ = false;
  std::thread thread_;
};

}  // namespace lockstep
