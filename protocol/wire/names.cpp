// The tables of names. Those of message types are made from the schemas, in message_types.cpp.
#include "protocol/wire/names.hpp"

#include <algorithm>
#include <array>
#include <vector>

namespace lockstep::wire {
namespace {

template <typename Enum>
constexpr NamedNumber named(Enum value, std::string_view name) {
  return {static_cast<std::uint64_t>(value), name};
}

constexpr std::array kRoles{
    named(Role::kForming, "forming"),
    named(Role::kFollower, "follower"),
    named(Role::kPreCandidate, "pre_candidate"),
    named(Role::kCandidate, "candidate"),
    named(Role::kLeader, "leader"),
};

constexpr std::array kRenewals{
    named(raft::Renewal::kRenewed, "renewed"),
    named(raft::Renewal::kDead, "dead"),
    named(raft::Renewal::kUnknown, "unknown"),
};

constexpr std::array kReadModes{
    named(ReadMode::kLocal, "local"),
    named(ReadMode::kLinearizable, "linearizable"),
};

constexpr std::array kModes{
    named(locks::Mode::kExclusive, "exclusive"),
    named(locks::Mode::kShared, "shared"),
    named(locks::Mode::kPermit, "permit"),
};

constexpr std::array kEndReasons{
    named(locks::EndReason::kReleased, "released"), named(locks::EndReason::kExpired, "expired"),
    named(locks::EndReason::kForced, "forced"),     named(locks::EndReason::kSuperseded, "superseded"),
    named(locks::EndReason::kClosed, "closed"),     named(locks::EndReason::kEvicted, "evicted"),
};

std::vector<NamedNumber> error_codes() {
  std::vector<NamedNumber> names;
  for (const ErrorInfo& info : error_table()) names.push_back(named(info.code, info.name));
  return names;
}

}  // namespace

template <>
std::span<const NamedNumber> names_of<Role>() {
  return kRoles;
}
template <>
std::span<const NamedNumber> names_of<ReadMode>() {
  return kReadModes;
}
template <>
std::span<const NamedNumber> names_of<raft::Renewal>() {
  return kRenewals;
}
template <>
std::span<const NamedNumber> names_of<locks::Mode>() {
  return kModes;
}
template <>
std::span<const NamedNumber> names_of<locks::EndReason>() {
  return kEndReasons;
}
template <>
std::span<const NamedNumber> names_of<ErrorCode>() {
  static const std::vector<NamedNumber> kErrorCodes = error_codes();
  return kErrorCodes;
}

std::string_view name_in(std::span<const NamedNumber> table, std::uint64_t number) {
  const auto found = std::find_if(table.begin(), table.end(), [&](const NamedNumber& n) { return n.number == number; });
  return found == table.end() ? std::string_view() : found->name;
}

const NamedNumber* find_name(std::span<const NamedNumber> table, std::string_view name) {
  const auto found = std::find_if(table.begin(), table.end(), [&](const NamedNumber& n) { return n.name == name; });
  return found == table.end() ? nullptr : &*found;
}

}  // namespace lockstep::wire
