// AcquisitionTable: by what an acquisition is found, and the lists of those that an event concerns.
#include "protocol/client_core/acquisition_table.hpp"

#include <algorithm>

#include "protocol/base/invariant.hpp"

namespace lockstep::client_core {

AcquisitionTable::Keys AcquisitionTable::keys_of(const Acquisition& acquisition) {
  const bool has_call = static_cast<bool>(acquisition.call);
  const bool is_waiting = acquisition.stage == Acquisition::Stage::kWaiting;
  Keys keys;
  if (is_waiting) keys.wait_ends = acquisition.wait_ends;
  if (has_call && acquisition.silent_since) keys.deadline = *acquisition.silent_since + acquisition.timeout;
  if (has_call && is_waiting) keys.timeout = acquisition.timeout;
  keys.is_in_line = acquisition.is_in_line();
  keys.is_abandoned = !has_call;
  keys.is_wanted = has_call || !acquisition.keeps_grant;
  return keys;
}

void AcquisitionTable::index(AcquisitionId id, const Keys& keys, const Acquisition& acquisition) {
  if (keys.wait_ends != Time::max()) wait_ends_.emplace(keys.wait_ends, id);
  if (keys.deadline != Time::max()) deadlines_.emplace(keys.deadline, id);
  if (keys.timeout) timeouts_.emplace(*keys.timeout, id);
  abandoned_ += keys.is_abandoned ? 1 : 0;
  wanted_ += keys.is_wanted ? 1 : 0;
  in_line_ += keys.is_in_line ? 1 : 0;
  if (!keys.is_in_line) return;
  for (const std::string& name : acquisition.names) lines_[name].insert(id);
}

void AcquisitionTable::unindex(AcquisitionId id, const Keys& keys, const Acquisition& acquisition) {
  wait_ends_.erase({keys.wait_ends, id});
  deadlines_.erase({keys.deadline, id});
  if (keys.timeout) timeouts_.erase({*keys.timeout, id});
  abandoned_ -= keys.is_abandoned ? 1 : 0;
  wanted_ -= keys.is_wanted ? 1 : 0;
  in_line_ -= keys.is_in_line ? 1 : 0;
  if (!keys.is_in_line) return;
  for (const std::string& name : acquisition.names) {
    const auto line = lines_.find(name);
    if (line == lines_.end()) continue;
    line->second.erase(id);
    if (line->second.empty()) lines_.erase(line);
  }
}

void AcquisitionTable::changed(AcquisitionId id, const Keys& before, const Acquisition& acquisition) {
  const Keys after = keys_of(acquisition);
  if (after == before) return;
  unindex(id, before, acquisition);
  index(id, after, acquisition);
}

AcquisitionId AcquisitionTable::add(Acquisition acquisition) {
  last_ = last_.next();
  const Acquisition& added = acquisitions_.emplace(last_, std::move(acquisition)).first->second;
  index(last_, keys_of(added), added);
  return last_;
}

void AcquisitionTable::erase(AcquisitionId id) {
  const Acquisition& acquisition = find(id);
  unindex(id, keys_of(acquisition), acquisition);
  acquisitions_.erase(id);
}

void AcquisitionTable::clear() {
  const AcquisitionId last = last_;
  *this = {};
  last_ = last;
}

const Acquisition& AcquisitionTable::at(AcquisitionId id) const {
  const auto found = acquisitions_.find(id);
  INVARIANT(found != acquisitions_.end(), "an acquisition that is spoken of is under way");
  return found->second;
}

Acquisition& AcquisitionTable::find(AcquisitionId id) {
  const auto found = acquisitions_.find(id);
  INVARIANT(found != acquisitions_.end(), "an acquisition that is spoken of is under way");
  return found->second;
}

CallId AcquisitionTable::take_call(AcquisitionId id) {
  CallId call;
  change(id, [&](Acquisition& acquisition) { call = std::exchange(acquisition.call, CallId()); });
  return call;
}

std::vector<AcquisitionId> AcquisitionTable::ended_waits(Time now) const {
  std::vector<AcquisitionId> ids;
  for (const auto& [end, id] : wait_ends_) {
    if (end > now) break;
    ids.push_back(id);
  }
  std::sort(ids.begin(), ids.end());
  return ids;
}

std::vector<AcquisitionId> AcquisitionTable::late(Time now, std::optional<Time> lease_silent_since) const {
  std::vector<AcquisitionId> ids;
  for (const auto& [deadline, id] : deadlines_) {
    if (deadline > now) break;
    ids.push_back(id);
  }
  if (lease_silent_since) {
    for (const auto& [timeout, id] : timeouts_) {
      if (*lease_silent_since + timeout > now) break;
      ids.push_back(id);
    }
  }
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  return ids;
}

Time AcquisitionTable::next_deadline(std::optional<Time> lease_silent_since) const {
  Time next = Time::max();
  if (!wait_ends_.empty()) next = std::min(next, wait_ends_.begin()->first);
  if (!deadlines_.empty()) next = std::min(next, deadlines_.begin()->first);
  if (lease_silent_since && !timeouts_.empty()) next = std::min(next, *lease_silent_since + timeouts_.begin()->first);
  return next;
}

std::vector<AcquisitionId> AcquisitionTable::in_line_for(const std::string& name) const {
  const auto line = lines_.find(name);
  if (line == lines_.end()) return {};
  return {line->second.begin(), line->second.end()};
}

void AcquisitionTable::check_invariants() const {
  AcquisitionTable again;
  for (const auto& [id, acquisition] : acquisitions_) {
    again.index(id, keys_of(acquisition), acquisition);
    INVARIANT(acquisition.to_release.empty() || acquisition.stage == Acquisition::Stage::kReleasing,
              "only what is undone is released");
    INVARIANT(acquisition.stage != Acquisition::Stage::kReleasing || !acquisition.call,
              "what a call waits for is not undone");
  }
  INVARIANT(again.wait_ends_ == wait_ends_, "each wait is found by its end");
  INVARIANT(again.deadlines_ == deadlines_, "each call is found by its deadline");
  INVARIANT(again.timeouts_ == timeouts_, "each call in line is found by its patience");
  INVARIANT(again.lines_ == lines_, "each acquisition in line is found by its names");
  INVARIANT(again.abandoned_ == abandoned_ && again.wanted_ == wanted_ && again.in_line_ == in_line_,
            "what is counted is there");
}

}  // namespace lockstep::client_core
