// OperationLine: which operation is ready, which is blocked at which name, and which is woken when a name comes free.
#include "protocol/client_core/operation_line.hpp"

#include <algorithm>

#include "protocol/base/invariant.hpp"
#include "protocol/base/overloaded.hpp"

namespace lockstep::client_core {

std::span<const std::string> names_in(const locks::Operation& operation) {
  using Names = std::span<const std::string>;
  return std::visit(
      Overloaded{[](const locks::Preempt& preempt) { return Names(&preempt.name, 1); },
                 [](const locks::Release& release) { return Names(&release.name, 1); },
                 [](const locks::Acquire& acquire) { return Names(acquire.names); },
                 [](const locks::ForceRelease& force) { return Names(&force.name, 1); },
                 [](const locks::Cancel&) { return Names(); }, [](const locks::Close&) { return Names(); },
                 [](const locks::CloseSession&) { return Names(); }},
      operation);
}

void OperationLine::add(RequestId id, const RunOnce& operation) {
  const auto names = names_in(operation.operation);
  const bool is_release = std::holds_alternative<locks::Release>(operation.operation);
  const Place entry{{names.begin(), names.end()}, operation.ends() ? kEnds : kIsNew, is_release};
  const bool added = entries_.emplace(id, entry).second;
  INVARIANT(added, "an operation stands in line once");
  for (const std::string& name : entry.names) {
    NameUse& state = names_[name];
    ++state.users;
    state.releases += is_release ? 1 : 0;
  }
  ready_[entry.kind].insert(id);
}

void OperationLine::start(RequestId id) {
  Place& entry = entries_.at(id);
  const std::size_t erased = ready_[entry.kind].erase(id);
  INVARIANT(erased == 1, "an operation is started once, and only when it is ready");
  entry.started = true;
  for (const std::string& name : entry.names) ++names_.at(name).in_use;
}

void OperationLine::remove(RequestId id) {
  const auto node = entries_.extract(id);
  INVARIANT(!node.empty(), "only an operation that is in line leaves it");
  const Place& entry = node.mapped();
  if (entry.blocked_at) {
    names_.at(*entry.blocked_at).blocked[entry.kind].erase(id);
  } else if (!entry.started) {
    ready_[entry.kind].erase(id);
  }
  for (const std::string& name : entry.names) {
    NameUse& state = names_.at(name);
    --state.users;
    state.in_use -= entry.started ? 1 : 0;
    state.releases -= entry.is_release ? 1 : 0;
  }
  for (const std::string& name : entry.names) {
    wake_first(name, kEnds);
    wake_first(name, kIsNew);
  }
  for (const std::string& name : entry.names) {
    const auto found = names_.find(name);
    if (found != names_.end() && found->second.users == 0) names_.erase(found);
  }
}

RequestId OperationLine::next(RequestId after, bool only_ends) {
  for (;;) {
    RequestId first;
    for (const Precedence kind : {kEnds, kIsNew}) {
      if (kind == kIsNew && only_ends) continue;
      const auto found = ready_[kind].upper_bound(after);
      if (found != ready_[kind].end() && (!first || *found < first)) first = *found;
    }
    if (!first) return first;
    Place& entry = entries_.at(first);
    const std::string* busy = name_in_use(entry);
    if (busy == nullptr) return first;
    block(first, entry, *busy);
  }
}

bool OperationLine::is_in_use(const locks::Operation& operation) const {
  const auto names = names_in(operation);
  return std::any_of(names.begin(), names.end(), [&](const std::string& name) { return !is_free(name); });
}

bool OperationLine::has_release_of(const std::string& name) const {
  const auto found = names_.find(name);
  return found != names_.end() && found->second.releases > 0;
}

bool OperationLine::is_free(const std::string& name) const {
  const auto found = names_.find(name);
  return found == names_.end() || found->second.in_use == 0;
}

const std::string* OperationLine::name_in_use(const Place& entry) const {
  const auto found =
      std::find_if(entry.names.begin(), entry.names.end(), [&](const auto& name) { return !is_free(name); });
  return found == entry.names.end() ? nullptr : &*found;
}

// It waits for `name`. Those that waited behind it for its other names need not.
void OperationLine::block(RequestId id, Place& entry, const std::string& name) {
  ready_[entry.kind].erase(id);
  entry.blocked_at = name;
  names_.at(name).blocked[entry.kind].insert(id);
  for (const std::string& other : entry.names) wake_first(other, entry.kind);
}

// Of those that are blocked at a name that nobody uses the first is ready: the others come after it.
void OperationLine::wake_first(const std::string& name, Precedence kind) {
  NameUse& state = names_.at(name);
  std::set<RequestId>& blocked = state.blocked[kind];
  if (state.in_use > 0 || blocked.empty()) return;
  const RequestId first = *blocked.begin();
  blocked.erase(blocked.begin());
  entries_.at(first).blocked_at.reset();
  ready_[kind].insert(first);
}

void OperationLine::check_invariants() const {
  std::map<std::string, std::size_t> in_use;
  std::map<std::string, std::size_t> users;
  std::array<std::size_t, 2> ready{};
  for (const auto& [id, entry] : entries_) {
    for (const std::string& name : entry.names) ++users[name];
    if (entry.started) {
      INVARIANT(!entry.blocked_at, "what is under way waits for no lock");
      for (const std::string& name : entry.names) ++in_use[name];
    } else if (!entry.blocked_at) {
      ++ready[entry.kind];
      INVARIANT(ready_[entry.kind].contains(id), "what is neither sent nor blocked is ready");
    }
  }
  INVARIANT(ready[kEnds] == ready_[kEnds].size() && ready[kIsNew] == ready_[kIsNew].size(), "what is ready is in line");
  const auto has_ready_before = [&](Precedence kind, const std::string& name, RequestId before) {
    return std::any_of(ready_[kind].begin(), ready_[kind].lower_bound(before), [&](RequestId id) {
      const auto& names = entries_.at(id).names;
      return std::find(names.begin(), names.end(), name) != names.end();
    });
  };
  for (const auto& [name, state] : names_) {
    INVARIANT(users[name] == state.users && state.users > 0, "a lock is known while an operation names it");
    INVARIANT(in_use[name] == state.in_use, "a lock is in use by what is under way");
    for (const Precedence kind : {kEnds, kIsNew}) {
      const auto& blocked = state.blocked[kind];
      INVARIANT(blocked.empty() || state.in_use > 0 || has_ready_before(kind, name, *blocked.begin()),
                "nothing waits for a lock that no operation uses or is about to use");
    }
  }
}

}  // namespace lockstep::client_core
