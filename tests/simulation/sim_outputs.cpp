// What a node asks of the simulated world: messages, answers, writes, compactions and pieces of snapshots.
#include <algorithm>
#include <utility>

#include "protocol/wire/codec.hpp"
#include "tests/simulation/failure.hpp"
#include "tests/simulation/sim_world.hpp"
#include "tests/simulation/trace.hpp"

namespace lockstep::simulation {
namespace {

constexpr Duration kFullDiskIsTriedAgain = std::chrono::milliseconds(20);

// A peer's connection is its place, whichever of its processes speaks: answers may reach the next one.
ConnectionId connection_of(Place place) { return ConnectionId(place + 1); }

template <typename Message, typename Decode>
Message through_codec(const Message& message, Decode decode) {
  const std::string bytes = wire::encode(message);
  auto decoded = decode(bytes);
  REQUIRE_SAFE(decoded.has_value(),
               "a message of ours does not decode: " + (decoded ? std::string() : wire::to_string(decoded.error())));
  REQUIRE_SAFE(*decoded == message, "a message decodes to another one");
  return *std::move(decoded);
}

}  // namespace

// What of its effects a process has carried out that dies among them.
void SimWorld::cut_short(Output& output) {
  std::size_t done = random_.below(output.messages.size() + output.writes.size() + output.replies.size() + 1);
  const auto keep = [&done](auto& effects) {
    effects.erase(effects.begin() + static_cast<std::ptrdiff_t>(std::min(done, effects.size())), effects.end());
    done -= effects.size();
  };
  keep(output.messages);
  keep(output.writes);
  keep(output.replies);
  output.compaction.reset();
  output.fatal.reset();
}

void SimWorld::carry_out(SimNode& node, Output output) {
  bool crashes = !healed_ && random_.one_in(plan_.crash_on_effect_one_in);
  if (crashes) {
    coverage_.note(Met::kCrashAmongEffects);
    cut_short(output);
  }
  note_boundaries(output);
  for (const raft::Outgoing& outgoing : output.messages) send(node, outgoing);
  for (raft::Write& write : output.writes) {
    // What may be torn is rare and worth a try.
    const bool may_be_torn = write.hard_state && !write.entries.empty();
    crashes = crashes || random_.one_in(may_be_torn ? plan_.crash_on_write_one_in / 8 : plan_.crash_on_write_one_in);
    submit(node, std::move(write));
  }
  if (output.compaction) compact(node, *output.compaction);
  for (const raft::SnapshotRead& read : output.snapshot_reads) read_snapshot(node, read);
  for (const ClientReply& answer : output.replies) reply(node, answer);
  if (options_.trace) {
    for (const Notice& notice : output.notices) trace(name_of_node(node.place), "notice: " + notice.text);
  }
  if (output.fatal) {
    stop_for_good(node, output.fatal->detail);
  } else if (crashes && !healed_) {
    crash_for_a_while(node);
  }
}

// Messages that were as full as they may be.
void SimWorld::note_boundaries(const Output& output) {
  std::size_t forwards = 0;
  for (const raft::Outgoing& outgoing : output.messages) {
    const raft::MessageBody& body = outgoing.message.body;
    if (std::holds_alternative<raft::Forward>(body) && ++forwards == 2) coverage_.note(Met::kForwardSplit);
    if (const auto* barrier = std::get_if<raft::Barrier>(&body)) {
      if (barrier->renewals.size() == plan_.desk.barrier_renewals) coverage_.note(Met::kRenewalsSplit);
    }
    if (const auto* append = std::get_if<raft::Append>(&body); append != nullptr && append->state_hash) {
      coverage_.note(Met::kHashCompared);
    }
  }
}

void SimWorld::submit(SimNode& node, raft::Write write) {
  if (write.snapshot) node_checker_.check_snapshot(node.place, write.snapshot->head);
  if (options_.trace) trace(name_of_node(node.place), describe(write));
  const Duration delay = healed_ ? std::chrono::microseconds(100) : plan_.disk.draw(random_);
  if (!healed_ && delay > plan_.disk.high) coverage_.note(Met::kSlowWrite);
  const Time start = std::max({scheduler_.now(), node.last_write_done, node.stalled_until});
  node.last_write_done = start + delay;
  scheduler_.at(node.last_write_done, [this, place = node.place, incarnation = node.incarnation] {
    complete_oldest(nodes_[place], incarnation);
  });
  node.disk.submit(std::move(write));
}

// The disk is done now; the process hears of it later.
void SimWorld::complete_oldest(SimNode& node, std::uint64_t incarnation) {
  if (incarnation != node.incarnation || node.disk.outstanding() == 0) return;
  if (node.stalled_until > scheduler_.now()) {
    scheduler_.at(node.stalled_until,
                  [this, place = node.place, incarnation] { complete_oldest(nodes_[place], incarnation); });
    return;
  }
  if (!healed_ && random_.one_in(plan_.disk_fails_one_in)) node.disk.fail_soon(random_);
  const SimDisk::Completed completed = node.disk.complete_oldest();
  if (completed.outcome == SimDisk::Outcome::kFailed) return die_of_disk(node);
  if (completed.outcome == SimDisk::Outcome::kNoRoom) {
    coverage_.note(Met::kDiskFull);
    scheduler_.in(kFullDiskIsTriedAgain,
                  [this, place = node.place, incarnation] { complete_oldest(nodes_[place], incarnation); });
    return;
  }
  const Duration delay = healed_ ? Duration::zero() : plan_.completion.draw(random_);
  node.last_completion = std::max(node.last_completion, scheduler_.now() + delay);
  scheduler_.at(node.last_completion, [this, place = node.place, incarnation, write = completed.write] {
    when_awake(place, incarnation, [this, write](SimNode& awake) {
      if (options_.trace) trace(name_of_node(awake.place), "persisted " + std::to_string(write.value()));
      step(awake, raft::Persisted{write});
    });
  });
}

// Beside everything else. It is durable a moment before the process hears of it, and a crash may come between.
void SimWorld::compact(SimNode& node, const Compaction& wanted) {
  const Duration delay = healed_ ? Duration::zero() : plan_.compaction.draw(random_);
  const bool no_room = !healed_ && random_.one_in(plan_.compaction_fails_one_in);
  node.disk.begin_compaction(wanted);
  scheduler_.in(delay, [this, place = node.place, incarnation = node.incarnation, wanted, no_room] {
    SimNode& compacting = nodes_[place];
    if (incarnation != compacting.incarnation) return;
    if (no_room) compacting.disk.give_up_compaction();
    const auto compacted =
        no_room ? SimDisk::Compacted{SimDisk::Outcome::kNoRoom} : compacting.disk.finish_compaction();
    if (compacted.outcome == SimDisk::Outcome::kFailed) return die_of_disk(compacting);
    coverage_.note(compacted.outcome == SimDisk::Outcome::kNoRoom ? Met::kCompactionWithoutRoom : Met::kCompaction);
    const raft::Compacted event{compacted.snapshot};
    if (event.snapshot) node_checker_.check_snapshot(place, *event.snapshot);
    if (options_.trace) {
      trace(name_of_node(place),
            (event.snapshot ? "compacted up to " : "did not compact up to ") + std::to_string(wanted.index.value()));
    }
    const Duration later = healed_ ? Duration::zero() : plan_.completion.draw(random_);
    scheduler_.in(later, [this, place, incarnation, event] {
      when_awake(place, incarnation, [this, event](SimNode& awake) { step(awake, event); });
    });
  });
}

// S4: a process whose disk has failed ends, and whoever looks after it starts it again.
void SimWorld::die_of_disk(SimNode& node) {
  if (options_.trace) trace(name_of_node(node.place), "has a disk that fails");
  coverage_.note(Met::kDiskFailed);
  crash_for_a_while(node);
}

void SimWorld::read_snapshot(SimNode& node, const raft::SnapshotRead& read) {
  raft::SnapshotPartRead event{read, node.disk.read(read)};
  coverage_.note(Met::kSnapshotPart);
  if (!healed_ && random_.one_in(plan_.snapshot_rots_one_in)) {
    if (event.bytes.empty() || random_.one_in(2)) {
      event.bytes.clear();
    } else {
      char& byte = event.bytes[random_.below(event.bytes.size())];
      byte = static_cast<char>(byte ^ (1 << random_.below(8)));
    }
  }
  const Duration delay = healed_ ? Duration::zero() : plan_.disk.draw(random_);
  scheduler_.in(delay, [this, place = node.place, incarnation = node.incarnation, event = std::move(event)] {
    when_awake(place, incarnation, [this, event](SimNode& awake) { step(awake, event); });
  });
}

void SimWorld::send(SimNode& node, const raft::Outgoing& outgoing) {
  node_checker_.leaving(node.place, *node.replica, outgoing.message);
  note_message_in_calm(node, outgoing.message);
  if (std::holds_alternative<raft::Publish>(outgoing.to)) {
    for (Place to = 0; to < nodes_.size(); ++to) {
      if (to != node.place) send_to_node(node, to, outgoing.message, SimNetwork::Path::kPub);
    }
  } else if (const auto* member = std::get_if<raft::ToMember>(&outgoing.to)) {
    const auto to = static_cast<Place>(member->name.front() - 'a');
    send_to_node(node, to, outgoing.message, SimNetwork::Path::kDirect);
  } else {
    const Place to = std::get<raft::ToConnection>(outgoing.to).connection.value() - 1;
    send_to_node(node, to, outgoing.message, SimNetwork::Path::kDirect);
  }
}

// What was on its way for long when all was healed is lost before the calm.
void SimWorld::deliver(Time when, std::function<void()> arrive) {
  scheduler_.at(when, [this, sent = scheduler_.now(), arrive = std::move(arrive)] {
    if (phase_ == Phase::kFaults || sent > healed_at_) arrive();
  });
}

void SimWorld::send_to_node(const SimNode& from, Place to, const raft::Message& message, SimNetwork::Path path) {
  const std::uint64_t incarnation = plan_.messages_outlive_crash ? 0 : nodes_[to].incarnation;
  for (const Time when : network_.deliveries(scheduler_.now(), from.place, to, path, is_awake(nodes_[to]))) {
    deliver(when, [this, to, incarnation, sender = from.place,
                   arriving = plan_.through_codec ? through_codec(message, wire::decode_message) : message]() mutable {
      when_awake(to, incarnation, [this, sender, arriving = std::move(arriving)](SimNode& awake) {
        if (options_.trace) {
          trace(name_of_node(awake.place), "<- " + name_of_node(sender) + " " + describe(arriving));
        }
        step(awake, PeerMessage{connection_of(sender), arriving});
      });
    });
  }
}

// A leader whose log has so much that is not committed that another entry may not have room (R14).
bool SimWorld::is_log_full(const SimNode& node) const {
  constexpr std::size_t kLargestEntry = 1024;  // here
  if (!node.leads()) return false;
  const raft::Raft& raft = *node.replica->raft();
  std::size_t bytes = 0;
  for (LogIndex index = raft.commit_index().next(); index <= raft.log().last_index(); index = index.next()) {
    bytes += raft::size_of(raft.log().at(index));
  }
  return bytes + kLargestEntry > plan_.bounds.uncommitted_bytes;
}

void SimWorld::reply(SimNode& node, const ClientReply& reply) {
  const wire::Request* asked = clients_.request_of(reply.connection, reply.response.call);
  REQUIRE_SAFE(asked != nullptr, "a node answers what nobody asked");
  check_reply_in_calm(node, reply);
  node.ledger->answered(node.clock.at(node.stepped_at), reply.connection, reply.response, is_log_full(node));
  const auto* error = std::get_if<wire::ErrorAnswer>(&reply.response.body);
  if (error != nullptr && error->code == ErrorCode::kBusy) coverage_.note(Met::kBusy);
  // "After a start: no answer until applied reaches a commit index heard from a live leader."
  const bool is_read = !std::holds_alternative<wire::ErrorAnswer>(reply.response.body) &&
                       std::visit(
                           []<typename Asked>(const Asked&) {
                             return requires { typename Asked::Answer; }
                             &&!std::same_as<Asked, wire::StatusRequest>;
                           },
                           asked->body);
  const auto heard = is_read ? node.replica->raft()->first_commit_heard() : LogIndex();
  REQUIRE_SAFE(heard && reply.response.applied >= *heard,
               "node " + name_of_node(node.place) + " answers a read before it knows what was committed");
  client_checker_.replied({node.turn_began, &node.clock, node_checker_.floor(node.place)},
                          node_checker_.reference_of(*node.replica), *asked, reply.response);
  const Place to = clients_.place_of(reply.connection);
  for (const Time when : network_.deliveries(scheduler_.now(), node.place, to, SimNetwork::Path::kDirect, true)) {
    deliver(when,
            [this, from = node.place, connection = reply.connection, to,
             arriving = plan_.through_codec ? through_codec(reply.response, wire::decode_response) : reply.response] {
              if (options_.trace)
                trace("client " + std::to_string(to), "<- " + name_of_node(from) + " " + describe(arriving));
              clients_.receive(connection, from, arriving);
            });
  }
}

void SimWorld::request(Place from, ConnectionId connection, const ClientSend& send) {
  const Place to = send.endpoint;
  if (!nodes_[to].is_up() && random_.one_in(2)) {
    scheduler_.in(std::chrono::milliseconds(1), [this, connection, to] { clients_.not_connected(connection, to); });
    return;
  }
  for (const Time when :
       network_.deliveries(scheduler_.now(), from, to, SimNetwork::Path::kDirect, is_awake(nodes_[to]))) {
    deliver(when, [this, from, to, connection, incarnation = nodes_[to].incarnation,
                   arriving = plan_.through_codec ? through_codec(send.request, wire::decode_request)
                                                  : send.request]() mutable {
      when_awake(to, incarnation, [this, from, connection, arriving = std::move(arriving)](SimNode& awake) {
        if (options_.trace) {
          trace(name_of_node(awake.place), "<- client " + std::to_string(from) + " " + describe(arriving));
        }
        awake.ledger->asked(clock_of(awake).time, connection, arriving);
        step(awake, ClientRequest{connection, arriving});
      });
    });
  }
}

// R17: a wiped disk is refused, and its operator is told why and leaves it down. Nobody else may be told
// so, except that after a wipe two ids of one name may look like two nodes for a moment: start it again.
void SimWorld::stop_for_good(SimNode& node, const std::string& why) {
  if (options_.trace) trace(name_of_node(node.place), "stops: " + why);
  const bool some_wiped = std::any_of(nodes_.begin(), nodes_.end(), [](const SimNode& n) { return n.wiped; });
  REQUIRE_SAFE(some_wiped, "node " + name_of_node(node.place) + " stops without a reason: " + why);
  crash(node);
  if (node.wiped) {
    coverage_.note(Met::kWipedRefused);
    node.refused = true;
    return;
  }
  scheduler_.in(plan_.timing.election_timeout_max,
                [this, place = node.place, incarnation = node.incarnation] { restart(place, incarnation); });
}

}  // namespace lockstep::simulation
