// Writes lines from stdin to a resource that checks fencing tokens, under a lock.
//
//   fenced-writer table accounts.db reports/nightly < lines
//   fenced-writer file report.txt reports/nightly < lines
//
// Stop it with SIGSTOP for longer than the TTL, let another one write, and send it SIGCONT: it finds that its
// lock is lost and ends with 5. With --careless it does not look, writes all the same, and the resource refuses.
#include <cinttypes>
#include <cstdio>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "fenced_resource.hpp"
#include "lockstep/client.hpp"
#include "lockstep/lock.hpp"

namespace {

std::unique_ptr<examples::FencedResource> open_resource(const std::string& kind, const std::string& path,
                                                        const std::string& name) {
  if (kind == "table") return std::make_unique<examples::FencedTable>(path, name);
  if (kind == "file") return std::make_unique<examples::FencedFile>(path);
  return nullptr;
}

std::vector<std::string> endpoints() {
  const char* given = std::getenv("LOCKSTEP_SERVER");
  if (given == nullptr) return {"tcp://127.0.0.1:7101", "tcp://127.0.0.1:7102", "tcp://127.0.0.1:7103"};
  std::vector<std::string> all{""};
  for (const char* at = given; *at != '\0'; ++at) {
    if (*at == ',') {
      all.emplace_back();
    } else {
      all.back() += *at;
    }
  }
  return all;
}

int write_lines(const lockstep::Lock& lock, examples::FencedResource& resource, bool careless) {
  std::string line;
  while (std::getline(std::cin, line)) {
    if (!careless && !lock.is_held()) {
      std::printf("lost: %s\n", std::string(to_string(*lock.lost())).c_str());
      return 5;
    }
    const examples::Written written = resource.write(lock.token().value(), line);
    if (!written.accepted) {
      std::printf("refused: token %" PRIu64 " is below %" PRIu64 "\n", lock.token().value(), written.newest);
      return 4;
    }
    std::printf("written with token %" PRIu64 "\n", lock.token().value());
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  const bool careless = argc == 5 && std::string(argv[4]) == "--careless";
  if (argc != 4 && !careless) {
    std::fprintf(stderr, "usage: fenced-writer table|file PATH LOCK [--careless]\n");
    return 2;
  }
  try {
    const auto resource = open_resource(argv[1], argv[2], argv[3]);
    if (!resource) {
      std::fprintf(stderr, "fenced-writer: the resource is a table or a file, not '%s'\n", argv[1]);
      return 2;
    }
    auto client = lockstep::Client::create({.endpoints = endpoints(), .ttl = std::chrono::seconds(3)});
    if (!client) {
      std::fprintf(stderr, "fenced-writer: %s\n", client.error().detail.c_str());
      return 2;
    }
    auto lock = lockstep::Lock::acquire(*client, {argv[3]});
    if (!lock) {
      std::fprintf(stderr, "fenced-writer: %s: %s\n", lock.error().name().c_str(), lock.error().detail.c_str());
      return 3;
    }
    std::printf("granted with token %" PRIu64 "\n", lock->token().value());
    return write_lines(*lock, *resource, careless);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "fenced-writer: %s\n", error.what());
    return 3;
  }
}
