// 128-bit fingerprints of states, and the set of those that were seen.
//
// A search keeps fingerprints instead of states. Two different states with one fingerprint would cut a part off
// unseen: with 10^8 states the odds are below 10^-22. Not for adversaries: the hash is quick, not secret.
#pragma once

#include <algorithm>
#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace lockstep::explore {

struct Fingerprint {
  std::uint64_t high = 0;
  std::uint64_t low = 0;
  friend auto operator<=>(const Fingerprint&, const Fingerprint&) = default;
};

// Of things in their order, each of which has one. A sum is enough, as what is summed up is random already.
template <std::size_t kCount>
Fingerprint combined(const std::array<Fingerprint, kCount>& parts) {
  Fingerprint sum;
  std::uint64_t factor = 0x9e3779b97f4a7c15ULL;
  for (const Fingerprint& part : parts) {
    sum.high += part.high * factor;
    sum.low += part.low * factor;
    factor *= 0xd1342543de82ef95ULL;  // odd, so that nothing is lost
  }
  return sum;
}

struct HashOfFingerprint {
  std::size_t operator()(const Fingerprint& fingerprint) const { return fingerprint.low; }
};

// Takes in a sequence of numbers.
class Fingerprinter {
 public:
  Fingerprinter& add(std::uint64_t value) {
    high_ = mix(high_ ^ (value + 0x9e3779b97f4a7c15ULL));
    low_ = mix((low_ + 0xd1b54a32d192ed03ULL) ^ (value * 0xff51afd7ed558ccdULL));
    return *this;
  }
  Fingerprinter& add(const Fingerprint& part) { return add(part.high).add(part.low); }
  Fingerprint finish() const { return {mix(high_ + low_), mix(low_ ^ (high_ >> 1))}; }

 private:
  static std::uint64_t mix(std::uint64_t z) {  // the finaliser of SplitMix64
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
  }
  std::uint64_t high_ = 1;
  std::uint64_t low_ = 2;
};

// A flat open-addressing table: 16 bytes a place, at most three quarters full.
class FingerprintSet {
 public:
  FingerprintSet() : places_(1 << 16) {}

  // False: it was there.
  bool insert(Fingerprint fingerprint) {
    if (fingerprint == Fingerprint{}) fingerprint.low = 1;  // all zero marks a free place
    if (!put(fingerprint)) return false;
    if (++size_ * 4 > places_.size() * 3) grow();
    return true;
  }
  bool contains(Fingerprint fingerprint) const {
    if (fingerprint == Fingerprint{}) fingerprint.low = 1;
    return places_[place_of(fingerprint)] == fingerprint;
  }
  std::size_t size() const { return size_; }
  friend bool operator==(const FingerprintSet& a, const FingerprintSet& b) {
    return a.size() == b.size() && std::all_of(a.places_.begin(), a.places_.end(), [&](const Fingerprint& place) {
             return place == Fingerprint{} || b.contains(place);
           });
  }

 private:
  // Where it is, or would be.
  std::size_t place_of(const Fingerprint& fingerprint) const {
    const std::size_t mask = places_.size() - 1;
    std::size_t place = fingerprint.low & mask;
    while (places_[place] != fingerprint && places_[place] != Fingerprint{}) place = (place + 1) & mask;
    return place;
  }
  bool put(const Fingerprint& fingerprint) {
    Fingerprint& place = places_[place_of(fingerprint)];
    if (place == fingerprint) return false;
    place = fingerprint;
    return true;
  }
  void grow() {
    std::vector<Fingerprint> old(places_.size() * 2);
    old.swap(places_);
    for (const Fingerprint& fingerprint : old) {
      if (fingerprint != Fingerprint{}) put(fingerprint);
    }
  }

  std::vector<Fingerprint> places_;
  std::size_t size_ = 0;
};

}  // namespace lockstep::explore
