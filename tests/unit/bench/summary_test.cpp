#include "tools/lockstep/bench/summary.hpp"

#include <doctest/doctest.h>

namespace lockstep::summary_test {

using namespace lockstep::bench;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

// The latencies 1 ms to `count` ms, in an order that is not theirs.
Measurements from_one_to(int count) {
  Measurements measurements;
  for (int i = 0; i < count; ++i) {
    measurements.add(milliseconds((i * 7919) % count + 1), locks::Released{});
  }
  return measurements;
}

}  // namespace

TEST_CASE("a percentile is the sample of the nearest rank") {
  const Measurements hundred = from_one_to(100);
  CHECK(hundred.percentile(0.5) == milliseconds(50));
  CHECK(hundred.percentile(0.99) == milliseconds(99));
  CHECK(hundred.percentile(0.999) == milliseconds(100));
  CHECK(hundred.percentile(1) == milliseconds(100));
  const Measurements thousand = from_one_to(1000);
  CHECK(thousand.percentile(0.999) == milliseconds(999));
  CHECK(thousand.percentile(0.001) == milliseconds(1));
  CHECK(from_one_to(1).percentile(0.5) == milliseconds(1));
}

TEST_CASE("nothing measured is zero, not a fault") {
  const Measurements none;
  CHECK(none.percentile(0.99) == Duration::zero());
  CHECK(summarize("check", 4, Duration::zero(), none).operations_per_second == 0);
}

TEST_CASE("errors are counted by name and have no latency") {
  Measurements measurements;
  measurements.add(milliseconds(1), locks::Granted{});
  measurements.add(milliseconds(2), locks::Held{});
  measurements.add(milliseconds(3), locks::Held{});
  measurements.add(seconds(5), ClientError{ErrorCode::kUnavailable, "", {}});
  const Summary report = summarize("contend", 2, seconds(2), measurements);
  CHECK(report.operations == 3);
  CHECK(report.operations_per_second == doctest::Approx(1.5));
  CHECK(report.max == milliseconds(3));
  CHECK(report.answers == std::map<std::string, std::uint64_t>{{"granted", 1}, {"held", 2}});
  CHECK(report.errors == std::map<std::string, std::uint64_t>{{"unavailable", 1}});
  const std::string table = to_table(report);
  CHECK(table.find("answers: granted 1, held 2") != std::string::npos);
  CHECK(table.find("errors: unavailable 1") != std::string::npos);
}

}  // namespace lockstep::summary_test
