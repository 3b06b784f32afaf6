// A UUID made of who this process is and of random bytes (RFC 4122, version 5).
#include "lockstep/client.hpp"

#include <unistd.h>
#include <uuid.h>

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "nodes/client/about_process.hpp"
#include "nodes/system/entropy.hpp"

namespace lockstep {
namespace {

// The name space of Lockstep's client ids; made once, at random.
constexpr uuid_t kNamespace = {0x5b, 0x1f, 0x0e, 0x6c, 0x2d, 0x9a, 0x4c, 0x11,
                               0x93, 0x7e, 0x84, 0x40, 0x6d, 0xc1, 0x52, 0xae};

std::string random_bytes() {
  std::array<std::uint8_t, 16> bytes{};
  fill_with_entropy(bytes);
  return {bytes.begin(), bytes.end()};
}

}  // namespace

ClientId make_client_id() {
  const std::string about = user_name() + '\0' + host_name() + '\0' + std::to_string(getpid()) + '\0' + random_bytes();
  uuid_t uuid{};
  uuid_generate_sha1(uuid, kNamespace, about.data(), about.size());
  ClientId id;
  std::copy(std::begin(uuid), std::end(uuid), id.bytes.begin());
  return id;
}

}  // namespace lockstep
