// Counts answers by name, sorts latencies, and writes the table.
#include "tools/lockstep/bench/summary.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <numeric>

#include "protocol/base/error.hpp"
#include "protocol/base/invariant.hpp"
#include "protocol/wire/message_types.hpp"

namespace lockstep::bench {
namespace {

struct Namer {
  std::string operator()(const locks::Granted&) const { return "granted"; }
  std::string operator()(const locks::Held&) const { return "held"; }
  std::string operator()(const locks::Released&) const { return "released"; }
  std::string operator()(const locks::NotHolder&) const { return "not_holder"; }
  std::string operator()(const wire::CheckAnswer&) const { return "checked"; }
  std::string operator()(const NotAcquired&) const { return "not_acquired"; }
  std::string operator()(const locks::Closed&) const { return "closed"; }
  std::string operator()(const TakenOver&) const { return "taken_over"; }
  // No load asks for anything else.
  template <typename Answer>
  std::string operator()(const Answer& answer) const {
    return std::string(wire::to_string(wire::type_of(wire::ResponseBody(answer))));
  }
  std::string operator()(const ClientError& error) const { return std::string(error_info(error.code).name); }
};

double seconds(Duration duration) { return std::chrono::duration<double>(duration).count(); }
double milliseconds(Duration duration) { return std::chrono::duration<double, std::milli>(duration).count(); }

std::string counts(const std::map<std::string, std::uint64_t>& by_name) {
  std::string text;
  for (const auto& [name, count] : by_name) {
    if (!text.empty()) text += ", ";
    text += name + " " + std::to_string(count);
  }
  return text.empty() ? "none" : text;
}

}  // namespace

std::string name_of(const ClientOutcome& outcome) { return std::visit(Namer{}, outcome); }

void Measurements::add(Duration latency, const ClientOutcome& outcome) {
  if (std::holds_alternative<ClientError>(outcome)) {
    ++errors_[name_of(outcome)];
    return;
  }
  ++answers_[name_of(outcome)];
  latencies_.push_back(latency);
}

Duration Measurements::percentile(double fraction) const {
  INVARIANT(fraction > 0 && fraction <= 1, "a percentile lies between the first and the last sample");
  if (latencies_.empty()) return {};
  const auto count = static_cast<double>(latencies_.size());
  // The rank is computed with a little slack, so that 0.99 of 100 is the 99th and not, by rounding, the 100th.
  const auto rank = static_cast<std::size_t>(std::ceil(fraction * count - 1e-9 * count));
  std::vector<Duration> ordered = latencies_;
  const auto nth = ordered.begin() + static_cast<std::ptrdiff_t>(std::max<std::size_t>(rank, 1) - 1);
  std::nth_element(ordered.begin(), nth, ordered.end());
  return *nth;
}

Summary summarize(std::string load, std::size_t clients, Duration measured, const Measurements& measurements) {
  Summary report;
  report.load = std::move(load);
  report.clients = clients;
  report.measured = measured;
  report.operations = measurements.operations();
  if (measured > Duration::zero()) {
    report.operations_per_second = static_cast<double>(report.operations) / seconds(measured);
  }
  report.p50 = measurements.percentile(0.5);
  report.p99 = measurements.percentile(0.99);
  report.p999 = measurements.percentile(0.999);
  report.max = measurements.percentile(1);
  report.answers = measurements.answers();
  report.errors = measurements.errors();
  return report;
}

std::string to_table(const Summary& report) {
  std::array<char, 512> line{};
  const int length = std::snprintf(
      line.data(), line.size(),
      "%-8s %8s %9s %12s %10s %10s %10s %10s\n%-8s %8zu %9.1f %12.0f %10.3f %10.3f %10.3f %10.3f\n", "load", "clients",
      "seconds", "operations/s", "p50 ms", "p99 ms", "p99.9 ms", "max ms", report.load.c_str(), report.clients,
      seconds(report.measured), report.operations_per_second, milliseconds(report.p50), milliseconds(report.p99),
      milliseconds(report.p999), milliseconds(report.max));
  std::string text(line.data(), static_cast<std::size_t>(length));
  text += "answers: " + counts(report.answers) + "\nerrors: " + counts(report.errors) + "\n";
  if (report.not_cleaned_up > 0) {
    text += "clients whose last lock could not be released: " + std::to_string(report.not_cleaned_up) + "\n";
  }
  return text;
}

}  // namespace lockstep::bench
