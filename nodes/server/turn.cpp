// Takes in, steps the core, sends out.
#include "nodes/server/turn.hpp"

#include <algorithm>
#include <utility>

#include "protocol/wire/field_rules.hpp"

namespace lockstep {

TurnEnd Turn::run(Time until) {
  io_.wait(std::min(core_.next_deadline(), until) - io_.clocks().time);
  TurnEnd end{io_.clocks(), {}, {}};
  end.disk_failure = take_disk(end.now);
  if (end.disk_failure) return end;
  take_peers(end.now);
  take_clients(end.now);
  if (core_.next_deadline() <= end.now.time) core_.step(end.now, Tick{io_.peers_read_empty()});
  end.fatal = send_out();
  return end;
}

std::optional<StopReason> Turn::send_out() {
  core_.end_turn();
  Output output = core_.take_output();
  for (const raft::Outgoing& outgoing : output.messages) {
    io_.send_to_peers(outgoing.to, wire::encode(outgoing.message));
  }
  if (!output.writes.empty()) io_.submit(std::move(output.writes));
  if (!output.snapshot_reads.empty()) io_.read_snapshots(std::move(output.snapshot_reads));
  if (output.compaction) io_.compact(*output.compaction);
  for (const ClientReply& reply : output.replies) io_.send_to_client(reply.connection, wire::encode(reply.response));
  io_.tell(output.notices);
  return std::move(output.fatal);
}

std::optional<std::string> Turn::take_disk(Now now) {
  DiskReport report = io_.take_disk_report();
  for (const raft::DiskEvent& event : report.events) core_.step(now, event);
  io_.tell(report.notices);
  return std::move(report.failure);
}

void Turn::take_peers(Now now) {
  for (const ReceivedRequest& frame : io_.receive_from_peers()) {
    if (!frame.flaw.empty()) {
      note_bad_peer_frame(frame.flaw);
    } else if (auto message = wire::decode_message(frame.body)) {
      core_.step(now, PeerMessage{frame.connection, std::move(*message)});
    } else {
      note_bad_peer_frame(to_string(message.error()));
    }
  }
}

void Turn::take_clients(Now now) {
  for (const ReceivedRequest& frame : io_.receive_from_clients()) {
    if (!frame.flaw.empty()) {
      answer_bad_frame(now, frame.connection, {ErrorCode::kBadRequest, "message", frame.flaw, {}});
    } else if (auto request = wire::decode_request(frame.body)) {
      core_.step(now, ClientRequest{frame.connection, std::move(*request)});
    } else {
      answer_bad_frame(now, frame.connection, request.error());
    }
  }
}

void Turn::answer_bad_frame(Now now, ConnectionId connection, const wire::DecodeError& error) {
  core_.step(now, BadFrame{});
  const std::string detail(wire::clipped(to_string(error), wire::kMaxErrorDetail));
  const wire::Response response{error.call, core_.applied_index(), wire::ErrorAnswer{error.code, detail, {}}};
  io_.send_to_client(connection, wire::encode(response));
}

void Turn::note_bad_peer_frame(std::string detail) {
  ++bad_peer_frames_.count;
  bad_peer_frames_.last = std::move(detail);
}

}  // namespace lockstep
