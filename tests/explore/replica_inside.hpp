// All of a Replica that decides what it does next for leases, and nothing else: see inside.hpp, of its Raft.
//
// Left out, with why two states that differ only there have the same future in the model `leases`:
//   requests of other kinds, waits, watches    there are none
//   numbers of barriers           the model names a follower's barrier by the first of its renewals
//   moments                       taken as distances from now, and beyond some distance all alike
//   a follower's other barriers   those for reads: the model loses them
#pragma once

#include <string>
#include <utility>

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
      const Reads& reads = replica.desk_.reads_;
      out.add(reads.under_way_.size()).add(until(std::min(reads.next_barrier(), reads.next_deadline())));
    }
    out.add(replica.applied_).add(replica.state_.hash()).add(replica.leader_).add(replica.leader_term_);
    out.add(replica.leases_.term_.value_or(Term())).add(replica.ready_barriers_.size());
    const Leases& leases = replica.leases_.leases_;
    project(leases, out);
    if (leases.size() > 0) out.add(since(leases.last_advance_));
    const KeepAlives& keep_alives = replica.desk_.keep_alives_;
    project(keep_alives, out);
    out.add(now >= keep_alives.last_sent_ + keep_alives.interval_);
  }

  // The first renewal of a barrier that is under way. None if the barrier renews nothing.
  static CallNumber name_of_barrier(const Replica& replica, CallNumber number) {
    const KeepAlives& keep_alives = replica.desk_.keep_alives_;
    for (const auto& barrier : keep_alives.under_way_) {
      if (barrier.number == number) return first_renewal(keep_alives, barrier);
    }
    return {};
  }
  static CallNumber number_of_barrier(const Replica& replica, CallNumber name) {
    const KeepAlives& keep_alives = replica.desk_.keep_alives_;
    for (const auto& barrier : keep_alives.under_way_) {
      if (first_renewal(keep_alives, barrier) == name) return barrier.number;
    }
    return {};
  }
  // As if its leader had found it due.
  static void propose(Replica& replica, Now now, std::string command) {
    replica.raft_->propose(now, std::move(command));
    replica.step(now, Tick{false});
  }
  static std::size_t renewals_waiting(const Replica& replica) { return replica.desk_.keep_alives_.waiting_.size(); }

 private:
  static void project(const Leases& leases, Projection& out) {
    out.add(leases.leases_.size());
    for (const auto& [session, lease] : leases.leases_) {  // of one session
      out.add(session).add(static_cast<std::uint64_t>(lease.duration.count())).add(lease.expiring);
      out.add(static_cast<std::uint64_t>((lease.ends - leases.healthy_time_).count()));
    }
  }
  static CallNumber first_renewal(const KeepAlives& keep_alives, const KeepAlives::RenewalBarrier& barrier) {
    return keep_alives.renewals_.at(barrier.renewals.front()).asker->call;
  }
  // Nothing times out in the model, so every renewal of a barrier is there.
  static void project(const KeepAlives& keep_alives, Projection& out) {
    const auto add = [&](KeepAlives::Id id, raft::Renewal verdict) {
      out.add(keep_alives.renewals_.at(id).asker->call).add(static_cast<std::uint64_t>(verdict));
    };
    out.add(keep_alives.waiting_.size());
    for (const auto id : keep_alives.waiting_) add(id, raft::Renewal::kUnknown);
    for (const auto* barriers : {&keep_alives.under_way_, &keep_alives.answered_}) {
      out.add(barriers->size());
      for (const auto& barrier : *barriers) {
        out.add(barrier.index).add(barrier.renewals.size());
        for (std::size_t i = 0; i < barrier.renewals.size(); ++i) {
          const bool is_answered = i < barrier.verdicts.size();
          add(barrier.renewals[i], is_answered ? barrier.verdicts[i] : raft::Renewal::kUnknown);
        }
      }
    }
  }
};

}  // namespace lockstep
