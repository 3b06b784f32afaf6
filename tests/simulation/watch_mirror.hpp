// What a client knows of the locks from what it watches alone, and whether that is so.
#pragma once

#include <map>
#include <string>
#include <utility>

#include "protocol/wire/client_messages.hpp"
#include "tests/simulation/reference.hpp"

namespace lockstep::simulation {

class WatchMirror {
 public:
  explicit WatchMirror(std::string prefix) : prefix_(std::move(prefix)) {}

  // What to ask for next.
  const std::string& prefix() const { return prefix_; }
  LogIndex from() const { return from_; }
  const std::string& after() const { return after_; }

  void update(const wire::WatchAnswer& answer);
  // It has all pages of the state, so it must agree with the reference.
  bool is_complete() const { return static_cast<bool>(complete_at_); }
  void check(const Reference& reference) const;

 private:
  using Holders = std::map<std::string, std::map<ClientId, FencingToken>>;

  std::string prefix_;
  LogIndex complete_at_;  // none: it is not
  LogIndex from_;
  std::string after_;
  Holders holders_;
};

}  // namespace lockstep::simulation
