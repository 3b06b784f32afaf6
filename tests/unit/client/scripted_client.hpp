// A client core with a hand for a server: a test reads what was sent, and answers or does not.
#pragma once

#include <doctest/doctest.h>

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "protocol/client_core/client_core.hpp"

namespace lockstep {

using namespace std::chrono_literals;

inline ClientOptions options_with(std::size_t endpoints) {
  ClientOptions options;
  options.client = *parse_client_id("6ba7b810-9dad-11d1-80b4-00c04fd430c8");
  options.nonce = 77;
  options.seed = 1;
  options.endpoints = endpoints;
  return options;
}

// A keep-alive every 3 s, certain for 8.82 s.
inline ClientOptions options_with_lease(std::size_t endpoints, Duration ttl = 9s) {
  ClientOptions options = options_with(endpoints);
  options.ttl = ttl;
  options.note = "a test";
  return options;
}

class ScriptedClient {
 public:
  explicit ScriptedClient(const ClientOptions& options) : core(options) {}

  CallId preempt(const std::string& name) { return after(core.preempt(now, name)); }
  CallId release(const std::string& name) { return after(core.release(now, name)); }
  CallId check(const std::string& name) {
    return after(core.read(now, wire::CheckRequest{name, wire::ReadMode::kLocal, {}}));
  }
  CallId status() { return after(core.status(now)); }

  CallId acquire(std::vector<std::string> names, std::optional<Duration> wait = {}) {
    AcquireTerms terms;
    terms.wait = wait;
    return after(core.acquire(now, std::move(names), terms));
  }
  CallId close() { return after(core.close(now)); }
  CallId take_over() { return after(core.take_over(now)); }
  void cancel(CallId call) {
    core.cancel(now, call);
    collect();
  }
  void tick() { step(ClientTick{}); }

  // Lets time pass, waking the core whenever it asked to be woken.
  void pass(Duration duration) {
    const Time end = now + duration;
    for (int wakes = 0; core.next_deadline() <= end; ++wakes) {
      REQUIRE_MESSAGE(wakes < 10'000, "the core asks to be woken for nothing");
      now = std::max(now, core.next_deadline());
      step(ClientTick{});
    }
    now = end;
    step(ClientTick{});
  }

  void answer(const ClientSend& send, wire::ResponseBody body, std::uint64_t applied = 1) {
    step(ServerMessage{send.endpoint, wire::Response{send.request.call, LogIndex(applied), std::move(body)}});
  }
  void refuse(const ClientSend& send, ErrorCode code) {
    answer(send, wire::ErrorAnswer{code, "as scripted", SessionId()}, 0);
  }
  void not_connected(std::size_t endpoint) { step(NotConnected{endpoint}); }

  // The session that most tests do not care about. Nothing else may have been sent before.
  void open(SessionId session = SessionId(10)) {
    REQUIRE(sent.size() == 1);
    REQUIRE(std::holds_alternative<wire::OpenSession>(sent.front().request.body));
    answer(sent.front(), locks::SessionOpened{session}, session.value());
    sent.erase(sent.begin());
  }
  // A session that is open, with nothing sent since.
  void open_by_preempting(const std::string& name) {
    preempt(name);
    open();
    answer(last(), locks::Granted{FencingToken(11)}, 11);
    sent.clear();
    done.clear();
  }

  // Those of one kind that were sent, oldest first.
  template <typename Body>
  std::vector<ClientSend> sent_of() const {
    std::vector<ClientSend> found;
    for (const ClientSend& send : sent) {
      if (std::holds_alternative<Body>(send.request.body)) found.push_back(send);
    }
    return found;
  }
  template <typename Body>
  const Body& body_of(const ClientSend& send) const {
    REQUIRE(std::holds_alternative<Body>(send.request.body));
    return std::get<Body>(send.request.body);
  }
  // The newest operation of this kind; there must be one.
  template <typename RunOnce>
  ClientSend last_of() const {
    std::optional<ClientSend> found;
    for (const ClientSend& send : sent_of<locks::Execute>()) {
      if (std::holds_alternative<RunOnce>(execute(send).operation)) found = send;
    }
    REQUIRE(found);
    return *found;
  }
  template <typename Event>
  std::vector<Event> events_of() const {
    std::vector<Event> found;
    for (const LeaseEvent& event : events) {
      if (const auto* one = std::get_if<Event>(&event)) found.push_back(*one);
    }
    return found;
  }

  const ClientSend& last() const {
    REQUIRE_FALSE(sent.empty());
    return sent.back();
  }
  const locks::Execute& last_execute() const { return execute(last()); }
  static const locks::Execute& execute(const ClientSend& send) {
    REQUIRE(std::holds_alternative<locks::Execute>(send.request.body));
    return std::get<locks::Execute>(send.request.body);
  }
  template <typename Outcome>
  const Outcome& outcome(CallId call) const {
    REQUIRE(done.contains(call));
    REQUIRE(std::holds_alternative<Outcome>(done.at(call).outcome));
    return std::get<Outcome>(done.at(call).outcome);
  }
  bool is_done(CallId call) const { return done.contains(call); }

  ClientCore core;
  Time now = Time(1h);
  std::vector<ClientSend> sent;
  std::map<CallId, Completion> done;
  std::vector<LeaseEvent> events;
  std::vector<ProgressReport> progress;
  std::vector<SavedSession> saves;
  std::vector<std::pair<std::size_t, SavedSession>> saves_before_send;  // with how many sends had left before

 private:
  CallId after(CallId call) {
    collect();
    return call;
  }
  void step(const ClientEvent& event) {
    core.step(now, event);
    collect();
  }
  void collect() {
    core.check_invariants();
    ClientOutput output = core.take_output();
    if (output.save) {
      saves_before_send.emplace_back(sent.size(), *output.save);
      saves.push_back(*std::move(output.save));
    }
    for (ClientSend& send : output.sends) sent.push_back(std::move(send));
    for (LeaseEvent& event : output.lease_events) events.push_back(std::move(event));
    for (ProgressReport& report : output.progress) progress.push_back(std::move(report));
    for (Completion& completion : output.completions) {
      const CallId call = completion.call;
      const bool first = done.emplace(call, std::move(completion)).second;
      REQUIRE_MESSAGE(first, "a call ends once");
    }
  }
};

// Answers the newest Sessions: these live, the first of them with so many locks.
inline void answer_sessions(ScriptedClient& client, const std::vector<SessionId>& living, std::uint64_t locks = 0) {
  const auto asked = client.sent_of<wire::SessionsRequest>();
  REQUIRE_FALSE(asked.empty());
  wire::SessionsAnswer page;
  for (const SessionId session : living) {
    page.sessions.push_back({});
    page.sessions.back().session = session;
    page.sessions.back().locks = locks;
  }
  client.answer(asked.back(), page, 1000);
}

}  // namespace lockstep
