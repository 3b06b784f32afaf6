// Chooses the next operation by the workload's rule.
#include "tools/lockstep/bench/workload.hpp"

#include <array>
#include <utility>

namespace lockstep::bench {
namespace {

constexpr std::array<std::pair<Load, std::string_view>, 3> kNames{
    {{Load::kCycle, "cycle"}, {Load::kCheck, "check"}, {Load::kContend, "contend"}}};

}  // namespace

std::optional<Load> parse_load(std::string_view name) {
  for (const auto& [load, text] : kNames) {
    if (text == name) return load;
  }
  return std::nullopt;
}

std::string_view to_string(Load load) {
  for (const auto& [known, text] : kNames) {
    if (known == load) return text;
  }
  return "unknown";
}

Workload::Workload(const WorkloadOptions& options) : options_(options), random_(options.seed) {}

Step Workload::next() {
  if (auto release = next_of_clean_up()) return *release;
  switch (options_.load) {
    case Load::kCheck: return {Step::Verb::kCheck, own_name()};
    case Load::kContend: return {Step::Verb::kPreempt, shared_name()};
    case Load::kCycle: break;
  }
  return {Step::Verb::kPreempt, own_name()};
}

void Workload::answered(const Step& step, const ClientOutcome& outcome) {
  switch (step.verb) {
    case Step::Verb::kCheck: return;
    case Step::Verb::kPreempt: {
      const auto* held = std::get_if<locks::Held>(&outcome);
      const bool surely_not = held != nullptr && held->owner != options_.self;
      if (!surely_not) maybe_held_ = step.name;
      return;
    }
    case Step::Verb::kRelease:
      // After an error the lock may still be held: the next step tries again.
      if (!std::holds_alternative<ClientError>(outcome)) maybe_held_.reset();
      return;
  }
}

std::optional<Step> Workload::next_of_clean_up() const {
  if (!maybe_held_) return std::nullopt;
  return Step{Step::Verb::kRelease, *maybe_held_};
}

std::string Workload::own_name() const { return options_.prefix + "/own-" + std::to_string(options_.client); }

std::string Workload::shared_name() {
  return options_.prefix + "/shared-" + std::to_string(random_.below(options_.shared_names));
}

}  // namespace lockstep::bench
