#include "tests/torture/evidence.hpp"

#include <algorithm>
#include <cstdio>

namespace lockstep::torture {
namespace {

bool lets_go(const Call& call, const std::string& name) {
  if (call.verb == Verb::kClose) return true;
  return call.verb == Verb::kRelease && call.names.front() == name;
}

// Renewals after the grant count, up to the first loss after it: the next session's are not this hold's.
Nanoseconds promised_to(const Call& grant, const std::vector<const LeaseNote*>& notes) {
  if (!grant.answer->safe_until) return kNever;
  Nanoseconds promised = *grant.answer->safe_until;
  for (const LeaseNote* note : notes) {
    if (note->at < grant.answer->returned) continue;
    if (!note->lost.empty()) break;
    if (note->safe_until) promised = std::max(promised, *note->safe_until);
  }
  return promised;
}

}  // namespace

std::string at_time(Nanoseconds time) {
  if (time == kNever) return "never";
  char text[40];
  std::snprintf(text, sizeof text, "%.6f s", static_cast<double>(time) / 1e9);
  return text;
}

std::string describe(const Call& call) {
  std::string text = "client " + std::to_string(call.client) + ", call " + std::to_string(call.number) + ": " +
                     std::string(to_string(call.verb));
  for (const std::string& name : call.names) text += " " + name;
  if (call.asked_token != 0) text += " token " + std::to_string(call.asked_token);
  text += ", called at " + at_time(call.called);
  if (!call.answer) return text + ", never answered";
  const Answer& answer = *call.answer;
  text += ", answered at " + at_time(answer.returned) + ": " + std::string(to_string(answer.result));
  if (!answer.error.empty()) text += " " + answer.error + (answer.definite ? " (definite)" : " (indefinite)");
  if (answer.token != 0) text += ", token " + std::to_string(answer.token);
  if (!answer.owner.empty()) text += ", owner " + answer.owner;
  return text + ", index " + std::to_string(answer.index);
}

bool is_read(Verb verb) { return verb == Verb::kCheck || verb == Verb::kVerify || verb == Verb::kList; }

Progress::Progress(const History& history) {
  for (const Call& call : history.calls) {
    if (!call.answer) continue;
    const std::uint64_t index = std::max(call.answer->index, call.answer->token);
    if (index == 0) continue;
    by_time_.emplace_back(call.answer->returned, index);
    by_index_.emplace_back(index, call.answer->returned);
  }
  std::sort(by_time_.begin(), by_time_.end());
  std::uint64_t highest = 0;
  for (auto& seen : by_time_) seen.second = highest = std::max(highest, seen.second);
  std::sort(by_index_.begin(), by_index_.end());
  Nanoseconds earliest = kNever;
  for (auto seen = by_index_.rbegin(); seen != by_index_.rend(); ++seen) {
    seen->second = earliest = std::min(earliest, seen->second);
  }
}

std::uint64_t Progress::index_before(Nanoseconds moment) const {
  const auto after = std::lower_bound(by_time_.begin(), by_time_.end(), std::pair(moment, std::uint64_t{0}));
  return after == by_time_.begin() ? 0 : std::prev(after)->second;
}

Nanoseconds Progress::seen_by(std::uint64_t index) const {
  const auto at = std::lower_bound(by_index_.begin(), by_index_.end(), std::pair(index, Nanoseconds{0}));
  return at == by_index_.end() ? kNever : at->second;
}

std::map<int, std::vector<const Call*>> calls_by_client(const History& history) {
  std::map<int, std::vector<const Call*>> calls;
  for (const Call& call : history.calls) calls[call.client].push_back(&call);
  for (auto& entry : calls) {
    std::sort(entry.second.begin(), entry.second.end(), [](auto* a, auto* b) { return a->number < b->number; });
  }
  return calls;
}

std::vector<const LeaseNote*> lease_notes_in_order(const History& history) {
  std::vector<const LeaseNote*> notes;
  for (const LeaseNote& note : history.leases) notes.push_back(&note);
  std::stable_sort(notes.begin(), notes.end(), [](auto* a, auto* b) { return a->at < b->at; });
  return notes;
}

std::vector<Hold> holds_of(const History& history) {
  std::map<int, std::vector<const LeaseNote*>> notes;
  for (const LeaseNote* note : lease_notes_in_order(history)) notes[note->client].push_back(note);
  std::vector<Hold> holds;
  for (const auto& [client, calls] : calls_by_client(history)) {
    for (auto call = calls.begin(); call != calls.end(); ++call) {
      if (!(*call)->is(Result::kGranted)) continue;
      const Nanoseconds promised = promised_to(**call, notes[client]);
      for (const std::string& name : (*call)->names) {
        Hold hold{*call, name, (*call)->answer->token, (*call)->answer->returned, kNever, promised};
        const auto end = std::find_if(call + 1, calls.end(), [&](const Call* c) { return lets_go(*c, name); });
        if (end != calls.end()) hold.let_go = (*end)->called;
        holds.push_back(std::move(hold));
      }
    }
  }
  return holds;
}

}  // namespace lockstep::torture
