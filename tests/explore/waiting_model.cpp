#include "tests/explore/waiting_model.hpp"

#include <algorithm>
#include <utility>

#include "protocol/wire/codec.hpp"
#include "tests/explore/cluster.hpp"
#include "tests/explore/violation.hpp"
#include "tests/explore/waiting_rules.hpp"

namespace lockstep::explore {
namespace {

using Kind = WaitingModel::Kind;

constexpr Duration kTtl = std::chrono::seconds(30);
constexpr std::uint32_t kNoMail = ~0U;

bool is_of_node(Kind kind) { return kind == Kind::kEndTurn || kind == Kind::kExpire || kind == Kind::kNodeTime; }

template <typename Known>
std::uint32_t number_of(std::unordered_map<Fingerprint, std::uint32_t, HashOfFingerprint>& numbers,
                        const Fingerprint& key, std::deque<Known>& known, Known&& value) {
  const auto [place, is_new] = numbers.emplace(key, static_cast<std::uint32_t>(known.size()));
  if (is_new) known.push_back(std::forward<Known>(value));
  return place->second;
}

const char* text_of(Asked asked) {
  switch (asked) {
    case Asked::kAcquire: return "acquire a";
    case Asked::kAcquireBoth: return "acquire a and b";
    case Asked::kPreempt: return "preempt a";
    case Asked::kRelease: return "release a";
    case Asked::kCancel: return "cancel";
    case Asked::kForceRelease: return "force the release of a";
    case Asked::kTakeOver: return "take over";
  }
  return "";
}

const char* text_of(const wire::RequestBody& body) {
  if (const auto* execute = std::get_if<locks::Execute>(&body)) {
    constexpr std::array kNames = {"Preempt", "Release", "Acquire", "Cancel", "Close", "ForceRelease", "CloseSession"};
    return kNames[execute->operation.index()];
  }
  constexpr std::array kNames = {"Open", "",        "Check",    "List",  "Status", "KeepAlive",
                                 "Wait", "History", "Sessions", "Watch", "Count"};
  return kNames[body.index()];
}

std::string text_of(const wire::ResponseBody& body) {
  if (const auto* error = std::get_if<wire::ErrorAnswer>(&body)) return std::string(error_info(error->code).name);
  constexpr std::array kNames = {"SessionOpened", "Granted",       "Held",
                                 "Released",      "NotHolder",     "CheckAnswer",
                                 "ListAnswer",    "StatusAnswer",  "",
                                 "Queued",        "Cancelled",     "Closed",
                                 "KeptAlive",     "HistoryAnswer", "SessionsAnswer",
                                 "WatchAnswer",   "CountAnswer"};
  return kNames[body.index()];
}

}  // namespace

// --- the beginning: every client has its session ---

WaitingModel::State WaitingModel::initial() {
  State state;
  state.node = intern(WaitingNode(bounds_.small_pages));
  state.traffic = intern(Traffic());
  const Duration ttl = bounds_.leases ? kTtl : Duration::zero();
  for (std::uint8_t client = 0; client < bounds_.clients; ++client) {
    state.clients[client] = intern(WaitingClient(client, ttl, bounds_.renewals));
  }
  for (std::uint8_t client = 0; client < bounds_.clients; ++client) {
    state = step(state, {Kind::kAsk, client, 0, Asked::kTakeOver, {}});
    settle(state);
  }
  if (bounds_.holding) {
    state = step(state, {Kind::kAsk, 0, 0, bounds_.two_names ? Asked::kAcquireBoth : Asked::kAcquire, {}});
    settle(state);
  }
  state.calls = narrow(bounds_.calls);
  state.forces = narrow(bounds_.forces);
  state.patience = narrow(bounds_.patience);
  state.repeats = narrow(bounds_.repeats);
  state.restarts = narrow(bounds_.restarts);
  state.expiries = narrow(bounds_.expiries);
  state.times = narrow(bounds_.times);
  return state;
}

void WaitingModel::settle(State& state) {
  for (;;) {
    if (!traffics_[state.traffic].empty()) {
      state = step(state, {Kind::kDeliver, 0, 0, {}, {}});
    } else if (node_of(state).events_of_turn() > 0) {
      state = step(state, {Kind::kEndTurn, 0, 0, {}, {}});
    } else {
      return;
    }
  }
}

// --- what can happen ---

void WaitingModel::successors(const State& state, std::vector<Successor<WaitingModel>>& successors) {
  successors_by_steps(*this, state, events(state), successors);
}

std::vector<WaitingModel::Event> WaitingModel::events(const State& state) const {
  std::vector<Event> events;
  for (std::uint8_t client = 0; client < bounds_.clients; ++client) events_of_client(state, client, events);
  const Traffic& traffic = traffics_[state.traffic];
  for (std::uint8_t place = 0; place < traffic.size(); ++place) {
    events.push_back({Kind::kDeliver, 0, place, {}, {}});
    if (state.repeats > 0) events.push_back({Kind::kRepeat, 0, place, {}, {}});
  }
  const WaitingNode& node = node_of(state);
  if (node.events_of_turn() > 0) events.push_back({Kind::kEndTurn, 0, 0, {}, {}});
  if (state.times > 0 && node.holds_any()) events.push_back({Kind::kNodeTime, 0, 0, {}, {}});
  return events;
}

void WaitingModel::events_of_client(const State& state, std::uint8_t number, std::vector<Event>& events) const {
  const WaitingClient& client = client_of(state, number);
  for (const Asked asked :
       {Asked::kAcquire, Asked::kAcquireBoth, Asked::kPreempt, Asked::kRelease, Asked::kCancel, Asked::kForceRelease}) {
    if (may_ask(state, client, asked)) events.push_back({Kind::kAsk, number, 0, asked, {}});
  }
  if (state.patience > 0) {
    if (client.has_patience_to_lose()) events.push_back({Kind::kLosePatience, number, 0, {}, {}});
    if (!client.is_at_rest() || client.has_lease()) events.push_back({Kind::kSleep, number, 0, {}, {}});
  }
  if (state.restarts > 0) events.push_back({Kind::kStartAgain, number, 0, {}, {}});
  if (state.expiries > 0 && expiry_of(state, number)) events.push_back({Kind::kExpire, number, 0, {}, {}});
}

bool WaitingModel::may_ask(const State& state, const WaitingClient& client, Asked asked) const {
  if (state.calls == 0) return false;
  if (asked == Asked::kForceRelease) return state.forces > 0;
  if (asked == Asked::kAcquireBoth && !bounds_.two_names) return false;
  if (asked == Asked::kPreempt && !bounds_.preempts) return false;
  return client.may_ask(asked);
}

// L3: never before its client knows. The waits of a session that never expires have a lease that nobody relies on.
std::optional<locks::Expire> WaitingModel::expiry_of(const State& state, std::uint8_t number) const {
  const locks::StateMachine& machine = node_of(state).machine();
  const WaitingClient& client = client_of(state, number);
  const SessionId session = machine.sessions().last_of(client.id());
  if (machine.sessions().find(session) == nullptr) return std::nullopt;
  const bool may_end = client.has_lease() ? !client.relies_on(session) : !machine.locks().waits_of(session).empty();
  if (!may_end) return std::nullopt;
  return locks::Expire{session, !client.has_lease()};
}

// --- what becomes of it ---

WaitingModel::State WaitingModel::step(const State& state, const Event& event) {
  State next = state;
  Traffic traffic = traffics_[state.traffic];
  std::uint32_t mail = kNoMail;
  switch (event.kind) {
    case Kind::kAsk:
      --next.calls;
      if (event.asked == Asked::kForceRelease) --next.forces;
      break;
    case Kind::kRepeat: --next.repeats; [[fallthrough]];
    case Kind::kDeliver:
      mail = traffic[event.place];
      if (event.kind == Kind::kDeliver) traffic.erase(traffic.begin() + event.place);
      break;
    case Kind::kLosePatience:
    case Kind::kSleep: --next.patience; break;
    case Kind::kStartAgain: --next.restarts; break;
    case Kind::kExpire: --next.expiries; break;
    case Kind::kNodeTime: --next.times; break;
    case Kind::kEndTurn: break;
  }
  if (is_of_node(event.kind) || (mail != kNoMail && mails_[mail].is_to_node())) {
    happen_to_node(next, traffic, event, mail);
  } else {
    happen_to_client(next, traffic, event, mail);
  }
  next.traffic = intern(std::move(traffic));
  check(next);
  return next;
}

void WaitingModel::happen_to_node(State& state, Traffic& traffic, const Event& event, std::uint32_t mail) {
  Fingerprinter key;
  key.add(1).add(state.node).add(static_cast<std::uint64_t>(event.kind)).add(mail);
  if (event.kind == Kind::kExpire) key.add(event.client);
  const Fingerprint name = key.finish();
  auto found = reactions_.find(name);
  if (found == reactions_.end()) found = reactions_.emplace(name, run_node(state.node, event, mail, state)).first;
  const Reaction& reaction = found->second;
  if (!reaction.violation.empty()) throw Violation(reaction.violation);
  state.node = reaction.next;
  for (const std::uint32_t answer : reaction.said) {
    // What ended processes are told nobody hears.
    if (mails_[answer].connection == client_of(state, mails_[answer].client).connection()) traffic.push_back(answer);
  }
}

WaitingModel::Reaction WaitingModel::run_node(std::uint32_t number, const Event& event, std::uint32_t mail,
                                              const State& state) {
  Reaction reaction;
  try {
    WaitingNode node = nodes_[number];
    switch (event.kind) {
      case Kind::kEndTurn: node.end_turn(); break;
      case Kind::kExpire: node.expire(*expiry_of(state, event.client)); break;
      case Kind::kNodeTime: node.let_time_pass(); break;
      default:
        node.take(mails_[mail].connection, std::get<wire::Request>(mails_[mail].what));
        if (node.events_of_turn() >= bounds_.turn) node.end_turn();
        break;
    }
    for (ClientReply& reply : node.take_replies()) {
      const auto client = narrow(reply.connection.value() / 16 - 1);
      reaction.said.push_back(intern(Mail{reply.connection, client, std::move(reply.response)}));
    }
    reaction.next = intern(std::move(node));
  } catch (const Violation& violation) {
    reaction.violation = violation.what();
  }
  return reaction;
}

void WaitingModel::happen_to_client(State& state, Traffic& traffic, const Event& event, std::uint32_t mail) {
  const std::uint8_t client = mail == kNoMail ? event.client : mails_[mail].client;
  const std::uint32_t before = state.clients[client];
  Fingerprinter key;
  key.add(2).add(before).add(static_cast<std::uint64_t>(event.kind)).add(mail);
  const Fingerprint name = key.add(static_cast<std::uint64_t>(event.asked)).finish();
  auto found = reactions_.find(name);
  if (found == reactions_.end()) found = reactions_.emplace(name, run_client(before, event, mail)).first;
  const Reaction& reaction = found->second;
  if (!reaction.violation.empty()) throw Violation(reaction.violation);
  state.clients[client] = reaction.next;
  for (const Ended& ended : reaction.ended) check_ended(node_of(state), client_of(state, client), ended);
  if (event.kind == Kind::kStartAgain) {
    std::erase_if(traffic,
                  [&](std::uint32_t other) { return mails_[other].client == client && !mails_[other].is_to_node(); });
  }
  traffic.insert(traffic.end(), reaction.said.begin(), reaction.said.end());
}

WaitingModel::Reaction WaitingModel::run_client(std::uint32_t number, const Event& event, std::uint32_t mail) {
  Reaction reaction;
  try {
    WaitingClient client = clients_[number];
    switch (event.kind) {
      case Kind::kAsk: client.ask(event.asked); break;
      case Kind::kLosePatience: client.lose_patience(); break;
      case Kind::kSleep: client.sleep(); break;
      case Kind::kStartAgain: client.start_again(); break;
      default: client.receive(std::get<wire::Response>(mails_[mail].what)); break;
    }
    for (wire::Request& request : client.take_sends()) {
      const std::uint8_t number_of_client = narrow(client.id().bytes[0] - 1U);
      reaction.said.push_back(intern(Mail{client.connection(), number_of_client, std::move(request)}));
    }
    reaction.ended = client.take_ended();
    reaction.next = intern(std::move(client));
  } catch (const Violation& violation) {
    reaction.violation = violation.what();
  }
  return reaction;
}

// --- what must hold ---

void WaitingModel::check(const State& state) {
  for (std::uint8_t client = 0; client < bounds_.clients; ++client) {
    const Fingerprint pair = Fingerprinter().add(state.node).add(state.clients[client]).finish();
    if (!checked_.contains(pair)) check_together(node_of(state), client_of(state, client));
    checked_.insert(pair);  // only if nothing broke: a step that is repeated breaks it again
    check_rest(state, client);
  }
}

// Of a session that never expires a later process may know what it is not to do before somebody asks.
void WaitingModel::check_rest(const State& state, std::uint8_t number) const {
  const WaitingClient& client = client_of(state, number);
  if (client.core().has_waiting_calls() || client.is_at_rest() || client.waits_to_open()) return;
  if (!client.has_lease() && !client.is_first_process()) return;
  const Traffic& traffic = traffics_[state.traffic];
  const bool is_heard =
      std::any_of(traffic.begin(), traffic.end(), [&](std::uint32_t mail) { return mails_[mail].client == number; });
  require(is_heard || node_of(state).holds_any_of(client.connection()),
          "nothing is under way, and a client has something left");
}

// --- each once ---

std::uint32_t WaitingModel::intern(WaitingNode node) {
  const Fingerprint key = node.fingerprint();
  return number_of(node_numbers_, key, nodes_, std::move(node));
}

std::uint32_t WaitingModel::intern(WaitingClient client) {
  const Fingerprint key = Fingerprinter().add(client.id().bytes[0]).add(client.fingerprint()).finish();
  return number_of(client_numbers_, key, clients_, std::move(client));
}

std::uint32_t WaitingModel::intern(Mail mail) {
  const Fingerprint bytes = std::visit([](const auto& what) { return fingerprint_of(wire::encode(what)); }, mail.what);
  const Fingerprint key = Fingerprinter().add(mail.connection.value()).add(mail.is_to_node()).add(bytes).finish();
  return number_of(mail_numbers_, key, mails_, std::move(mail));
}

std::uint32_t WaitingModel::intern(Traffic traffic) {
  std::sort(traffic.begin(), traffic.end());
  traffic.erase(std::unique(traffic.begin(), traffic.end()), traffic.end());
  Fingerprinter key;
  for (const std::uint32_t mail : traffic) key.add(mail);
  return number_of(traffic_numbers_, key.finish(), traffics_, std::move(traffic));
}

Fingerprint WaitingModel::fingerprint(const State& state) const {
  Fingerprinter out;
  out.add(state.node).add(state.traffic);
  for (const std::uint32_t client : state.clients) out.add(client);
  return out.add(state.calls)
      .add(state.forces)
      .add(state.patience)
      .add(state.repeats)
      .add(state.restarts)
      .add(state.expiries)
      .add(state.times)
      .finish();
}

// --- for people ---

std::string WaitingModel::describe(const State& state, const Event& event) const {
  const auto client = [](std::uint8_t number) { return "client " + std::to_string(number + 1); };
  switch (event.kind) {
    case Kind::kAsk: return client(event.client) + " is asked to " + text_of(event.asked);
    case Kind::kDeliver:
    case Kind::kRepeat: {
      const Mail& mail = mails_[traffics_[state.traffic][event.place]];
      std::string text = event.kind == Kind::kRepeat ? "arrives, and will again: " : "arrives: ";
      if (const auto* request = std::get_if<wire::Request>(&mail.what)) {
        return text + text_of(request->body) + " of " + client(mail.client) + ", copy " +
               std::to_string(request->call.value());
      }
      const auto& response = std::get<wire::Response>(mail.what);
      return text + text_of(response.body) + " at " + client(mail.client) + ", to copy " +
             std::to_string(response.call.value());
    }
    case Kind::kEndTurn: return "the node ends its turn";
    case Kind::kLosePatience: return client(event.client) + " loses its patience";
    case Kind::kSleep: return client(event.client) + " sleeps for long";
    case Kind::kStartAgain: return "a process of " + client(event.client) + " ends, and another begins";
    case Kind::kExpire: return "the lease of " + client(event.client) + " runs out at the node";
    case Kind::kNodeTime: return "the node's time passes";
  }
  return {};
}

std::string WaitingModel::describe(const State& state) const {
  const WaitingNode& node = node_of(state);
  std::string text = "index " + std::to_string(node.applied().value()) + ", under way " +
                     std::to_string(traffics_[state.traffic].size());
  for (const auto& [name, row] : node.machine().locks().in_order()) {
    text += ", " + name;
    for (const auto& [session, hold] : row.holds) {
      text += " of session " + std::to_string(session.value()) + " with token " + std::to_string(hold.token.value());
    }
    for (const locks::Waiter* waiter : row.queue) {
      text += ", then session " + std::to_string(waiter->request.session.value());
    }
  }
  for (std::uint8_t client = 0; client < bounds_.clients; ++client) {
    text += "; client " + std::to_string(client + 1) + " (session " +
            std::to_string(client_of(state, client).core().session().id().value()) + ") counts on";
    for (const auto& [name, token] : client_of(state, client).core().held()) {
      text += " " + name + " with " + std::to_string(token.value());
    }
  }
  return text;
}

std::string WaitingModel::sizes() const {
  return std::to_string(nodes_.size()) + " states of the node, " + std::to_string(clients_.size()) + " of a client, " +
         std::to_string(mails_.size()) + " messages";
}

}  // namespace lockstep::explore
