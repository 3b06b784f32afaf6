// The three nodes of every model's cluster, with the ids 1 to 3, and the small numbers that states are made of.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "protocol/base/types.hpp"

namespace lockstep::explore {

inline constexpr std::size_t kNodes = 3;
inline constexpr ClusterId kCluster(1);

inline NodeId id_of(std::size_t node) { return NodeId(node + 1); }
inline std::size_t node_of(NodeId id) { return id.value() - 1; }
inline std::string letter(std::size_t node) { return std::string(1, static_cast<char>('a' + node)); }

inline std::uint8_t narrow(std::uint64_t value) { return static_cast<std::uint8_t>(value); }
template <typename Tag>
std::uint8_t narrow(Ordinal<Tag> value) {
  return narrow(value.value());
}

}  // namespace lockstep::explore
