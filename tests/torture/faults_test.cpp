#include "tests/torture/faults.hpp"

#include <doctest/doctest.h>

#include <set>

using namespace lockstep;
using namespace lockstep::torture;
using namespace std::chrono_literals;

namespace {

std::vector<FaultKind> all_kinds() {
  std::vector<FaultKind> kinds;
  for (const FaultName& each : fault_names()) kinds.push_back(each.kind);
  return kinds;
}

}  // namespace

TEST_CASE("Every kind of fault has a name, which is found again") {
  CHECK(fault_names().size() == static_cast<std::size_t>(FaultKind::kDisk) + 1);
  for (const FaultName& each : fault_names()) CHECK(parse_fault(to_string(each.kind)) == each.kind);
  CHECK_FALSE(parse_fault("earthquake"));
}

TEST_CASE("Every kind of fault comes within the time of a run, whatever the seed, also if the run is short") {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    FaultPlan plan(all_kinds(), seed, 25s);
    std::set<FaultKind> met;
    Duration passed{};
    while (met.size() < all_kinds().size()) {
      const auto kind = plan.next();
      REQUIRE(kind);
      met.insert(*kind);
      passed += plan.length(*kind) + plan.calm();
    }
    CHECK(passed < 25s - 2s);  // two for the start, and for what starting and stopping take
  }
}

TEST_CASE("The same seed plans the same faults, and without kinds there are none") {
  FaultPlan one(all_kinds(), 7, 60s);
  FaultPlan other(all_kinds(), 7, 60s);
  for (int i = 0; i < 100; ++i) {
    const auto kind = one.next();
    REQUIRE(kind == other.next());
    CHECK(one.length(*kind) == other.length(*kind));
  }
  CHECK_FALSE(FaultPlan({}, 7, 60s).next());
}
