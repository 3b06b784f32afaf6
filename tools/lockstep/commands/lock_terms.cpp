// The options, and what is wrong with them together.
#include "tools/lockstep/commands/lock_terms.hpp"

#include <algorithm>
#include <cstdlib>
#include <iostream>

#include "protocol/locks/commands.hpp"

namespace lockstep {
namespace {

// Whether what is waited for is held by the `lockstep run` that this command was started under. Tokens are the
// cluster's own numbers, so one that is equal by chance is of another cluster, and for another name.
bool is_held_above_us(const Blocker& by) {
  const char* token = std::getenv("LOCKSTEP_TOKEN");
  const char* names = std::getenv("LOCKSTEP_LOCK");
  if (token == nullptr || names == nullptr || !by.token) return false;
  const bool has_name = ("\n" + std::string(names) + "\n").find("\n" + by.name + "\n") != std::string::npos;
  return has_name && token == std::to_string(by.token.value());
}

}  // namespace

void LockTerms::add_arguments(CLI::App& command) {
  command.add_option("NAME", names_, "The locks' names, at most 16: all at once, or none of them")->required();
  const auto read_wait = [this](const std::string& text) {
    const auto duration = read_duration(text);
    if (!duration) throw CLI::ValidationError("--wait", duration.error());
    wait_ = *duration;
  };
  auto* wait = command.add_option_function<std::string>(
      "-w,--wait", read_wait, "How long to wait in line; the default is for ever, 0s tries once");
  wait->type_name("DURATION");
  command
      .add_flag_callback(
          "-n,--no-wait", [this] { wait_ = Duration::zero(); }, "Try once, as --wait 0s")
      ->excludes(wait);
  auto* shared = command.add_flag("-s,--shared", shared_, "Share it with others that say --shared too");
  command.add_option("--permits", permits_, "Take one of N permits; while it is in use, another N is refused")
      ->check(CLI::Range(std::uint32_t{1}, locks::kMaxPermits))
      ->type_name("N")
      ->excludes(shared);
}

std::optional<Report> LockTerms::refuse() const {
  for (const std::string& name : names_) {
    if (auto bad = report_of_bad_name(name)) return bad;
  }
  if (names_.size() > locks::kMaxAcquireNames) {
    return usage_report("at most " + std::to_string(locks::kMaxAcquireNames) + " names can be taken at once",
                        "take the others apart");
  }
  return report_of_repeated_name(names_);
}

AcquireOptions LockTerms::options() const {
  AcquireOptions options;
  options.mode = permits_ != 0 ? LockMode::kPermit : shared_ ? LockMode::kShared : LockMode::kExclusive;
  options.permits = permits_;
  options.wait = wait_;
  return options;
}

void tell_progress(const LineProgress& progress) {
  std::cerr << "lockstep: " + in_words(progress) + "\n";
  if (!is_held_above_us(progress.by)) return;
  std::cerr << "lockstep: that is the `lockstep run` which this command was started by, so it waits for itself\n";
}

}  // namespace lockstep
