// What a client's own thread does: it waits for sockets, stores, sends, and tells answers.
#include <algorithm>
#include <utility>

#include "nodes/client/client_loop.hpp"
#include "nodes/client/convert.hpp"
#include "nodes/client/errors.hpp"
#include "nodes/system/clock.hpp"
#include "protocol/wire/codec.hpp"

namespace lockstep {

void ClientLoop::serve() {
  CheckedLock lock(mutex_);
  while (!stopping_) {
    look_at_clock();
    carry_out();
    const auto safe_until = core_.lease().safe_until;
    locks_.warn(boot_time(), safe_until);
    Time next = std::min({core_.next_deadline(), locks_.next_warning(safe_until), connections_.next_deadline()});
    turned_.notify_all();
    lock.unlock();
    connections_.wait(next == Time::max() ? Duration::max() : next - boot_time(), wake_up_.fd());
    wake_up_.quiet();
    lock.lock();
    read();
  }
}

// What must be stored goes before what is sent, and an answer is told only when both are done.
void ClientLoop::carry_out() {
  do {
    std::vector<ClientOutput> outputs = std::exchange(outbox_, {});
    for (ClientOutput& output : outputs) {
      if (output.save && save_ && !broken_) store(*output.save);
      if (!broken_) {
        for (const ClientSend& send : output.sends) connections_.send(send.endpoint, wire::encode(send.request));
        sends_ += output.sends.size();
      }
      deliver(std::move(output.completions));
    }
    std::vector<Ended> ended = std::exchange(ended_, {});
    mutex_.unlock();
    for (auto& [done, result] : ended) done(std::move(result));
    ended.clear();
    const std::vector<std::size_t> not_connected = connections_.flush(boot_time());
    mutex_.lock();
    for (const std::size_t endpoint : not_connected) step(NotConnected{endpoint});
  } while (!outbox_.empty() || !ended_.empty());
}

void ClientLoop::store(const SavedSession& saved) {
  const auto save = save_;
  mutex_.unlock();
  const auto stored = (*save)(record_of(saved));
  mutex_.lock();
  if (stored) return;
  broken_ = local_error(LocalError::kNotSaved, stored.error());
  fail_all(*broken_);
}

void ClientLoop::read() {
  while (auto frame = connections_.receive()) {
    // An answer that cannot be read is no answer: the attempt's time runs out and another node is asked.
    auto response = wire::decode_response(frame->second);
    if (response) step(ServerMessage{frame->first, *std::move(response)});
  }
}

}  // namespace lockstep
