// Links the installed library and uses it: without a node, a status is unavailable within its time.
#include <lockstep/client.hpp>

int main() {
  lockstep::ClientConfig config;
  config.endpoints = {"tcp://127.0.0.1:1"};
  auto client = lockstep::Client::create(config);
  if (!client) return 1;
  const auto status = client->status(std::chrono::milliseconds(100));
  return !status && status.error().name() == "unavailable" ? 0 : 1;
}
