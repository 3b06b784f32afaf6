#include "tests/simulation/reference.hpp"

#include <algorithm>

#include "protocol/wire/codec.hpp"
#include "tests/simulation/failure.hpp"

namespace lockstep::simulation {
namespace {

std::string at_index(LogIndex index) { return " in entry " + std::to_string(index.value()); }

const std::string& name_of(const locks::Operation& operation) {
  return std::visit([](const auto& asked) -> const std::string& { return asked.name; }, operation);
}

// A refusal that leaves no trace in the session's table: the number may run later.
bool is_unrecorded(const locks::Result& result) {
  const auto* refused = std::get_if<locks::Refused>(&result);
  if (refused == nullptr) return false;
  return refused->code == ErrorCode::kSessionExpired || refused->code == ErrorCode::kSessionSuperseded ||
         refused->code == ErrorCode::kTooManyUnacknowledged;
}

}  // namespace

locks::RequestKey Reference::key_of(const locks::Command& command) {
  locks::RequestKey key = locks::key_of(command);
  if (std::holds_alternative<locks::Open>(command)) key.fingerprint = 0;
  return key;
}

void Reference::commit(Time when, Term term, const raft::Entry& entry) {
  committed_.push_back({entry, term, when, 0});
  coverage_->note(Met::kCommit);
  apply(last(), entry);
  committed_.back().hash = state_.hash();
}

void Reference::apply(LogIndex index, const raft::Entry& entry) {
  if (const auto* configuration = std::get_if<raft::Configuration>(&entry.body)) {
    const auto limits = wire::decode_state_limits(configuration->state_limits);
    require_safe(limits.has_value(), "the configuration carries state limits that decode");
    state_ = locks::StateMachine(*limits);
  } else if (const auto* bytes = std::get_if<raft::Command>(&entry.body)) {
    const auto command = wire::decode_command(bytes->bytes);
    require_safe(command.has_value(), "a committed command decodes");
    const auto outcome = state_.apply(index, entry.time, *command);
    if (!outcome) return;
    require_safe(outcome->key == locks::key_of(*command), "an outcome has the key of its command" + at_index(index));
    answers_[key_of(*command)].push_back({index, outcome->result});
    judge(index, *command, *outcome);
    require_safe(state_.lock_count() == owners_.size(), "every owned lock is in the table" + at_index(index));
  }
}

void Reference::judge(LogIndex index, const locks::Command& command, const locks::Outcome& outcome) {
  if (const auto* open = std::get_if<locks::Open>(&command)) {
    judge_open(index, *open, outcome.result);
  } else {
    judge_request(index, std::get<locks::Execute>(command), outcome);
  }
}

void Reference::judge_open(LogIndex index, const locks::Open& open, const locks::Result& result) {
  const auto* opened = std::get_if<locks::SessionOpened>(&result);
  if (opened == nullptr) {
    coverage_->note(Met::kStateRefusal);
    return;
  }
  SessionId& current = sessions_[open.client];
  if (opened->session != session_opened_by(index)) {
    require_safe(opened->session == current, "a retried Open is answered with the client's session" + at_index(index));
    coverage_->note(Met::kRetryAnswered);
    return;
  }
  std::size_t moved = 0;
  for (auto& [name, owner] : owners_) {
    if (!current || owner.session != current) continue;
    ++moved;
    owner.session = opened->session;
    require_safe(token_granted_by(index) > owner.token, "a takeover's tokens rise" + at_index(index));
    owner.token = last_token_[name] = token_granted_by(index);
    note_version(index, name);
  }
  if (current && state_.sessions().end_of(current) == locks::SessionEnd::kEvicted) coverage_->note(Met::kEviction);
  if (moved != 0) coverage_->note(Met::kTakeover);
  current = opened->session;
}

void Reference::judge_request(LogIndex index, const locks::Execute& request, const locks::Outcome& outcome) {
  const RequestId id{request.session, request.number};
  const auto before = ran_.find(id);
  if (before == ran_.end()) {
    if (!is_unrecorded(outcome.result)) {
      ran_.emplace(id, Ran{outcome.key.fingerprint, index, outcome.result});
      judge_run(index, request, outcome.result);
    }
  } else if (before->second.fingerprint == outcome.key.fingerprint && !is_unrecorded(outcome.result)) {
    require_safe(outcome.result == before->second.result, "a retry has the answer of its first run" + at_index(index));
    coverage_->note(Met::kRetryAnswered);
  } else {
    require_safe(std::holds_alternative<locks::Refused>(outcome.result),
                 "a number that was used for another command is refused" + at_index(index));
  }
}

// A request that runs now, for the first and only time.
void Reference::judge_run(LogIndex index, const locks::Execute& request, const locks::Result& result) {
  const std::string& name = name_of(request.operation);
  if (std::holds_alternative<locks::Refused>(result)) {
    coverage_->note(Met::kStateRefusal);
  } else if (std::holds_alternative<locks::Preempt>(request.operation)) {
    judge_preempt(index, request.session, name, result);
  } else {
    judge_release(index, request.session, name, result);
  }
}

void Reference::judge_preempt(LogIndex index, SessionId session, const std::string& name, const locks::Result& result) {
  if (name.starts_with(kOncePrefix)) {
    require_safe(preempted_once_.insert(name).second, "one call of a client ran twice: " + name + at_index(index));
  }
  if (const auto* granted = std::get_if<locks::Granted>(&result)) {
    require_safe(granted->token == token_granted_by(index), "a token is its entry's index" + at_index(index));
    grant(index, session, name);
    coverage_->note(Met::kGranted);
    return;
  }
  const auto* held = std::get_if<locks::Held>(&result);
  require_safe(held != nullptr, "a preempt is answered granted, held or refused" + at_index(index));
  const auto owner = owners_.find(name);
  require_safe(owner != owners_.end(), "a lock that nobody owns is granted: " + name + at_index(index));
  require_safe(held->token == owner->second.token && sessions_[held->owner] == owner->second.session,
               "held names the owner and the token: " + name + at_index(index));
  coverage_->note(Met::kHeld);
}

void Reference::grant(LogIndex index, SessionId session, const std::string& name) {
  require_safe(!owners_.contains(name), "a lock has one owner: " + name + " was granted twice" + at_index(index));
  FencingToken& last = last_token_[name];
  require_safe(token_granted_by(index) > last, "tokens of a lock strictly rise: " + name + at_index(index));
  last = token_granted_by(index);
  owners_[name] = {session, last};
  note_version(index, name);
}

void Reference::judge_release(LogIndex index, SessionId session, const std::string& name, const locks::Result& result) {
  const auto owner = owners_.find(name);
  const bool is_owner = owner != owners_.end() && owner->second.session == session;
  if (std::holds_alternative<locks::Released>(result)) {
    require_safe(is_owner, "only the owner releases: " + name + at_index(index));
    owners_.erase(owner);
    note_version(index, name);
    coverage_->note(Met::kReleased);
    return;
  }
  require_safe(std::holds_alternative<locks::NotHolder>(result) && !is_owner,
               "a release by the owner succeeds: " + name + at_index(index));
  coverage_->note(Met::kNotHolder);
}

void Reference::note_version(LogIndex index, const std::string& name) {
  auto view = state_.check(name);
  const auto owner = owners_.find(name);
  require_safe(view.has_value() == (owner != owners_.end()), "check tells the owner: " + name + at_index(index));
  if (view) {
    require_safe(view->token == owner->second.token && sessions_[view->owner] <= owner->second.session,
                 "check tells the owner and the token: " + name + at_index(index));
  }
  versions_[name].push_back({index, std::move(view)});
}

std::optional<locks::LockView> Reference::view_at(const std::string& name, LogIndex index) const {
  const auto found = versions_.find(name);
  if (found == versions_.end()) return std::nullopt;
  const auto& versions = found->second;
  const auto later = std::upper_bound(versions.begin(), versions.end(), index,
                                      [](LogIndex wanted, const Version& version) { return wanted < version.since; });
  return later == versions.begin() ? std::nullopt : std::prev(later)->view;
}

std::vector<locks::LockView> Reference::list_at(const std::string& prefix, const std::string& after,
                                                LogIndex index) const {
  std::vector<locks::LockView> locks;
  for (auto name = versions_.lower_bound(prefix); name != versions_.end() && name->first.starts_with(prefix); ++name) {
    if (name->first <= after) continue;
    if (auto view = view_at(name->first, index)) locks.push_back(*std::move(view));
  }
  return locks;
}

const std::vector<Reference::Answer>& Reference::answers_to(const locks::RequestKey& key) const {
  static const std::vector<Answer> kNone;
  const auto found = answers_.find(key);
  return found == answers_.end() ? kNone : found->second;
}

LogIndex Reference::ran_at(const locks::RequestKey& key) const {
  const auto found = ran_.find({key.session, RequestNumber(key.number)});
  const bool ran = found != ran_.end() && found->second.fingerprint == key.fingerprint &&
                   !std::holds_alternative<locks::Refused>(found->second.result);
  return ran ? found->second.index : LogIndex();
}

}  // namespace lockstep::simulation
