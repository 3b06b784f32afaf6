#include "tests/explore/traffic.hpp"

#include <algorithm>
#include <bit>

#include "tests/explore/violation.hpp"

namespace lockstep::explore {

Fingerprint Traffic::fingerprint(const Renaming& names) const {
  Projection out(names);
  out.add(committed.bits()).add(committed_in.bits());
  for (std::size_t term = 0; term <= kMaxTerm; ++term) {
    const TermTraffic& said = terms[term];
    if (said == TermTraffic{}) continue;
    out.add(term).add(said.log.bits()).add(said.commit).add(said.first).add(said.snapshots);
    out.add(said.leader == kNobody ? NodeId() : id_of(said.leader));
    out.add_for_each_node([&](std::size_t node) {
      std::uint64_t votes = 0;
      for (std::size_t to = 0; to < kNodes; ++to) votes |= ((said.votes[node] >> to) & 1U) << names[to];
      out.add(said.asked_index[node]).add(said.asked_term[node]).add(votes).add(said.acked[node]);
    });
  }
  return out.finish();
}

void Traffic::note(std::uint8_t node, const Facts& facts, const std::vector<Said>& said) {
  if (facts.leads) {
    TermTraffic& own = terms[facts.term];
    require(own.leader == kNobody || own.leader == node, "a term has two leaders");
    require(facts.log.starts_with(own.log), "a leader changed its own log");
    own.first = own.leader == kNobody ? narrow(facts.base) : std::min(own.first, narrow(facts.base));
    own.leader = node;
    own.log = facts.log;
    own.commit = facts.commit;
    own.snapshots = static_cast<std::uint16_t>(own.snapshots | facts.snapshots);
  }
  for (const Said& message : said) {
    TermTraffic& term = terms[message.term];
    if (message.kind == Kind::kVoteRequest) {
      term.asked_index[node] = message.index;
      term.asked_term[node] = message.last_term;
    } else if (message.kind == Kind::kVote) {
      term.votes[node] |= narrow(1U << message.to);
      require(std::has_single_bit(term.votes[node]), "a node voted for two candidates in a term");
    } else {
      require(term.log.starts_with(facts.disk_log.prefix(message.index)),
              "R3: an Ack names entries that are not the leader's");
      term.acked[node] = std::max(term.acked[node], message.index);
    }
  }
  const LogShape counted = facts.log.prefix(facts.commit);
  require(counted.starts_with(committed) || committed.starts_with(counted),
          "two nodes count different entries as committed");
  while (committed.length() < counted.length()) {
    committed.append(counted.term(committed.length() + 1));
    committed_in.append(facts.term);
  }
}

void check_leaders(const Traffic& traffic, const FactsOfAll& now) {
  for (const Facts* leader : now) {
    if (!leader->leads) continue;
    for (std::uint64_t index = 1; index <= traffic.committed.length(); ++index) {
      if (traffic.committed_in.term(index) >= leader->term) continue;
      require(index <= leader->log.length() && leader->log.term(index) == traffic.committed.term(index),
              "a leader's log lacks an entry that was committed before its term");
    }
  }
}

// A disk that was damaged since had acknowledged what it had.
void check_quorum(const FactsOfAll& before, const FactsOfAll& now) {
  for (std::size_t node = 0; node < kNodes; ++node) {
    const Facts& leader = *now[node];
    if (!leader.leads || leader.commit <= before[node]->commit) continue;
    const LogShape committed = leader.log.prefix(leader.commit);
    const auto has_it = [&](const Facts* other) {
      return other->under_repair || other->disk_log.starts_with(committed);
    };
    require(std::count_if(now.begin(), now.end(), has_it) > static_cast<std::ptrdiff_t>(kNodes / 2),
            "a leader counts as committed what is not on the disks of a quorum");
  }
}

std::uint32_t TrafficTable::intern(const Traffic& traffic) {
  const Fingerprint own_names = traffic.fingerprint(kRenamings.front());
  const auto [place, is_new] = numbers_.emplace(own_names, static_cast<std::uint32_t>(known_.size()));
  if (is_new) {
    known_.push_back({traffic, {}});
    for (std::size_t i = 0; i < kRenamings.size(); ++i) {
      known_.back().fingerprints[i] = traffic.fingerprint(kRenamings[i]);
    }
  }
  return place->second;
}

}  // namespace lockstep::explore
