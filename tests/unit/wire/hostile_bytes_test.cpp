// Bytes that nobody who means well would send: whatever they are, decoding answers, costs little, and what
// it accepts means one thing only.
#include <doctest/doctest.h>

#include "protocol/wire/codec.hpp"
#include "tests/support/largest_allocation.hpp"
#include "tests/support/msgpack_bytes.hpp"
#include "tests/support/random_message.hpp"

namespace lockstep::hostile_bytes_test {

using namespace lockstep::testing;

namespace {

// Decodes the bytes as T. If they are a T, its encoding must be a T again, and the same one.
template <typename T>
bool decodes_consistently(wire::Decoded<T> (*decode)(std::string_view), std::string_view bytes) {
  const auto decoded = decode(bytes);
  if (!decoded) {
    CHECK_FALSE(decoded.error().detail.empty());
    return false;
  }
  const auto again = decode(wire::encode(*decoded));
  REQUIRE(again);
  CHECK(*again == *decoded);
  return true;
}

int decoded_as_anything(std::string_view bytes) {
  return decodes_consistently(wire::decode_message, bytes) + decodes_consistently(wire::decode_request, bytes) +
         decodes_consistently(wire::decode_response, bytes) + decodes_consistently(wire::decode_entry_body, bytes) +
         decodes_consistently(wire::decode_command, bytes) + decodes_consistently(wire::decode_state_limits, bytes);
}

std::vector<std::string> one_frame_of_every_type(std::uint64_t seed) {
  Random random(seed);
  std::vector<std::string> frames;
  for (const auto& message : random_frames<raft::Message>(random, 1)) frames.push_back(wire::encode(message));
  for (const auto& request : random_frames<wire::Request>(random, 1)) frames.push_back(wire::encode(request));
  for (const auto& response : random_frames<wire::Response>(random, 1)) frames.push_back(wire::encode(response));
  for (int i = 0; i < 6; ++i) frames.push_back(wire::encode(random_entry_body(random)));
  return frames;
}

}  // namespace

TEST_CASE("a message cut short anywhere is refused") {
  for (const std::string& frame : one_frame_of_every_type(21)) {
    CHECK(decoded_as_anything(frame) > 0);
    for (std::size_t size = 0; size < frame.size(); ++size) {
      // Copied, so that a sanitizer sees any read past the end.
      const std::vector<char> cut(frame.begin(), frame.begin() + static_cast<std::ptrdiff_t>(size));
      CHECK(decoded_as_anything({cut.data(), cut.size()}) == 0);
    }
  }
}

TEST_CASE("random bytes are refused or mean one thing") {
  Random random(22);
  int decoded = 0;
  for (int i = 0; i < 100'000; ++i) {
    std::string bytes(random.below(64), '\0');
    for (char& byte : bytes) byte = static_cast<char>(random.next());
    // Half of them begin like a message, to get further than the first byte.
    if (bytes.size() > 3 && random.one_in(2)) {
      bytes[0] = static_cast<char>(0x90 + random.below(16));
      bytes[1] = 1;
      bytes[2] = static_cast<char>(random.below(16));
    }
    decoded += decoded_as_anything(bytes);
  }
  CHECK(decoded < 1000);
}

TEST_CASE("a message with one byte changed is refused or means one thing") {
  Random random(23);
  int still_decoded = 0;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    for (std::string frame : one_frame_of_every_type(seed)) {
      for (std::size_t i = 0; i < frame.size(); i += 1 + random.below(3)) {
        const char original = frame[i];
        frame[i] = static_cast<char>(random.next());
        still_decoded += decoded_as_anything(frame) > 0;
        frame[i] = original;
      }
    }
  }
  CHECK(still_decoded > 0);
}

TEST_CASE("what a header claims costs nothing until it is there") {
  // Where each claim stands in place of a field, as deep as messages go.
  const std::string claims[] = {
      from_hex("ddffffffff"), from_hex("dcffff"),       from_hex("dbffffffff"), from_hex("c6ffffffff"),
      from_hex("dfffffffff"), from_hex("c9ffffffff00"), from_hex("daffff"),     from_hex("c5ffff"),
      from_hex("dd00010000"), from_hex("deffff"),       from_hex("dc4000"),     from_hex("dd00000007"),
  };
  for (const std::string& claim : claims) {
    forget_largest_allocation();
    CHECK(decoded_as_anything(claim) == 0);
    CHECK(largest_allocation() < 10'000);
  }
  for (const std::string& frame : one_frame_of_every_type(24)) {
    const std::vector<std::string> elements = elements_of(frame);
    for (std::size_t i = 0; i < elements.size(); ++i) {
      for (const std::string& claim : claims) {
        std::vector<std::string> changed = elements;
        changed[i] = claim;
        const std::string bytes = packed_array(changed);
        forget_largest_allocation();
        CHECK(decoded_as_anything(bytes) == 0);
        CHECK(largest_allocation() < 10'000 + bytes.size());
      }
    }
  }
}

TEST_CASE("arrays nested without end are refused at the first that has no place") {
  const std::string nested(100'000, '\x91');
  CHECK(decoded_as_anything(nested) == 0);
  const std::string first = wire::to_string(wire::decode_message(nested).error());
  CHECK(first == "message.version: expected an unsigned integer, got an array");
}

}  // namespace lockstep::hostile_bytes_test
