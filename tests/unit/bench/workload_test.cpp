#include "tools/lockstep/bench/workload.hpp"

#include <doctest/doctest.h>

#include <set>

namespace lockstep::workload_test {

using namespace lockstep::bench;

namespace {

const ClientId kSelf{{1}};
const ClientId kOther{{2}};

Workload workload(Load load) {
  WorkloadOptions options;
  options.load = load;
  options.prefix = "p";
  options.client = 3;
  options.shared_names = 4;
  options.self = kSelf;
  options.seed = 7;
  return Workload(options);
}

ClientOutcome held_by(const ClientId& owner) { return locks::Held{owner, FencingToken(1), {}}; }
ClientOutcome unavailable() { return ClientError{ErrorCode::kUnavailable, "", {}}; }

}  // namespace

TEST_CASE("a cycle preempts its own lock and releases it") {
  Workload load = workload(Load::kCycle);
  const Step preempt = load.next();
  CHECK(preempt == Step{Step::Verb::kPreempt, "p/own-3"});
  CHECK_FALSE(load.next_of_clean_up());
  load.answered(preempt, locks::Granted{FencingToken(9)});
  const Step release = load.next();
  CHECK(release == Step{Step::Verb::kRelease, "p/own-3"});
  CHECK(load.next_of_clean_up() == release);
  load.answered(release, locks::Released{});
  CHECK_FALSE(load.next_of_clean_up());
  CHECK(load.next() == preempt);
}

TEST_CASE("a lock that may be held is released before anything else") {
  Workload load = workload(Load::kCycle);
  const Step preempt = load.next();
  load.answered(preempt, unavailable());
  const Step release = load.next();
  CHECK(release.verb == Step::Verb::kRelease);
  load.answered(release, unavailable());
  CHECK(load.next() == release);
  load.answered(release, locks::NotHolder{});
  CHECK(load.next() == preempt);
  load.answered(preempt, held_by(kSelf));
  CHECK(load.next() == release);
}

TEST_CASE("contenders share a few names and release only what they got") {
  Workload load = workload(Load::kContend);
  std::set<std::string> names;
  for (int i = 0; i < 100; ++i) {
    const Step step = load.next();
    CHECK(step.verb == Step::Verb::kPreempt);
    names.insert(step.name);
    load.answered(step, held_by(kOther));
  }
  CHECK(names == std::set<std::string>{"p/shared-0", "p/shared-1", "p/shared-2", "p/shared-3"});
  const Step got = load.next();
  load.answered(got, locks::Granted{FencingToken(5)});
  CHECK(load.next() == Step{Step::Verb::kRelease, got.name});
}

TEST_CASE("a check holds nothing") {
  Workload load = workload(Load::kCheck);
  const Step step = load.next();
  CHECK(step == Step{Step::Verb::kCheck, "p/own-3"});
  load.answered(step, wire::CheckAnswer{});
  CHECK_FALSE(load.next_of_clean_up());
}

TEST_CASE("loads are called by the names that the command line takes") {
  for (const Load load : {Load::kCycle, Load::kCheck, Load::kContend}) CHECK(parse_load(to_string(load)) == load);
  CHECK_FALSE(parse_load("cycles"));
  CHECK_FALSE(parse_load(""));
}

}  // namespace lockstep::workload_test
