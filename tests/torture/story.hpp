// A history made by hand, for the checker's own tests: a log, and what clients said they saw of it.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "tests/torture/checker.hpp"
#include "tests/torture/history.hpp"

namespace lockstep::torture {

// Client 1 has session 2 and client 2 has session 3, each with a lease; the next entry is 4. A moment is 1 ms.
class Story {
 public:
  Story() {
    add(locks::StateLimits{});
    for (int client : {1, 2}) {
      history.clients.push_back({client, id(client), 3000});
      add(locks::Command(locks::Open{uuid(client), {}, 1, 3000, SessionId(), "note"}));
    }
  }

  static ClientId uuid(int client) {
    ClientId id;
    id.bytes[15] = static_cast<std::uint8_t>(client);
    return id;
  }
  static std::string id(int client) { return to_string(uuid(client)); }
  static Nanoseconds moment(int number) { return Nanoseconds{number} * 1'000'000; }

  // Returns the index of the entry.
  std::uint64_t runs(int client, const locks::Operation& operation) {
    const SessionId session(static_cast<std::uint64_t>(client) + 1);
    return add(locks::Command(locks::Execute{session, RequestNumber(++numbers_[client]), RequestNumber(), operation}));
  }
  std::uint64_t expires(int client) {
    return add(locks::Command(locks::Expire{SessionId(static_cast<std::uint64_t>(client) + 1), false}));
  }

  // A call without an answer; the caller changes what is different.
  Call& calls(int client, Verb verb, const std::string& name, int called) {
    Call call;
    call.client = client;
    call.number = ++last_call_;
    call.verb = verb;
    if (!name.empty()) call.names = {name};
    call.called = moment(called);
    call.linearizable = true;
    history.calls.push_back(call);
    return history.calls.back();
  }
  // With a lease that is certain up to moment 1000.
  Call& answered(int client, Verb verb, const std::string& name, std::pair<int, int> from_to, Result result,
                 std::uint64_t index, std::uint64_t token = 0, int owner = 0) {
    Call& call = calls(client, verb, name, from_to.first);
    Answer answer;
    answer.returned = moment(from_to.second);
    answer.result = result;
    answer.index = index;
    answer.token = token;
    if (owner != 0) answer.owner = id(owner);
    answer.safe_until = moment(1000);
    call.answer = answer;
    return call;
  }
  Call& refused(int client, Verb verb, const std::string& name, std::pair<int, int> from_to, const std::string& error,
                bool definite) {
    Call& call = answered(client, verb, name, from_to, Result::kError, 0);
    call.answer->error = error;
    call.answer->definite = definite;
    return call;
  }
  Call& sees_held(int client, const std::string& name, std::pair<int, int> from_to, std::uint64_t index, int owner,
                  std::uint64_t token) {
    Call& call = answered(client, Verb::kCheck, name, from_to, Result::kSeen, index);
    locks::LockView lock;
    lock.name = name;
    lock.holders = {{uuid(owner), SessionId(static_cast<std::uint64_t>(owner) + 1), FencingToken(token), {}, {}}};
    lock.holder_count = 1;
    call.answer->locks = {lock};
    return call;
  }

  // The rules that are broken, in the checker's order, with commas between. That a story has no log, or no answers,
  // may be its point.
  std::string broken() const {
    std::string rules;
    for (const Violation& violation : check(history).violations) {
      if (violation.rule != kNothingToJudge) rules += (rules.empty() ? "" : ", ") + violation.rule;
    }
    return rules;
  }

  History history;

 private:
  template <typename Body>
  std::uint64_t add(const Body& body) {
    history.entries.push_back({history.entries.size() + 1, 1, body});
    return history.entries.size();
  }

  std::map<int, std::uint64_t> numbers_;
  std::uint64_t last_call_ = 0;
};

}  // namespace lockstep::torture
