#include "protocol/base/client_id.hpp"

#include <doctest/doctest.h>

namespace lockstep::client_id_test {

TEST_CASE("a client id reads back as it was written") {
  const std::string text = "6ba7b810-9dad-11d1-80b4-00c04fd430c8";
  const auto id = parse_client_id(text);
  REQUIRE(id);
  CHECK(to_string(*id) == text);
  CHECK(parse_client_id("6BA7B810-9DAD-11D1-80B4-00C04FD430C8") == id);
}

TEST_CASE("what is not a UUID is not a client id") {
  for (const char* text :
       {"", "6ba7b810", "6ba7b810-9dad-11d1-80b4-00c04fd430c", "6ba7b810-9dad-11d1-80b4-00c04fd430c88",
        "6ba7b810-9dad-11d1-80b4-00c04fd430cg", "6ba7b8109-dad-11d1-80b4-00c04fd430c8"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_client_id(text));
  }
}

}  // namespace lockstep::client_id_test
