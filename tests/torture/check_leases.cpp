// What clients were promised of their leases, and what they were told when one ended (L2, L3).
#include <algorithm>
#include <map>

#include "tests/torture/checker.hpp"
#include "tests/torture/evidence.hpp"

namespace lockstep::torture {
namespace {

class Leases {
 public:
  explicit Leases(const History& history) : history_(history), progress_(history) {
    for (const ClientInfo& client : history.clients) ttls_[client.client] = Nanoseconds{client.ttl_ms} * 1'000'000;
  }

  std::vector<Violation> run() {
    for (const LeaseNote& note : history_.leases) {
      if (note.safe_until) judge_promise(note.client, note.at, *note.safe_until);
    }
    for (const Call& call : history_.calls) {
      if (call.answer && call.answer->safe_until.value_or(0) != 0) {
        judge_promise(call.client, call.answer->returned, *call.answer->safe_until);
      }
    }
    judge_losses();
    judge_expiries();
    return std::move(violations_);
  }

 private:
  void add(const char* rule, std::string text) {
    if (violations_.size() < kMostViolations) violations_.push_back({rule, std::move(text)});
  }
  static std::string name_of(int client) { return "client " + std::to_string(client); }

  // It counts from before the moment at which it is told, and less 2 % for the clocks.
  void judge_promise(int client, Nanoseconds at, Nanoseconds safe_until) {
    const auto ttl = ttls_.find(client);
    if (ttl == ttls_.end() || safe_until - at <= ttl->second - ttl->second / 50) return;
    add("long promise", name_of(client) + " was promised at " + at_time(at) + " that its lease is certain until " +
                            at_time(safe_until) + ", which is more than 98 % of its TTL");
  }

  void judge_losses() {
    std::map<int, Nanoseconds> promised;
    for (const LeaseNote* note : lease_notes_in_order(history_)) {
      if (note->safe_until) promised[note->client] = std::max(promised[note->client], *note->safe_until);
      if (note->lost.empty() || note->lost == "forced") continue;  // of single locks
      const bool ran_out = note->lost == "expired" || note->lost == "unreachable";
      if (ran_out && note->at < promised[note->client]) {
        add("early loss", name_of(note->client) + " was told at " + at_time(note->at) + " that its lease is lost (" +
                              note->lost + "), which was certain until " + at_time(promised[note->client]));
      }
      promised[note->client] = 0;
    }
  }

  // By session: up to when its client was certain of it. A note is of the session of the answer before it, if nothing
  // was lost since.
  std::map<std::uint64_t, Nanoseconds> promises() const {
    std::map<std::uint64_t, Nanoseconds> promised;
    std::map<int, std::map<Nanoseconds, std::uint64_t>> sessions;  // by client, from a moment on; 0: none
    for (const Call& call : history_.calls) {
      if (!call.answer) continue;
      sessions[call.client][call.answer->returned] = call.answer->session;
      if (call.answer->session != 0 && call.answer->safe_until) {
        Nanoseconds& latest = promised[call.answer->session];
        latest = std::max(latest, *call.answer->safe_until);
      }
    }
    for (const LeaseNote& note : history_.leases) {
      if (!note.lost.empty() && note.lost != "forced") sessions[note.client][note.at] = 0;
    }
    for (const LeaseNote& note : history_.leases) {
      if (!note.safe_until) continue;
      const auto& of_client = sessions[note.client];
      const auto after = of_client.upper_bound(note.at);
      if (after == of_client.begin() || std::prev(after)->second == 0) continue;
      Nanoseconds& latest = promised[std::prev(after)->second];
      latest = std::max(latest, *note.safe_until);
    }
    return promised;
  }

  // Whether it held anything or not.
  void judge_expiries() {
    const auto promised = promises();
    for (const Entry& entry : history_.entries) {
      const auto* command = std::get_if<locks::Command>(&entry.body);
      const auto* expire = command == nullptr ? nullptr : std::get_if<locks::Expire>(command);
      if (expire == nullptr) continue;
      const auto until = promised.find(expire->session.value());
      const Nanoseconds seen = progress_.seen_by(entry.index);
      if (until == promised.end() || seen >= until->second) continue;
      add("early expiry", "session " + std::to_string(expire->session.value()) + " was certain until " +
                              at_time(until->second) + "; but its expiry at index " + std::to_string(entry.index) +
                              " had been seen at " + at_time(seen));
    }
  }

  const History& history_;
  Progress progress_;
  std::map<int, Nanoseconds> ttls_;
  std::vector<Violation> violations_;
};

}  // namespace

std::vector<Violation> check_leases(const History& history) { return Leases(history).run(); }

}  // namespace lockstep::torture
