#include "tests/torture/client_process.hpp"

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdio>
#include <thread>

#include "lockstep/client.hpp"
#include "nodes/system/clock.hpp"
#include "nodes/transport/context.hpp"
#include "protocol/base/overloaded.hpp"
#include "tests/torture/recorder.hpp"
#include "tests/torture/replay.hpp"
#include "tests/torture/workload.hpp"

namespace lockstep::torture {
namespace {

using namespace std::chrono_literals;

std::atomic<bool> stopping = false;

Nanoseconds now() { return boot_time().time_since_epoch().count(); }

// What the checker compares: the state machine's own view, without notes and wall times.
locks::LockView as_replayed(const LockInfo& lock) {
  locks::LockView view{lock.name, lock.mode, lock.permits, {}, lock.holder_count, {}, lock.waiter_count};
  for (const HolderInfo& it : lock.holders) view.holders.push_back({it.owner, it.session, it.token, {}, {}});
  for (const WaiterInfo& it : lock.waiters) {
    view.waiters.push_back({it.client, it.session, it.waiter, it.mode, {}, {}});
  }
  return view;
}

// Some leases are short, some long; one client in eight never loses its session.
std::uint32_t ttl_ms_of(int client) {
  return client % 8 == 7 ? 0 : static_cast<std::uint32_t>(1500 + client % 5 * 700);
}

class RecordingClient {
 public:
  RecordingClient(const ClientProcessOptions& options, int number, const std::shared_ptr<Context>& context,
                  const Recorder& recorder)
      : recorder_(recorder),
        number_(number),
        node_(options.nodes[first_node(options, number)]),
        client_(made(options, number, context)),
        workload_(options.seed * 1'000'003 + static_cast<std::uint64_t>(number), number, ttl_ms_of(number) == 0) {
    recorder_.write(to_line(ClientInfo{number, to_string(client_.client_id()), ttl_ms_of(number)}));
    client_.on_lease_event([this](const LeaseEvent& event) { note(event); });
  }

  void run() {
    while (!stopping) {
      if (client_.lease().lost) workload_.lost_all();
      do_call(workload_.next());
      std::this_thread::sleep_for(workload_.pause());
    }
    Call close;
    close.verb = Verb::kClose;
    do_call(close);
    client_.on_lease_event({});
  }

 private:
  static std::size_t first_node(const ClientProcessOptions& options, int number) {
    return static_cast<std::size_t>(number) % options.nodes.size();
  }

  static Client made(const ClientProcessOptions& options, int number, const std::shared_ptr<Context>& context) {
    ClientConfig config;
    config.endpoints = options.endpoints;
    const auto first = config.endpoints.begin() + static_cast<std::ptrdiff_t>(first_node(options, number));
    std::rotate(config.endpoints.begin(), first, config.endpoints.end());
    config.ttl = std::chrono::milliseconds(ttl_ms_of(number));
    config.note = "torture " + std::to_string(number);
    config.timeout = number % 3 == 0 ? 600ms : 2s;  // who has less patience has more doubts
    config.attempt_timeout = 500ms;
    config.context = context;
    auto client = Client::create(config);
    if (!client) throw std::runtime_error(client.error().detail);
    return std::move(*client);
  }

  void note(const LeaseEvent& event) {
    LeaseNote note{number_, now(), {}, {}};
    std::visit(Overloaded{[&](const LeaseRenewed& it) { note.safe_until = it.safe_until.time_since_epoch().count(); },
                          [&](const LeaseLost& it) { note.lost = to_string(it.reason); },
                          [&](const LocksForced&) { note.lost = "forced"; }},
               event);
    recorder_.write(to_line(note));
  }

  void do_call(Call call) {
    call.client = number_;
    call.number = ++last_number_;
    call.node = node_;
    call.called = now();
    recorder_.write(to_line(call));
    Answer answer = ask(call);
    answer.session = client_.session().value();
    if (ttl_ms_of(number_) != 0) {  // 0: the lease is over already
      const auto safe_until = client_.lease().safe_until;
      answer.safe_until = safe_until ? safe_until->time_since_epoch().count() : 0;
    }
    answer.returned = now();
    call.answer = std::move(answer);
    recorder_.write(to_line(call));
    workload_.answered(call);
  }

  Answer ask(const Call& call) {
    const auto mode = call.linearizable ? ReadMode::kLinearizable : ReadMode::kLocal;
    switch (call.verb) {
      case Verb::kPreempt: return answer_of(client_.preempt(call.names.front()));
      case Verb::kAcquire: {
        AcquireOptions options;
        options.mode = call.mode;
        options.permits = call.permits;
        options.wait = std::chrono::milliseconds(call.wait_ms);
        return answer_of(client_.acquire(call.names, options));
      }
      case Verb::kRelease: return answer_of(client_.release(call.names.front()));
      case Verb::kClose: return answer_of(client_.close());
      case Verb::kCheck: return answer_of(client_.check(call.names.front(), mode));
      case Verb::kVerify: return answer_of(client_.verify(call.names.front(), FencingToken(call.asked_token), mode));
      case Verb::kList: return answer_of(client_.list(call.names.front(), {}, kMaxPage, mode));
    }
    return {};
  }

  template <typename T>
  static Answer answer_of(const Expected<T>& done) {
    Answer answer;
    if (!done) {
      answer.error = done.error().name();
      answer.definite = done.error().definite;
      return answer;
    }
    answer.index = done->applied_index.value();
    fill(answer, *done);
    return answer;
  }

  static void fill(Answer& answer, const PreemptAnswer& it) {
    answer.result = it.granted ? Result::kGranted : Result::kHeld;
    answer.token = it.token.value();
    answer.owner = to_string(it.owner);
  }
  static void fill(Answer& answer, const AcquireAnswer& it) {
    answer.result = it.granted ? Result::kGranted : Result::kNotGranted;
    answer.token = it.granted ? it.token.value() : 0;
    if (it.held_by) answer.owner = to_string(it.held_by->owner);
  }
  static void fill(Answer& answer, const ReleaseAnswer& it) {
    answer.result = it.released ? Result::kReleased : Result::kNotHolder;
    if (it.owner) answer.owner = to_string(*it.owner);
  }
  static void fill(Answer& answer, const CloseAnswer&) { answer.result = Result::kClosed; }
  static void fill(Answer& answer, const CheckResult& it) {
    answer.result = Result::kSeen;
    if (it.lock) answer.locks.push_back(as_replayed(*it.lock));
  }
  static void fill(Answer& answer, const VerifyAnswer& it) {
    answer.result = it.current ? Result::kCurrent : Result::kNotCurrent;
    if (it.newest) answer.token = it.newest->value();
  }
  static void fill(Answer& answer, const ListPage& it) {
    answer.result = Result::kSeen;
    for (const LockInfo& lock : it.locks) answer.locks.push_back(as_replayed(lock));
  }

  const Recorder& recorder_;
  int number_;
  std::string node_;
  Client client_;
  Workload workload_;
  std::uint64_t last_number_ = 0;
};

}  // namespace

int run_clients(const ClientProcessOptions& options) {
  std::signal(SIGTERM, [](int) { stopping = true; });
  std::signal(SIGINT, SIG_IGN);  // of the terminal: whoever started this one ends it
  const Recorder recorder(options.record);
  const auto context = std::make_shared<Context>();
  std::vector<std::thread> threads;
  for (int number = options.first_client; number < options.first_client + options.clients; ++number) {
    threads.emplace_back([&, number] {
      RecordingClient client(options, number, context, recorder);
      client.run();
    });
  }
  for (std::thread& thread : threads) thread.join();
  return 0;
}

}  // namespace lockstep::torture
