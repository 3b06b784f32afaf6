// Takes a lock, works under it, and gives it back. Start it twice at the same time to be refused.
#include <chrono>
#include <cinttypes>
#include <cstdio>
#include <thread>

#include "nodes/client/client.hpp"

int main() {
  // Any node will do; the others are asked when it is silent.
  auto client =
      lockstep::Client::create({.endpoints = {"tcp://127.0.0.1:7101", "tcp://127.0.0.1:7102", "tcp://127.0.0.1:7103"}});
  if (!client) {
    std::fprintf(stderr, "%s\n", client.error().detail.c_str());
    return 2;
  }

  const auto answer = client->preempt("reports/nightly");
  if (!answer) {  // error.definite says whether it certainly did not happen
    std::fprintf(stderr, "%s: %s\n", answer.error().name.c_str(), answer.error().detail.c_str());
    return 3;
  }
  if (!answer->granted) {
    std::printf("held by %s\n", to_string(answer->owner).c_str());
    return 1;
  }

  // Whatever is written under the lock goes with the token, and the resource refuses a lower one.
  std::printf("granted with token %" PRIu64 "\n", answer->token.value());
  std::this_thread::sleep_for(std::chrono::seconds(2));  // the work

  const auto released = client->release("reports/nightly");
  std::printf("%s\n", released && released->released ? "released" : "not released");
  return released && released->released ? 0 : 3;
}
