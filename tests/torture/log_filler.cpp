#include "tests/torture/log_filler.hpp"

#include "protocol/locks/commands.hpp"
#include "protocol/wire/limits.hpp"

namespace lockstep::torture {
namespace {

using std::chrono::milliseconds;

constexpr std::uint64_t kAtATime = 16;  // of some 4 KB each
constexpr int kPatience = 50;           // turns
constexpr SessionId kNobody{1};         // entry 1 opens no session

locks::Acquire as_long_as_may_be() {
  locks::Acquire acquire;
  for (std::size_t i = 0; i < locks::kMaxAcquireNames; ++i) {
    acquire.names.emplace_back(wire::kMaxLockName, static_cast<char>('a' + i));
  }
  acquire.wait = false;
  return acquire;
}

}  // namespace

void LogFiller::go_on() {
  while (client_.receive(milliseconds(0))) ++answered_;
  if (answered_ < sent_ && ++turns_in_vain_ < kPatience) return;
  turns_in_vain_ = 0;
  answered_ = sent_;
  for (std::uint64_t i = 0; i < kAtATime; ++i) {
    const RequestNumber number(sent_ + 1);
    if (!client_.try_send(locks::Execute{kNobody, number, number, as_long_as_may_be()}, milliseconds(0))) return;
    ++sent_;
  }
}

}  // namespace lockstep::torture
