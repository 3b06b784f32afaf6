// Waits for a lock, works under it, and gives it back. Start it twice at the same time: the second waits.
#include <chrono>
#include <cinttypes>
#include <cstdio>
#include <thread>

#include "lockstep/lock.hpp"

int main() {
  // Any node will do; the others are asked when it is silent. The lease is kept as long as `client` lives.
  auto client =
      lockstep::Client::create({.endpoints = {"tcp://127.0.0.1:7101", "tcp://127.0.0.1:7102", "tcp://127.0.0.1:7103"}});
  if (!client) {
    std::fprintf(stderr, "%s\n", client.error().detail.c_str());
    return 2;
  }

  lockstep::AcquireOptions options;
  options.wait = std::chrono::seconds(30);
  options.on_progress = [](const lockstep::LineProgress& line) {
    std::printf("number %" PRIu64 " in line, held by %s (%s)\n", line.position, to_string(line.by.owner).c_str(),
                line.by.note.c_str());
  };
  auto lock = lockstep::Lock::acquire(*client, {"reports/nightly"}, options);
  if (!lock) {  // error.definite says whether it certainly did not happen
    std::fprintf(stderr, "%s: %s\n", lock.error().name().c_str(), lock.error().detail.c_str());
    return lock.error().is(lockstep::LocalError::kNotGranted) ? 1 : 3;
  }

  // Whatever is written under the lock goes with the token, and the resource refuses a lower one.
  std::printf("granted with token %" PRIu64 "\n", lock->token().value());
  lock->on_lost(
      [](lockstep::LossReason reason) { std::fprintf(stderr, "lost: %s\n", std::string(to_string(reason)).c_str()); });
  for (int part = 0; part < 4 && lock->is_held(); ++part) {
    std::this_thread::sleep_for(std::chrono::milliseconds(500));  // the work
  }

  const auto released = lock->release();  // without this, its destructor does
  std::printf("%s\n", released ? "released" : released.error().detail.c_str());
  return released ? 0 : 5;
}
