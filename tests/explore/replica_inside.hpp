// All of a Replica that decides what it does next for leases, and nothing else: see inside.hpp, of its Raft.
//
// Left out, with why two states that differ only there have the same future in the model `leases`:
//   requests of other kinds, waits, watches    there are none
//   numbers of barriers           the model names a follower's barrier by the first of its renewals
//   moments                       taken as distances from now, and beyond some distance all alike
//   a follower's other barriers   those for reads: the model loses them
#pragma once

#include "protocol/replica/replica.hpp"
#include "tests/explore/raft_inside.hpp"

namespace lockstep {

struct Inside {
  using Projection = explore::Projection;

  static void project(const Replica& replica, Time now, Duration long_silence, Duration long_ago, Projection& out) {
    const raft::Raft& raft = *replica.raft_;
    const auto since = [&](Time then) { return static_cast<std::uint64_t>(std::min(now - then, long_ago).count()); };
    const auto until = [&](Time then) {
      return static_cast<std::uint64_t>(std::clamp(then - now, Duration::zero(), long_ago).count());
    };
    raft::Inside::project(raft, out);
    raft::Inside::project_barriers(raft, out);
    for (LogIndex index = raft.log().last_index(); raft.log().contains(index); index = index.previous()) {
      out.add(raft.log().at(index).body.index());
    }
    if (raft.is_leader()) {
      out.add(static_cast<std::uint64_t>(std::min(raft.quorum_silence(now), long_silence).count()));
      out.add(until(raft.next_deadline()));
      out.add(replica.reads_.flights_.size()).add(until(replica.reads_.next_deadline()));
    }
    out.add(replica.applied_).add(replica.state_.hash()).add(replica.leader_).add(replica.leader_term_);
    out.add(replica.leases_of_.value_or(Term())).add(replica.ready_barriers_.size());
    project(replica.leases_, out);
    if (replica.leases_.size() > 0) out.add(since(replica.leases_.last_advance_));
    project(replica.keep_alives_, out);
    out.add(now >= replica.keep_alives_.last_sent_ + replica.keep_alives_.interval_);
  }

  // The first renewal of a barrier that is under way. None: it renews nothing.
  static CallNumber name_of_barrier(const Replica& replica, CallNumber number) {
    for (const KeepAlives::Flight& flight : replica.keep_alives_.flights_) {
      if (flight.number == number) return flight.requests.front().asker->call;
    }
    return {};
  }
  static CallNumber number_of_barrier(const Replica& replica, CallNumber name) {
    for (const KeepAlives::Flight& flight : replica.keep_alives_.flights_) {
      if (flight.requests.front().asker->call == name) return flight.number;
    }
    return {};
  }
  static std::size_t renewals_waiting(const Replica& replica) { return replica.keep_alives_.waiting_.size(); }

 private:
  static void project(const Leases& leases, Projection& out) {
    out.add(leases.leases_.size());
    for (const auto& [session, lease] : leases.leases_) {  // of one session
      out.add(session).add(static_cast<std::uint64_t>(lease.duration.count())).add(lease.expiring);
      out.add(static_cast<std::uint64_t>((lease.ends - leases.healthy_time_).count()));
    }
  }
  static void project(const KeepAlives& keep_alives, Projection& out) {
    const auto add = [&](const KeepAlives::Request& request) {
      out.add(request.asker->call).add(static_cast<std::uint64_t>(request.verdict));
    };
    out.add(keep_alives.waiting_.size());
    for (const auto& request : keep_alives.waiting_) add(request);
    for (const auto* flights : {&keep_alives.flights_, &keep_alives.confirmed_}) {
      out.add(flights->size());
      for (const KeepAlives::Flight& flight : *flights) {
        out.add(flight.index).add(flight.requests.size());
        for (const auto& request : flight.requests) add(request);
      }
    }
  }
};

}  // namespace lockstep
