// Whether a reduction is right: a search that visits every state one by one notes of which class each is, and that all
// states of a class can go on to the same classes.
#pragma once

#include <cstdint>
#include <set>
#include <unordered_map>

#include "tests/explore/fingerprint.hpp"

namespace lockstep::explore {

class Classes {
 public:
  void visit(const Fingerprint& of_state) { seen_.insert(of_state); }

  template <typename Successors, typename ClassOf>
  void compare(const Fingerprint& own, const Successors& successors, const ClassOf& class_of) {
    std::set<Fingerprint> next;
    for (const auto& successor : successors) next.insert(class_of(successor.state));
    next.erase(own);
    Fingerprinter out;
    for (const Fingerprint& one : next) out.add(one);
    const Fingerprint future = out.finish();
    if (futures_.emplace(own, future).first->second != future) ++misplaced_;
  }

  const FingerprintSet& seen() const { return seen_; }
  // Of how many states others of their class could go on to other classes. None, if the reduction is right.
  std::uint64_t misplaced() const { return misplaced_; }

 private:
  FingerprintSet seen_;
  std::unordered_map<Fingerprint, Fingerprint, HashOfFingerprint> futures_;  // of each class: the next classes
  std::uint64_t misplaced_ = 0;
};

}  // namespace lockstep::explore
