// What of a node decides its future, as numbers, under any renaming of the three nodes.
//
// Nodes are alike, so a state and the same state with the nodes' names exchanged have the same future. A search
// visits one of each such class: the fingerprint of a state is the least of those under the six renamings.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <set>

#include "tests/explore/cluster.hpp"
#include "tests/explore/fingerprint.hpp"

namespace lockstep::explore {

// names[i] is the new number, from 0, of node i.
using Renaming = std::array<std::uint8_t, kNodes>;
inline constexpr std::array<Renaming, 6> kRenamings = {
    {{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}}};
using Fingerprints = std::array<Fingerprint, kRenamings.size()>;  // of one thing, under each

// How much of a node decides the future of a state, which the other nodes decide too.
enum class Matters : std::uint8_t {
  kAll,      // a crash or damage may still come, and then what is on the disk counts
  kNotDisk,  // neither may come: nothing reads the disk any more
  kNotVote,  // nor does anybody want this node's vote in its term, which it has given
};
inline constexpr std::array<Matters, 3> kMatters = {Matters::kAll, Matters::kNotDisk, Matters::kNotVote};

class Projection {
 public:
  explicit Projection(const Renaming& names, Matters matters = Matters::kAll, bool tells_fetches_apart = false)
      : names_(names), matters_(matters), tells_fetches_apart_(tells_fetches_apart) {}
  bool disk_matters() const { return matters_ == Matters::kAll; }
  bool vote_matters() const { return matters_ != Matters::kNotVote; }
  bool tells_fetches_apart() const { return tells_fetches_apart_; }

  Projection& add(std::uint64_t value) {
    out_.add(value);
    return *this;
  }
  template <typename Tag>
  Projection& add(Ordinal<Tag> value) {
    return add(value.value());
  }
  Projection& add(NodeId id) { return add(number_of(id)); }
  std::uint64_t number_of(NodeId id) const { return id ? 1U + names_[node_of(id)] : 0U; }
  Projection& add(const std::set<NodeId>& ids) {
    std::uint64_t bits = 0;
    for (const NodeId id : ids) bits |= 1U << names_[node_of(id)];
    return add(bits);
  }
  // A thing for each node, in the order of the new names.
  template <typename AddOne>
  Projection& add_for_each_node(AddOne add_one) {
    for (std::size_t place = 0; place < kNodes; ++place) {
      const auto found = std::find(names_.begin(), names_.end(), place);
      add_one(static_cast<std::size_t>(found - names_.begin()));
    }
    return *this;
  }
  Fingerprint finish() const { return out_.finish(); }

 private:
  Renaming names_;
  Matters matters_;
  bool tells_fetches_apart_;
  Fingerprinter out_;
};

// Of a whole state, of which there are the fingerprints of each node and of the rest: the least.
inline Fingerprint least_of_renamings(const std::array<const Fingerprints*, kNodes>& nodes, const Fingerprints& rest) {
  Fingerprint least{~0ULL, ~0ULL};
  for (std::size_t i = 0; i < kRenamings.size(); ++i) {
    std::array<Fingerprint, kNodes + 1> renamed;
    for (std::size_t node = 0; node < kNodes; ++node) renamed[kRenamings[i][node]] = (*nodes[node])[i];
    renamed[kNodes] = rest[i];
    least = std::min(least, combined(renamed));
  }
  return least;
}

}  // namespace lockstep::explore
