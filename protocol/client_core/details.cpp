// The words of the application for the fields of the schema.
#include "protocol/client_core/details.hpp"

#include <array>
#include <utility>

namespace lockstep {

std::string in_words(const wire::DecodeError& violation) {
  if (violation.field == "names") {
    return "1 to " + std::to_string(locks::kMaxAcquireNames) + " names can be acquired at once";
  }
  if (violation.field == "permits") {
    return "a semaphore has 1 to " + std::to_string(locks::kMaxPermits) +
           " permits, and a lock that is not one has none";
  }
  constexpr std::array<std::pair<std::string_view, std::string_view>, 4> kWords{{
      {"names[", "name"},
      {"after", "name to start after"},
      {"why", "reason"},
      {"ttl_ms", "TTL in ms"},
  }};
  std::string_view word = violation.field;
  for (const auto& [field, said] : kWords) {
    if (violation.field.starts_with(field)) word = said;
  }
  return "the " + std::string(word) + " " + violation.detail;
}

}  // namespace lockstep
