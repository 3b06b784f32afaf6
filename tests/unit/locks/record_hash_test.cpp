// Goal: two answers that differ in anything have different hashes, so that replicas whose states differ are found
// (R16).
#include "protocol/locks/record_hash.hpp"

#include <doctest/doctest.h>

#include <vector>

namespace lockstep::record_hash_test {
namespace {

using namespace locks;

ClientId client(std::uint8_t number) {
  ClientId id;
  id.bytes.fill(number);
  return id;
}

std::uint64_t hash_of(const Result& result) { return RecordHash(RecordTag::kAnswer).add(result).finish(); }

WallTime at(int milliseconds) { return WallTime{} + std::chrono::milliseconds(milliseconds); }

// Each differs from the one before it in one field or in its kind.
const std::vector<Result> kDifferent{
    SessionOpened{SessionId(1)},
    SessionOpened{SessionId(2)},
    Granted{FencingToken(2)},
    Granted{FencingToken(3)},
    Held{client(1), FencingToken(1), at(1), "a", "note"},
    Held{client(2), FencingToken(1), at(1), "a", "note"},
    Held{client(2), FencingToken(2), at(1), "a", "note"},
    Held{client(2), FencingToken(2), at(2), "a", "note"},
    Held{client(2), FencingToken(2), at(2), "b", "note"},
    Held{client(2), FencingToken(2), at(2), "b", "other"},
    Held{client(2), FencingToken(2), at(2), "other", "b"},
    Released{},
    NotHolder{},
    NotHolder{client(0)},
    NotHolder{client(1)},
    Refused{ErrorCode::kAlreadyHeld, SessionId(1), "why"},
    Refused{ErrorCode::kSessionConflict, SessionId(1), "why"},
    Refused{ErrorCode::kSessionConflict, SessionId(2), "why"},
    Refused{ErrorCode::kSessionConflict, SessionId(2), "else"},
    Queued{WaiterId(1), 1, Held{client(1), FencingToken(1), at(1), "a", "note"}},
    Queued{WaiterId(2), 1, Held{client(1), FencingToken(1), at(1), "a", "note"}},
    Queued{WaiterId(2), 2, Held{client(1), FencingToken(1), at(1), "a", "note"}},
    Queued{WaiterId(2), 2, Held{client(1), FencingToken(1), at(1), "b", "note"}},
    Cancelled{},
    Closed{},
};

}  // namespace

TEST_CASE("answers that differ in one field, or in their kind, have different hashes") {
  for (std::size_t i = 0; i < kDifferent.size(); ++i) {
    CHECK(hash_of(kDifferent[i]) == hash_of(Result(kDifferent[i])));
    for (std::size_t j = 0; j < i; ++j) {
      CAPTURE(i);
      CAPTURE(j);
      CHECK(hash_of(kDifferent[i]) != hash_of(kDifferent[j]));
    }
  }
}

TEST_CASE("records of different kinds, and words in another order, have different hashes") {
  CHECK(RecordHash(RecordTag::kHold).add(1).finish() != RecordHash(RecordTag::kSession).add(1).finish());
  CHECK(RecordHash(RecordTag::kHold).add(1).add(2).finish() != RecordHash(RecordTag::kHold).add(2).add(1).finish());
  CHECK(RecordHash(RecordTag::kHold).add(1).finish() != RecordHash(RecordTag::kHold).add(1).add(0).finish());
}

TEST_CASE("every byte of an id and of a secret counts") {
  for (std::size_t i = 0; i < 16; ++i) {
    ClientId changed = client(1);
    changed.bytes[i] = 2;
    CHECK(RecordHash(RecordTag::kHold).add(changed).finish() != RecordHash(RecordTag::kHold).add(client(1)).finish());
  }
  for (std::size_t i = 0; i < SecretHash{}.size(); ++i) {
    SecretHash changed{};
    changed[i] = 1;
    CHECK(RecordHash(RecordTag::kHold).add(changed).finish() !=
          RecordHash(RecordTag::kHold).add(SecretHash{}).finish());
  }
}

}  // namespace lockstep::record_hash_test
