#include "tools/lockstep/answers/report.hpp"

#include <doctest/doctest.h>

#include "tools/lockstep/commands/line_reader.hpp"
#include "tools/lockstep/commands/status_command.hpp"

namespace lockstep::report_test {
namespace {

const ClientId kOwner = *parse_client_id("6ba7b810-9dad-11d1-80b4-00c04fd430c8");
constexpr WallTime kSince{std::chrono::milliseconds(1'767'225'600'007)};

Error error_called(ErrorCode code) {
  const ErrorInfo& info = error_info(code);
  return Error{code, info.certainty == Certainty::kDefinite, "why", SessionId()};
}

}  // namespace

TEST_CASE("preempt: granted is yes, held is no, with the fields of the contract") {
  const Report granted =
      report_of("a", Expected<PreemptAnswer>(PreemptAnswer{true, kOwner, FencingToken(4), {}, LogIndex(9)}));
  CHECK(granted.exit_code == 0);
  CHECK(granted.json.dump() == R"({"name":"a","result":"granted","owner":"6ba7b810-9dad-11d1-80b4-00c04fd430c8",)"
                               R"("token":4,"applied_index":9})");
  CHECK(granted.text == "granted a (token 4)");
  const Report held =
      report_of("a", Expected<PreemptAnswer>(PreemptAnswer{false, kOwner, FencingToken(4), kSince, LogIndex(9)}));
  CHECK(held.exit_code == 1);
  CHECK_FALSE(held.is_error);
  CHECK(held.json.dump() == R"({"name":"a","result":"held","owner":"6ba7b810-9dad-11d1-80b4-00c04fd430c8",)"
                            R"("token":4,"since":"2026-01-01T00:00:00.007Z","applied_index":9})");
}

TEST_CASE("release: released is yes, not_holder is no and says who is") {
  const Report released = report_of("a", Expected<ReleaseAnswer>(ReleaseAnswer{true, {}, LogIndex(9)}));
  CHECK(released.exit_code == 0);
  CHECK(released.json.dump() == R"({"name":"a","result":"released","applied_index":9})");
  const Report other = report_of("a", Expected<ReleaseAnswer>(ReleaseAnswer{false, kOwner, LogIndex(9)}));
  CHECK(other.exit_code == 1);
  CHECK(other.json["result"] == "not_holder");
  CHECK(other.json["owner"] == to_string(kOwner));
  CHECK(other.text == "not_holder a (held by " + to_string(kOwner) + ")");
  CHECK(other.advice.find("--force") != std::string::npos);
  CHECK_FALSE(other.json.contains("note"));
  const Report known = report_of("a", Expected<ReleaseAnswer>(ReleaseAnswer{false, kOwner, LogIndex(9)}), "alice");
  CHECK(known.text == "not_holder a (held by " + to_string(kOwner) + " (alice))");
  CHECK(known.json["note"] == "alice");
  const Report nobody = report_of("a", Expected<ReleaseAnswer>(ReleaseAnswer{false, {}, LogIndex(9)}));
  CHECK(nobody.exit_code == 1);
  CHECK(nobody.advice.empty());
  CHECK_FALSE(nobody.json.contains("owner"));
}

TEST_CASE("a name with a blank in it is in quotes, in sentences and not in JSON") {
  const Report granted =
      report_of("a b", Expected<PreemptAnswer>(PreemptAnswer{true, kOwner, FencingToken(4), {}, LogIndex(9)}));
  CHECK(granted.text == "granted \"a b\" (token 4)");
  CHECK(granted.json["name"] == "a b");
  CHECK(report_of("a b", Expected<CheckResult>(CheckResult{})).text == "free \"a b\"");
  CHECK(shown(std::vector<std::string>{"a", "b c"}) == "a, \"b c\"");
}

TEST_CASE("acquire: granted is yes; not in time is no, and says who was in the way of which name") {
  AcquireAnswer answer;
  answer.names = {"a", "b"};
  answer.granted = true;
  answer.token = FencingToken(4);
  answer.applied_index = LogIndex(9);
  const Report granted = report_of({"b", "a"}, kOwner, Expected<AcquireAnswer>(answer));
  CHECK(granted.exit_code == 0);
  CHECK(granted.json.dump() == R"({"names":["a","b"],"result":"granted",)"
                               R"("owner":"6ba7b810-9dad-11d1-80b4-00c04fd430c8","token":4,"applied_index":9})");
  CHECK(granted.text == "granted a, b (token 4)");

  answer.names = {"a"};
  answer.granted = false;
  answer.position = 2;
  answer.held_by = Blocker{kOwner, FencingToken(3), kSince, "a", "alice"};
  const Report held = report_of({"a"}, ClientId{}, Expected<AcquireAnswer>(answer));
  CHECK(held.exit_code == 1);
  CHECK(held.json.dump() == R"({"name":"a","names":["a"],"result":"held","held_name":"a",)"
                            R"("owner":"6ba7b810-9dad-11d1-80b4-00c04fd430c8","token":3,)"
                            R"("since":"2026-01-01T00:00:00.007Z","note":"alice","position":2,"applied_index":9})");
  CHECK(held.text.find("(alice)") != std::string::npos);

  answer.held_by.reset();
  const Report waited_for = report_of({"a"}, ClientId{}, Expected<AcquireAnswer>(answer));
  CHECK(waited_for.exit_code == 1);
  CHECK(waited_for.json["result"] == "waited_for");
}

TEST_CASE("a lock of the library that was not granted in time is a no, not a mistake") {
  CHECK(report_of("a", Error{LocalError::kNotGranted, true, "held by another", {}}).exit_code == 1);
}

TEST_CASE("a forced release of a free lock says that it is free") {
  const Report free = report_of_forced("a", Expected<ReleaseAnswer>(ReleaseAnswer{false, {}, LogIndex(9)}));
  CHECK(free.exit_code == 1);
  CHECK(free.json["result"] == "free");
  CHECK(report_of_forced("a", Expected<ReleaseAnswer>(ReleaseAnswer{true, {}, LogIndex(9)})).exit_code == 0);
}

TEST_CASE("verify: current is yes, stale is no and says what is current") {
  VerifyAnswer answer;
  answer.current = true;
  answer.newest = FencingToken(4);
  answer.applied_index = LogIndex(9);
  const Report current = report_of("a", FencingToken(4), Expected<VerifyAnswer>(answer));
  CHECK(current.exit_code == 0);
  CHECK(current.json.dump() == R"({"name":"a","result":"current","token":4,"newest":4,"applied_index":9})");
  answer.current = false;
  const Report stale = report_of("a", FencingToken(3), Expected<VerifyAnswer>(answer));
  CHECK(stale.exit_code == 1);
  CHECK(stale.text == "stale a (token 3; it is held with 4)");
  answer.newest.reset();
  CHECK_FALSE(report_of("a", FencingToken(3), Expected<VerifyAnswer>(answer)).json.contains("newest"));
}

TEST_CASE("check: held is yes, free is no, with the age where it is known") {
  CheckResult answer;
  answer.lock.emplace();
  answer.lock->name = "a";
  answer.lock->holders = {{kOwner, SessionId(3), FencingToken(4), kSince, "alice"}};
  answer.lock->holder_count = 1;
  answer.age = std::chrono::milliseconds(12);
  answer.applied_index = LogIndex(9);
  const Report held = report_of("a", Expected<CheckResult>(answer));
  CHECK(held.exit_code == 0);
  CHECK(held.json.dump() == R"({"name":"a","result":"held","owner":"6ba7b810-9dad-11d1-80b4-00c04fd430c8","token":4,)"
                            R"("since":"2026-01-01T00:00:00.007Z","mode":"exclusive",)"
                            R"("holders":[{"owner":"6ba7b810-9dad-11d1-80b4-00c04fd430c8","session":3,"token":4,)"
                            R"("since":"2026-01-01T00:00:00.007Z","note":"alice"}],"holder_count":1,)"
                            R"("waiters":[],"waiter_count":0,"applied_index":9,"age_ms":12})");
  CHECK(held.text.find("(alice)") != std::string::npos);
  CHECK(held.text.find('\n') == std::string::npos);
  CHECK(held.text.find("as of 12 ms ago") != std::string::npos);
  answer.lock.reset();
  answer.age.reset();
  const Report free = report_of("a", Expected<CheckResult>(answer));
  CHECK(free.exit_code == 1);
  CHECK(free.json.dump() == R"({"name":"a","result":"free","applied_index":9})");
}

TEST_CASE("check shows every holder and waiter, and how many more there are") {
  LockInfo lock;
  lock.name = "a";
  lock.mode = LockMode::kPermit;
  lock.permits = 3;
  lock.holders = {{kOwner, SessionId(3), FencingToken(4), kSince, "alice"},
                  {{}, SessionId(5), FencingToken(6), kSince}};
  lock.holder_count = 3;
  lock.waiters = {{kOwner, SessionId(7), WaiterId(8), LockMode::kPermit, kSince, "bob"}};
  lock.waiter_count = 1;
  const Report held = report_of("a", Expected<CheckResult>(CheckResult{lock, {}, LogIndex(9)}));
  CHECK(held.exit_code == 0);
  CHECK(held.text.starts_with("held a permits 3 by " + to_string(kOwner) + " (alice) and 2 others (token 4"));
  CHECK(held.text.find("session 5") != std::string::npos);
  CHECK(held.text.find("and 1 more") != std::string::npos);
  CHECK(held.text.find("waiting (permit): " + to_string(kOwner) + " (bob), session 7") != std::string::npos);
  CHECK(held.json["permits"] == 3);
  CHECK(held.json["holders"].size() == 2);
  CHECK(held.json["holder_count"] == 3);
  CHECK(held.json["waiters"][0]["waiter"] == 8);

  lock.holders.clear();
  lock.holder_count = 0;
  const Report waited_for = report_of("a", Expected<CheckResult>(CheckResult{lock, {}, LogIndex(9)}));
  CHECK(waited_for.exit_code == 1);
  CHECK(waited_for.json["result"] == "free");
  CHECK_FALSE(waited_for.json.contains("owner"));
  CHECK(waited_for.json["waiter_count"] == 1);
}

TEST_CASE("a session and an ended grant are one line each") {
  const SessionInfo session{SessionId(3), kOwner, 10'000, kSince, "alice", 2, 1};
  const Report shown = report_of(session, LogIndex(9));
  CHECK(shown.text.find("session 3") == 0);
  CHECK(shown.text.find("2 locks, 1 wait") != std::string::npos);
  CHECK(shown.json["ttl_ms"] == 10'000);
  PastHold event{7, "a", LockMode::kShared, kOwner, FencingToken(4), kSince, kSince, {}, {}, {}};
  event.reason = EndReason::kExpired;
  CHECK(report_of(event).json["reason"] == "expired");
  CHECK_FALSE(report_of(event).json.contains("by"));
  event.reason = EndReason::kForced;
  event.by = kOwner;
  event.why = "stuck";
  CHECK(report_of(event).json["why"] == "stuck");
  CHECK(report_of(event).text.ends_with("forced by " + to_string(kOwner) + ", \"stuck\""));
}

TEST_CASE("who waits is told who holds the lock, and where it stands in line") {
  const std::string held = in_words(LineProgress{2, {kOwner, FencingToken(3), kSince, "a", "alice"}});
  CHECK(held ==
        "waiting for a, held by " + to_string(kOwner) + " (alice) since 2026-01-01T00:00:00.007Z; position 2 in line");
  CHECK(in_words(LineProgress{1, {kOwner, {}, {}, "a", ""}}).find("held by nobody") != std::string::npos);
}

TEST_CASE("errors have the exit code of the table, and say whether they are definite") {
  const std::pair<ErrorCode, int> contract[] = {
      {ErrorCode::kBadRequest, 2},        {ErrorCode::kInvalidName, 2},           {ErrorCode::kBusy, 3},
      {ErrorCode::kNoLeader, 3},          {ErrorCode::kUnavailable, 3},           {ErrorCode::kSessionConflict, 4},
      {ErrorCode::kWrongSecret, 4},       {ErrorCode::kTooManyLocks, 4},          {ErrorCode::kTooManySessions, 4},
      {ErrorCode::kSessionSuperseded, 5}, {ErrorCode::kSessionExpired, 5},        {ErrorCode::kTooManySessionLocks, 4},
      {ErrorCode::kTooManyWaiters, 4},    {ErrorCode::kTooManyUnacknowledged, 4},
  };
  for (const auto& [code, exit_code] : contract) {
    const Report report = report_of("a", error_called(code));
    CAPTURE(report.text);
    CHECK(report.exit_code == exit_code);
    CHECK(report.is_error);
    CHECK(report.json["error"] == error_info(code).name);
    CHECK(report.json["definite"] == (error_info(code).certainty == Certainty::kDefinite));
    CHECK(report.json["name"] == "a");
    CHECK_FALSE(report.advice.empty());
  }
  CHECK_FALSE(report_of("", error_called(ErrorCode::kUnavailable)).json.contains("name"));
  CHECK(report_of("a", Error{LocalError::kStateFile, true, "", {}}).exit_code == 2);
  CHECK(report_of("a", Error{LocalError::kInvalidEndpoint, true, "", {}}).exit_code == 2);
  CHECK(report_of("a", Error{LocalError::kClientIdInUse, true, "", {}}).exit_code == 3);
  Error conflict = error_called(ErrorCode::kSessionConflict);
  conflict.current_session = SessionId(8);
  CHECK(report_of("a", conflict).json["current_session"] == 8);
}

TEST_CASE("a bad name is told without asking a node") {
  CHECK_FALSE(report_of_bad_name("fine"));
  const auto bad = report_of_bad_name("");
  REQUIRE(bad);
  CHECK(bad->exit_code == 2);
  CHECK(bad->json["error"] == "invalid_name");
}

TEST_CASE("status shows what each member said, and who could not be asked") {
  NodeStatus answer;
  answer.name = "a";
  answer.role = NodeRole::kLeader;
  answer.leader = "a";
  answer.term = Term(3);
  answer.commit_index = LogIndex(12);
  answer.applied_index = LogIndex(11);
  answer.pid = 42;
  const std::vector<MemberReport> reports{
      {{"a", "tcp://127.0.0.1:7101", NodeId(1)}, answer},
      {{"longer", "tcp://127.0.0.1:7102", NodeId(2)}, tl::unexpected(error_called(ErrorCode::kUnavailable))}};
  const auto alive = json_of(reports[0]);
  CHECK(alive["name"] == "a");
  CHECK(alive["role"] == "leader");
  CHECK(alive["term"] == 3);
  CHECK(alive["commit_index"] == 12);
  CHECK(alive["applied_index"] == 11);
  CHECK(alive["pid"] == 42);
  CHECK_FALSE(alive.contains("age_ms"));
  const auto dead = json_of(reports[1]);
  CHECK(dead["name"] == "longer");
  CHECK(dead["error"] == "unavailable");
  CHECK_FALSE(dead.contains("role"));

  const auto table = table_of(reports);
  REQUIRE(table.size() == 3);
  for (const std::string& line : table) CHECK(line.find(line == table[2] ? "unreachable" : "") != std::string::npos);
  const auto column = table[0].find("ENDPOINT");
  CHECK(table[1].find("tcp://") == column);
  CHECK(table[2].find("tcp://") == column);
}

TEST_CASE("the shell splits words as other shells do") {
  using Words = std::vector<std::string>;
  CHECK(*split_words("  preempt   a ") == Words{"preempt", "a"});
  CHECK(*split_words("check 'a b' \"c d\" e\\ f") == Words{"check", "a b", "c d", "e f"});
  CHECK(split_words("")->empty());
  CHECK(*split_words("check ''") == Words{"check", ""});
  for (const char* open : {"check 'a", "check \"a"}) CHECK_FALSE(split_words(open));
}

}  // namespace lockstep::report_test
