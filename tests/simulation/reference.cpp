#include "tests/simulation/reference.hpp"

#include <algorithm>

#include "protocol/base/overloaded.hpp"
#include "protocol/wire/codec.hpp"
#include "tests/simulation/failure.hpp"

namespace lockstep::simulation {
namespace {

std::string at_index(LogIndex index) { return " in entry " + std::to_string(index.value()); }

// A refusal that leaves no trace in the session's table: the number may run later, or never.
bool is_unrecorded(const locks::Result& result) {
  const auto* refused = std::get_if<locks::Refused>(&result);
  if (refused == nullptr) return false;
  const bool session_ended = error_info(refused->code).exit_code == 5;
  return session_ended || refused->code == ErrorCode::kTooManyUnacknowledged ||
         refused->code == ErrorCode::kNumberReused;
}

locks::Result without_detail(locks::Result result) {
  if (auto* refused = std::get_if<locks::Refused>(&result)) refused->detail.clear();
  return result;
}

std::vector<locks::LockChange> in_order(std::vector<locks::LockChange> changes) {
  const auto key = [](const locks::LockChange& c) { return std::tie(c.name, c.token, c.owner); };
  std::sort(changes.begin(), changes.end(), [&](const auto& a, const auto& b) { return key(a) < key(b); });
  return changes;
}

bool is_granted_in(const std::vector<locks::LockChange>& changes) {
  return std::any_of(changes.begin(), changes.end(), [](const locks::LockChange& change) { return !change.ended; });
}

}  // namespace

locks::RequestKey Reference::key_of(const locks::Command& command) {
  locks::RequestKey key = locks::key_of(command);
  if (std::holds_alternative<locks::Open>(command)) key.fingerprint = 0;
  return key;
}

void Reference::commit(Time when, Term term, const raft::Entry& entry) {
  REQUIRE_SAFE(committed_.empty() || entry.time >= committed_.back().entry.time,
               "the times of entries never fall" + at_index(last().next()));
  committed_.push_back({entry, term, when});
  coverage_->note(Met::kCommit);
  apply(last(), entry);
  committed_.back().hash = state_.hash();
}

void Reference::apply(LogIndex index, const raft::Entry& entry) {
  if (const auto* configuration = std::get_if<raft::Configuration>(&entry.body)) {
    const auto limits = wire::decode_state_limits(configuration->state_limits);
    REQUIRE_SAFE(limits.has_value(), "the configuration carries state limits that decode");
    state_ = locks::StateMachine(*limits, bounds_);
    naive_ = locks::NaiveMachine(*limits, bounds_);
  } else if (const auto* bytes = std::get_if<raft::Command>(&entry.body)) {
    const auto command = wire::decode_command(bytes->bytes);
    REQUIRE_SAFE(command.has_value(), "a committed command decodes");
    return apply(index, entry.time, *command);
  }
  past_.note_nothing();
}

void Reference::apply(LogIndex index, WallTime time, const locks::Command& command) {
  std::set<std::string> names = names_in(command);
  const auto* expire = std::get_if<locks::Expire>(&command);
  if (expire != nullptr && !expire->waits_only && state_.sessions().find(expire->session) != nullptr) {
    committed_.back().expired = expire->session;
  }
  const bool was_full = state_.session_count() >= naive_.limits().sessions;
  const std::size_t waited = state_.locks().waiter_count();

  const auto outcome = state_.apply(index, time, command);
  const auto expected = naive_.apply(index, time, command);
  std::vector<locks::LockChange> changes = state_.take_changes();
  REQUIRE_SAFE(in_order(changes) == in_order(naive_.changes), "both machines change the same locks" + at_index(index));
  judge_changes(index, changes);
  for (const locks::LockChange& change : changes) names.insert(change.name);
  const auto& ended = state_.sessions().ended();
  const std::uint64_t forgotten = ended.empty() ? 0 : ended.front().position - 1;
  if (std::exchange(forgotten_ends_, forgotten) != forgotten) coverage_->note(Met::kSessionForgotten);
  compare_views(index, names);
  past_.note(index, naive_, names);
  committed_.back().changes = std::move(changes);

  REQUIRE_SAFE(outcome.has_value() == expected.has_value(), "both machines answer the same requests" + at_index(index));
  if (expire != nullptr) {
    if (committed_.back().expired) coverage_->note(Met::kExpired);
    if (expire->waits_only && state_.locks().waiter_count() < waited) coverage_->note(Met::kWaitsExpired);
  }
  if (!outcome) return;
  REQUIRE_SAFE(without_detail(outcome->result) == *expected, "both machines give the same answer" + at_index(index));
  REQUIRE_SAFE(outcome->key == locks::key_of(command), "an outcome has the key of its command" + at_index(index));
  answers_[key_of(command)].push_back({index, outcome->result});
  const auto* opened = std::get_if<locks::SessionOpened>(&outcome->result);
  const bool grants_its_own = opened || std::holds_alternative<locks::Granted>(outcome->result);
  if (!grants_its_own && is_granted_in(committed_.back().changes)) coverage_->note(Met::kWaiterGranted);
  note_result(command, outcome->result, opened && opened->session == session_opened_by(index), was_full);
  if (const auto* request = std::get_if<locks::Execute>(&command)) judge_once(index, *request, *outcome);
}

// The names whose view the command may change, beside those whose holders it does.
std::set<std::string> Reference::names_in(const locks::Command& command) const {
  std::set<std::string> names;
  const auto add_waits_of = [&](SessionId session) {
    for (const locks::Waiter* waiter : state_.locks().waits_of(session)) {
      for (const locks::NamedLock* lock : waiter->locks) names.insert(lock->first);
    }
  };
  if (const auto* open = std::get_if<locks::Open>(&command)) add_waits_of(state_.sessions().last_of(open->client));
  if (const auto* expire = std::get_if<locks::Expire>(&command)) add_waits_of(expire->session);
  if (const auto* request = std::get_if<locks::Execute>(&command)) {
    add_waits_of(request->session);
    std::visit(
        Overloaded{[&](const locks::Acquire& acquire) { names.insert(acquire.names.begin(), acquire.names.end()); },
                   [&](const locks::CloseSession& close) { add_waits_of(close.target); }, [](const auto&) {}},
        request->operation);
  }
  // A session that ends, or takes a place in line, may let others move up whose names are not its own.
  for (const auto& [name, lock] : state_.locks().in_order()) {
    if (!lock.queue.empty()) names.insert(name);
  }
  return names;
}

// "(name, session, token) is unique, and a name's token strictly rises from each exclusive grant to the next
// grant" (L8), and a token is the index of the entry that granted it.
void Reference::judge_changes(LogIndex index, const std::vector<locks::LockChange>& changes) {
  for (const locks::LockChange& change : changes) {
    if (change.ended) {
      if (change.ended == locks::EndReason::kSuperseded) coverage_->note(Met::kTakeover);
      if (change.ended == locks::EndReason::kForced) coverage_->note(Met::kForced);
      continue;
    }
    REQUIRE_SAFE(change.token == token_granted_by(index), "a token is its entry's index" + at_index(index));
    const auto last = last_grant_.find(change.name);
    if (last != last_grant_.end()) {
      const bool exclusive = change.mode == locks::Mode::kExclusive || last->second.mode == locks::Mode::kExclusive;
      const bool rises = exclusive ? change.token > last->second.token : change.token >= last->second.token;
      REQUIRE_SAFE(rises, "tokens of a lock rise: " + change.name + at_index(index));
    }
    last_grant_[change.name] = change;
    const auto view = state_.check(change.name);
    REQUIRE_SAFE(view.has_value() && (change.mode != locks::Mode::kExclusive || view->holder_count == 1),
                 "an exclusive lock has one holder: " + change.name + at_index(index));
  }
}

void Reference::judge_once(LogIndex index, const locks::Execute& request, const locks::Outcome& outcome) {
  if (is_unrecorded(outcome.result)) return;
  const auto [before, is_first] =
      ran_.try_emplace({request.session, request.number}, Ran{outcome.key.fingerprint, index, outcome.result});
  if (!is_first) {
    REQUIRE_SAFE(before->second.fingerprint == outcome.key.fingerprint && before->second.result == outcome.result,
                 "a retry has the answer of its first run" + at_index(index));
    coverage_->note(Met::kRetryAnswered);
    return;
  }
  const auto* preempt = std::get_if<locks::Preempt>(&request.operation);
  if (preempt != nullptr && preempt->name.starts_with(kOncePrefix)) {
    REQUIRE_SAFE(preempted_once_.insert(preempt->name).second,
                 "one call of a client ran twice: " + preempt->name + at_index(index));
  }
}

void Reference::note_result(const locks::Command& command, const locks::Result& result, bool is_new_session,
                            bool was_full) {
  if (std::holds_alternative<locks::Open>(command) && std::holds_alternative<locks::SessionOpened>(result)) {
    if (!is_new_session) coverage_->note(Met::kRetryAnswered);
    const bool made_room = is_new_session && was_full;
    if (made_room) coverage_->note(Met::kEviction);
  }
  std::visit(Overloaded{[&](const locks::Granted&) { coverage_->note(Met::kGranted); },
                        [&](const locks::Held&) { coverage_->note(Met::kHeld); },
                        [&](const locks::Released&) { coverage_->note(Met::kReleased); },
                        [&](const locks::NotHolder&) { coverage_->note(Met::kNotHolder); },
                        [&](const locks::Queued&) { coverage_->note(Met::kQueued); },
                        [&](const locks::Cancelled&) { coverage_->note(Met::kCancelled); },
                        [&](const locks::Closed&) { coverage_->note(Met::kClosed); },
                        [&](const locks::Refused& refused) {
                          coverage_->note(refused.code == ErrorCode::kDeadlock ? Met::kDeadlock : Met::kStateRefusal);
                        },
                        [](const locks::SessionOpened&) {}},
             result);
}

void Reference::compare_views(LogIndex index, const std::set<std::string>& names) {
  for (const std::string& name : names) {
    const auto view = state_.check(name);
    const auto expected = naive_.view(name);
    const bool is_used = expected.holder_count + expected.waiter_count != 0;
    REQUIRE_SAFE(view.has_value() == is_used && (!view || *view == expected),
                 "both machines show the same lock: " + name + at_index(index));
  }
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
