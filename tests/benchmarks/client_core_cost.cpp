// What one event costs a client core that has 10, 1,000 or 10,000 acquisitions in line and as many names held.
//
// Nothing but the core runs: no socket, no thread, no encoding. The cost of an event must grow with what the event
// concerns, so the columns of the table are nearly the same, but for what concerns everything that is outstanding.
//
// usage: client_core_cost [LARGEST]
//   LARGEST   the largest number outstanding; 10,000 unless given
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "protocol/base/invariant.hpp"
#include "protocol/client_core/client_core.hpp"

using namespace lockstep;
using namespace std::chrono_literals;

namespace {

constexpr Duration kLeastMeasured = 100ms;  // an event is repeated for at least so long, or
constexpr int kMostRepeats = 20'000;        // so often

double seconds_of(const std::function<void()>& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

ClientOptions options() {
  ClientOptions options;
  options.client.bytes[0] = 1;
  options.nonce = 1;
  options.endpoints = 3;
  options.ttl = 24h;
  options.attempt_timeout = options.call_timeout = 1h;
  return options;
}

// A core with so many acquisitions in line and so many names held, and a cluster that answers at once.
class Loaded {
 public:
  explicit Loaded(std::size_t outstanding) : core_(options()) {
    for (std::size_t i = 0; i < outstanding; ++i) {
      core_.acquire(now_, {"held/" + std::to_string(i)}, {});
      answer_sends();
    }
    line_ = true;
    for (std::size_t i = 0; i < outstanding; ++i) {
      core_.acquire(now_, {"wanted/" + std::to_string(i)}, {});
      answer_sends();
    }
    INVARIANT(core_.held().size() == outstanding && waits_.size() == outstanding, "what was asked for is there");
    line_ = false;
  }

  void tick() { core_.step(now_, ClientTick{}); }
  Time deadline() const { return core_.next_deadline(); }
  void read() {
    core_.status(now_);
    answer_sends();
  }
  void take_and_release() {
    core_.preempt(now_, "another");
    answer_sends();
    core_.release(now_, "another");
    answer_sends();
  }
  // One of those in line is told that its place changed, and asks again.
  void move_in_line() {
    const ClientSend asked = waits_[next_wait_];
    const std::size_t place = std::exchange(next_wait_, (next_wait_ + 1) % waits_.size());
    core_.step(now_, answer_to(asked, locks::Queued{WaiterId(place + 1), ++position_, {}}));
    for (ClientSend& send : core_.take_output().sends) waits_[place] = std::move(send);
  }
  // The next one in line is granted its lock, which is released, and another takes its place in line.
  void grant_and_wait_again() {
    const std::size_t place = std::exchange(next_wait_, (next_wait_ + 1) % waits_.size());
    core_.step(now_, answer_to(waits_[place], locks::Granted{FencingToken(++applied_)}));
    core_.take_output();
    core_.release(now_, "wanted/" + std::to_string(place));
    answer_sends();
    core_.acquire(now_, {"wanted/" + std::to_string(place)}, {});
    line_ = true;
    answer_sends();
    line_ = false;
    waits_[place] = std::move(waits_.back());
    waits_.pop_back();
  }
  void lose_connection() {
    core_.step(now_, NotConnected{2});  // of which nobody waits for an answer
    core_.take_output();
  }

 private:
  ServerMessage answer_to(const ClientSend& send, wire::ResponseBody body) {
    return {send.endpoint, {send.request.call, LogIndex(++applied_), std::move(body)}};
  }
  void answer_sends() {
    for (auto sends = core_.take_output().sends; !sends.empty(); sends = core_.take_output().sends) {
      for (const ClientSend& send : sends) answer(send);
    }
  }
  void answer(const ClientSend& send) {
    if (std::holds_alternative<wire::Wait>(send.request.body)) {
      waits_.push_back(send);
      return;
    }
    core_.step(now_, answer_to(send, body_for(send.request.body)));
  }
  wire::ResponseBody body_for(const wire::RequestBody& request) {
    if (std::holds_alternative<wire::OpenSession>(request)) return locks::SessionOpened{SessionId(applied_ + 1)};
    if (std::holds_alternative<wire::StatusRequest>(request)) return wire::StatusAnswer{};
    const auto& operation = std::get<locks::Execute>(request).operation;
    if (std::holds_alternative<locks::Release>(operation)) return locks::Released{};
    if (line_) return locks::Queued{WaiterId(waits_.size() + 1), 1, {}};
    return locks::Granted{FencingToken(applied_ + 1)};
  }

  ClientCore core_;
  Time now_ = Time(1h);
  std::uint64_t applied_ = 1;
  std::uint64_t position_ = 1;
  bool line_ = false;  // an acquire is answered with a place in line, else granted
  std::vector<ClientSend> waits_;
  std::size_t next_wait_ = 0;
};

// So many calls at once, of which 64 at most are under way, on locks of their own or on one.
double nanoseconds_of_burst(std::size_t calls, bool one_lock) {
  ClientCore core(options());
  const Time now = Time(1h);
  std::uint64_t applied = 1;
  const auto answer_all = [&](std::vector<ClientSend> sends) {
    for (const ClientSend& send : sends) {
      const bool opens = std::holds_alternative<wire::OpenSession>(send.request.body);
      ++applied;
      wire::ResponseBody body = locks::Granted{FencingToken(applied)};
      if (opens) body = locks::SessionOpened{SessionId(applied)};
      core.step(now, ServerMessage{send.endpoint, {send.request.call, LogIndex(applied), std::move(body)}});
    }
  };
  const double seconds = seconds_of([&] {
    for (std::size_t i = 0; i < calls; ++i) core.preempt(now, one_lock ? "one" : "lock/" + std::to_string(i));
    while (core.has_waiting_calls()) answer_all(core.take_output().sends);
  });
  return seconds / static_cast<double>(calls) * 1e9;
}

struct Kind {
  const char* name;
  std::function<void(Loaded&)> happen;
};

double nanoseconds_of(Loaded& loaded, const Kind& kind) {
  int repeats = 0;
  const double seconds = seconds_of([&] {
    const auto end = std::chrono::steady_clock::now() + kLeastMeasured;
    while (repeats < kMostRepeats && std::chrono::steady_clock::now() < end) {
      kind.happen(loaded);
      ++repeats;
    }
  });
  return seconds / repeats * 1e9;
}

}  // namespace

int main(int argc, char** argv) {
  const std::size_t largest = argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 10'000;
  const std::vector<Kind> kinds = {
      {"a tick at which nothing is due", [](Loaded& l) { l.tick(); }},
      {"the next deadline", [](Loaded& l) { static_cast<void>(l.deadline()); }},
      {"a connection lost that nobody uses", [](Loaded& l) { l.lose_connection(); }},
      {"a read and its answer", [](Loaded& l) { l.read(); }},
      {"preempt and release another name", [](Loaded& l) { l.take_and_release(); }},
      {"a place in line changes", [](Loaded& l) { l.move_in_line(); }},
      {"granted, released, in line again", [](Loaded& l) { l.grant_and_wait_again(); }},
  };
  std::vector<std::vector<double>> columns;
  std::vector<std::size_t> sizes;
  for (const std::size_t size : {std::size_t{10}, std::size_t{1'000}, std::size_t{10'000}}) {
    if (size > largest) break;
    sizes.push_back(size);
    std::vector<double> column;
    std::optional<Loaded> loaded;
    column.push_back(seconds_of([&] { loaded.emplace(size); }) / static_cast<double>(2 * size) * 1e9);
    for (const Kind& kind : kinds) column.push_back(nanoseconds_of(*loaded, kind));
    column.push_back(nanoseconds_of_burst(size, false));
    column.push_back(nanoseconds_of_burst(size, true));
    columns.push_back(std::move(column));
  }
  std::printf("%-40s", "ns each; waits in line, and names held:");
  for (const std::size_t size : sizes) std::printf("%12zu", size);
  std::printf("\n");
  std::vector<std::string> rows = {"to acquire one of them"};
  for (const Kind& kind : kinds) rows.emplace_back(kind.name);
  rows.insert(rows.end(), {"one call of so many at once", "one call of so many on one lock"});
  for (std::size_t row = 0; row < rows.size(); ++row) {
    std::printf("%-40s", rows[row].c_str());
    for (const auto& column : columns) std::printf("%12.0f", column[row]);
    std::printf("\n");
  }
  return 0;
}
