// Field by field.
#include "nodes/client/convert.hpp"

#include <utility>

#include "protocol/wire/codec.hpp"
#include "protocol/wire/names.hpp"

namespace lockstep {
namespace {

static_assert(kMaxPage == wire::kMaxListPage && kMaxPage == wire::kMaxHistoryPage &&
              kMaxPage == wire::kMaxSessionsPage);

}  // namespace

std::string_view to_string(LockMode mode) { return wire::to_string(mode); }
std::string_view to_string(EndReason reason) { return wire::to_string(reason); }
std::string_view to_string(NodeRole role) { return wire::to_string(role); }

HolderInfo shown(locks::HolderView view) {
  return {view.owner, view.session, view.token, view.since, std::move(view.note)};
}

WaiterInfo shown(locks::WaiterView view) {
  return {view.client, view.session, view.waiter, view.mode, view.since, std::move(view.note)};
}

MemberInfo shown(wire::MemberStatus member) {
  return {std::move(member.name), std::move(member.client_endpoint), member.id};
}

LockInfo shown(locks::LockView view) {
  LockInfo info;
  info.name = std::move(view.name);
  info.mode = view.mode;
  info.permits = view.permits;
  info.holders = all_shown(std::move(view.holders));
  info.holder_count = view.holder_count;
  info.waiters = all_shown(std::move(view.waiters));
  info.waiter_count = view.waiter_count;
  return info;
}

SessionInfo shown(locks::SessionView view) {
  return {view.session, view.client, view.ttl_ms, view.since, std::move(view.note), view.locks, view.waits};
}

PastHold shown(locks::HistoryEvent event) {
  return {event.position, std::move(event.name), event.mode, event.client,        event.token, event.from,
          event.to,       event.reason,          event.by,   std::move(event.why)};
}

LockEvent shown(locks::LockChange change) {
  return {change.index, std::move(change.name), change.mode, change.owner, change.token, change.ended};
}

Blocker shown(locks::Held held) {
  return {held.owner, held.token, held.since, std::move(held.name), std::move(held.note)};
}

LineProgress shown(AcquireProgress progress) { return {progress.position, shown(std::move(progress.by))}; }

std::optional<std::chrono::milliseconds> shown_age(const std::optional<std::uint64_t>& age_ms) {
  if (!age_ms) return std::nullopt;
  return std::chrono::milliseconds(*age_ms);
}

NodeStatus shown(wire::StatusAnswer status) {
  NodeStatus node;
  node.name = std::move(status.name);
  node.node = status.node;
  node.cluster = status.cluster;
  node.role = status.role;
  node.term = status.term;
  node.leader = std::move(status.leader);
  node.last_index = status.last_index;
  node.commit_index = status.commit_index;
  node.applied_index = status.applied_index;
  node.durable_index = status.durable_index;
  node.state_hash = status.state_hash;
  node.locks = status.locks;
  node.sessions = status.sessions;
  node.pending = status.pending;
  node.rejected_frames = status.rejected_frames;
  node.age = shown_age(status.age_ms);
  node.pid = status.pid;
  node.version = std::move(status.version);
  node.members = all_shown(std::move(status.members));
  return node;
}

SessionRecord record_of(const SavedSession& saved) {
  SessionRecord record;
  record.session = saved.session;
  record.next_number = saved.next_number.value();
  record.highest_index = saved.highest_index;
  record.open_nonce = saved.open_nonce;
  record.replaces = saved.replaces;
  for (const UnfinishedRequest& request : saved.unfinished) {
    const locks::Command command = locks::Execute{{}, request.number, {}, request.operation};
    record.unfinished.push_back({request.number.value(), wire::encode(command)});
  }
  return record;
}

std::optional<SavedSession> saved_of(const SessionRecord& record) {
  SavedSession saved;
  saved.session = record.session;
  saved.next_number = RequestNumber(record.next_number);
  saved.highest_index = record.highest_index;
  saved.open_nonce = record.open_nonce;
  saved.replaces = record.replaces;
  for (const UnfinishedCommand& unfinished : record.unfinished) {
    const auto command = wire::decode_command(unfinished.command);
    const auto* execute = command ? std::get_if<locks::Execute>(&*command) : nullptr;
    if (execute == nullptr || execute->number.value() != unfinished.number) return std::nullopt;
    saved.unfinished.push_back({execute->number, execute->operation});
  }
  return saved;
}

}  // namespace lockstep
