#include "tests/torture/replay.hpp"

namespace lockstep::torture {

locks::LockView plain(locks::LockView view) {
  for (auto& holder : view.holders) {
    holder.since = {};
    holder.note.clear();
  }
  for (auto& waiter : view.waiters) {
    waiter.since = {};
    waiter.note.clear();
  }
  return view;
}

Replay::Replay(const std::vector<Entry>& entries, const AtEach& at_each) {
  locks::NaiveMachine machine{locks::StateLimits()};
  for (const Entry& entry : entries) {
    if (const auto* limits = std::get_if<locks::StateLimits>(&entry.body)) machine = locks::NaiveMachine(*limits);
    if (const auto* command = std::get_if<locks::Command>(&entry.body)) apply(machine, entry, *command);
    last_ = entry.index;
    at_each(entry.index, machine);
  }
  for (const auto& [index, ran] : ran_) by_client_[ran.client].push_back(&ran);
}

void Replay::apply(locks::NaiveMachine& machine, const Entry& entry, const locks::Command& command) {
  const auto result = machine.apply(LogIndex(entry.index), WallTime{}, command);
  note_changes(machine.changes);
  if (const auto* open = std::get_if<locks::Open>(&command)) {
    const auto* opened = result ? std::get_if<locks::SessionOpened>(&*result) : nullptr;
    if (opened != nullptr) owners_[opened->session.value()] = to_string(open->client);
  }
  const auto* request = std::get_if<locks::Execute>(&command);
  if (request == nullptr || !result) return;
  const auto owner = owners_.find(request->session.value());
  const auto [first, is_first] = first_.try_emplace({request->session.value(), request->number.value()}, entry.index);
  const Ran ran{entry.index, owner == owners_.end() ? std::string() : owner->second, request->operation, *result};
  const auto known = ran_.find(first->second);
  if (is_first || known->second.result != ran.result || known->second.operation != ran.operation) {
    ran_.emplace(entry.index, ran);  // a refusal of a copy speaks for itself
  } else {
    copies_[entry.index] = first->second;
  }
}

void Replay::note_changes(const std::vector<locks::LockChange>& changes) {
  for (const locks::LockChange& change : changes) {
    const std::string owner = to_string(change.owner);
    std::size_t& place = places_[{owner, change.name, change.token.value()}];
    if (!change.ended) {
      grants_.push_back({owner, change.name, change.token.value(), 0, {}});
      place = grants_.size();
    } else if (place != 0) {
      grants_[place - 1].ended = change.index.value();
      grants_[place - 1].reason = change.ended;
    }
  }
}

const Ran* Replay::answered_at(std::uint64_t index) const {
  const auto copy = copies_.find(index);
  const auto ran = ran_.find(copy == copies_.end() ? index : copy->second);
  return ran == ran_.end() ? nullptr : &ran->second;
}

const std::vector<const Ran*>& Replay::ran_by(const std::string& client) const {
  static const std::vector<const Ran*> kNone;
  const auto found = by_client_.find(client);
  return found == by_client_.end() ? kNone : found->second;
}

const Grant* Replay::grant(const std::string& client, const std::string& name, std::uint64_t token) const {
  const auto found = places_.find({client, name, token});
  return found == places_.end() || found->second == 0 ? nullptr : &grants_[found->second - 1];
}

}  // namespace lockstep::torture
