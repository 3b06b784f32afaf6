#include "tests/simulation/trace.hpp"

#include "protocol/base/overloaded.hpp"
#include "protocol/wire/message_types.hpp"

namespace lockstep::simulation {
namespace {

template <typename Number>
std::string text(Number number) {
  return std::to_string(number.value());
}

std::string position(LogIndex index, Term term) { return text(index) + "@" + text(term); }

// Node ids are random 64-bit numbers: their end is enough to tell a few apart.
std::string short_id(NodeId id) { return id ? std::to_string(id.value() % 1000) : "nobody"; }

std::string describe_entries(LogIndex after, const std::vector<raft::Entry>& entries) {
  if (entries.empty()) return "no entries";
  return "entries " + text(after.next()) + ".." + position(after + entries.size(), entries.back().term);
}

std::string details(const raft::MessageBody& body) {
  return std::visit(
      Overloaded{[](const raft::Append& m) {
                   return "after " + position(m.previous_index, m.previous_term) + " " +
                          describe_entries(m.previous_index, m.entries) + " commit " + text(m.commit) + " round " +
                          text(m.round) + (m.fetch ? " fetch " + text(m.fetch) : "");
                 },
                 [](const raft::VoteRequest& m) {
                   return std::string(m.pre_vote ? "pre-vote " : "") + "last " + position(m.last_index, m.last_term);
                 },
                 [](const raft::Vote& m) {
                   return std::string(m.pre_vote ? "pre-vote " : "") + (m.granted ? "granted" : "denied") + " leader " +
                          short_id(m.leader);
                 },
                 [](const raft::Ack& m) { return "match " + text(m.match) + " round " + text(m.round); },
                 [](const raft::Fetch& m) {
                   return text(m.number) + " from " + position(m.index, m.term) +
                          (m.snapshot ? " snapshot " + text(m.snapshot) + " offset " + std::to_string(m.offset) : "");
                 },
                 [](const raft::SnapshotPart& m) {
                   return "of " + position(m.head.index, m.head.term) + " offset " + std::to_string(m.offset) +
                          " bytes " + std::to_string(m.bytes.size()) + " of " + std::to_string(m.head.state_bytes) +
                          " fetch " + text(m.fetch);
                 },
                 [](const raft::Forward& m) { return std::to_string(m.commands.size()) + " commands"; },
                 [](const raft::BarrierAnswer& m) { return text(m.number) + " index " + text(m.index); },
                 [](const raft::NotLeader& m) { return text(m.number) + " leader " + short_id(m.leader); },
                 [](const raft::HelloRefused& m) { return m.reason; }, [](const auto&) { return std::string(); }},
      body);
}

std::string describe_names(const std::vector<std::string>& names) {
  std::string line;
  for (const std::string& name : names) line += (line.empty() ? "" : " and ") + name;
  return line;
}

std::string describe_operation(const locks::Operation& operation) {
  return std::visit(Overloaded{[](const locks::Preempt& o) { return "preempt " + o.name; },
                               [](const locks::Release& o) { return "release " + o.name; },
                               [](const locks::Acquire& o) {
                                 return (o.wait ? "acquire " : "try to acquire ") + describe_names(o.names) +
                                        " in mode " + std::to_string(static_cast<int>(o.mode));
                               },
                               [](const locks::Cancel& o) { return "cancel " + text(o.waiter); },
                               [](const locks::Close&) { return std::string("close"); },
                               [](const locks::ForceRelease& o) { return "force release " + o.name; },
                               [](const locks::CloseSession& o) { return "close session " + text(o.target); }},
                    operation);
}

std::string describe_view(const wire::CheckAnswer& answer) {
  if (!answer.lock) return "free";
  return std::to_string(answer.lock->holder_count) + " holders, " + std::to_string(answer.lock->waiter_count) +
         " waiters";
}

std::string describe_watch(const wire::WatchAnswer& answer) {
  return (answer.reset ? "reset, " : "") + std::to_string(answer.changes.size()) + " changes and " +
         std::to_string(answer.locks.size()) + " holds up to " + text(answer.index) + (answer.more ? ", more" : "");
}

}  // namespace

std::string describe(const raft::Message& message) {
  return std::string(wire::to_string(wire::type_of(message.body))) + " of term " + text(message.term) + " " +
         details(message.body);
}

std::string describe(const raft::Write& write) {
  std::string line = "write " + text(write.id);
  if (write.snapshot) line += " snapshot up to " + text(write.snapshot->head.index);
  if (!write.entries.empty()) line += " " + describe_entries(write.first.previous(), write.entries);
  if (write.hard_state) {
    line += " term " + text(write.hard_state->term) + " vote " + short_id(write.hard_state->vote);
    if (write.hard_state->repair_until) line += " repair until " + text(write.hard_state->repair_until);
  }
  return line;
}

std::string describe(const wire::Request& request) {
  const auto body =
      Overloaded{[](const wire::OpenSession& m) { return "open, replaces " + text(m.replaces); },
                 [](const locks::Execute& m) {
                   return text(m.session) + "#" + text(m.number) + " (below " + text(m.acknowledged_below) + ") " +
                          describe_operation(m.operation);
                 },
                 [](const wire::CheckRequest& m) { return "check " + m.name + " at least " + text(m.at_least); },
                 [](const wire::ListRequest& m) { return "list " + m.prefix + " at least " + text(m.at_least); },
                 [](const wire::StatusRequest&) { return std::string("status"); },
                 [](const wire::KeepAlive& m) { return "keep alive " + text(m.session); },
                 [](const wire::Wait& m) { return "wait for " + text(m.waiter); },
                 [](const wire::HistoryRequest&) { return std::string("history"); },
                 [](const wire::SessionsRequest&) { return std::string("sessions"); },
                 [](const wire::CountRequest& m) { return "count " + m.prefix + " at least " + text(m.at_least); },
                 [](const wire::WatchRequest& m) { return "watch from " + text(m.from) + " after '" + m.after + "'"; }};
  return "request " + text(request.call) + ": " + std::visit(body, request.body);
}

std::string describe(const wire::Response& response) {
  const auto body = Overloaded{
      [](const locks::SessionOpened& m) { return "session " + text(m.session); },
      [](const locks::Granted& m) { return "granted " + text(m.token); },
      [](const locks::Held& m) { return "held " + text(m.token); },
      [](const locks::Released&) { return std::string("released"); },
      [](const locks::NotHolder&) { return std::string("not holder"); },
      [](const wire::CheckAnswer& m) { return describe_view(m); },
      [](const wire::ListAnswer& m) { return std::to_string(m.locks.size()) + " locks"; },
      [](const wire::StatusAnswer&) { return std::string("status"); },
      [](const locks::Queued& m) { return "queued " + text(m.waiter); },
      [](const locks::Cancelled&) { return std::string("cancelled"); },
      [](const locks::Closed&) { return std::string("closed"); },
      [](const wire::KeptAlive&) { return std::string("kept alive"); },
      [](const wire::HistoryAnswer&) { return std::string("history"); },
      [](const wire::SessionsAnswer&) { return std::string("sessions"); },
      [](const wire::CountAnswer& m) { return std::to_string(m.count.locks) + " locks counted"; },
      [](const wire::WatchAnswer& m) { return describe_watch(m); },
      [](const wire::ErrorAnswer& m) {
        return std::string(error_info(m.code).name) + (m.current_session ? " " + text(m.current_session) : "");
      }};
  return "response " + text(response.call) + " at " + text(response.applied) + ": " + std::visit(body, response.body);
}

std::string describe(const Call& call) {
  switch (call.kind) {
    case CallKind::kPreempt: return "preempt " + call.name;
    case CallKind::kRelease: return "release " + call.name;
    case CallKind::kCheck: return (call.mode == wire::ReadMode::kLocal ? "check " : "linearizable check ") + call.name;
    case CallKind::kList: return (call.mode == wire::ReadMode::kLocal ? "list " : "linearizable list ") + call.name;
    case CallKind::kStatus: return "status";
    case CallKind::kAcquire: return "acquire " + describe_names(call.names);
    case CallKind::kClose: return "close";
    case CallKind::kForceRelease: return "force release " + call.name;
    case CallKind::kCloseSession: return "close session";
    case CallKind::kHistory: return "history";
    case CallKind::kCount: return "count " + call.name;
    case CallKind::kSessions: return "sessions";
    case CallKind::kWatch: return "watch";
    case CallKind::kTakeOver: return "take over";
  }
  return "?";
}

std::string describe(const ClientOutcome& outcome) {
  return std::visit(
      Overloaded{[](const locks::Granted& m) { return "granted " + text(m.token); },
                 [](const locks::Held& m) { return "held " + text(m.token); },
                 [](const locks::Released&) { return std::string("released"); },
                 [](const locks::NotHolder&) { return std::string("not holder"); },
                 [](const wire::CheckAnswer& m) { return describe_view(m); },
                 [](const wire::ListAnswer& m) { return std::to_string(m.locks.size()) + " locks"; },
                 [](const wire::StatusAnswer&) { return std::string("status"); },
                 [](const NotAcquired&) { return std::string("not acquired"); },
                 [](const locks::Closed&) { return std::string("closed"); },
                 [](const wire::HistoryAnswer&) { return std::string("history"); },
                 [](const wire::SessionsAnswer&) { return std::string("sessions"); },
                 [](const wire::CountAnswer& m) { return std::to_string(m.count.locks) + " locks counted"; },
                 [](const wire::WatchAnswer& m) { return describe_watch(m); },
                 [](const TakenOver& m) { return std::to_string(m.locks.size()) + " locks taken over"; },
                 [](const ClientError& m) { return std::string(error_info(m.code).name) + " (" + m.detail + ")"; }},
      outcome);
}

}  // namespace lockstep::simulation
