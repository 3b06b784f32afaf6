// Gives out request numbers, and knows up to which of them all are answered.
#include "protocol/client_core/client_session.hpp"

#include <algorithm>
#include <utility>

#include "protocol/base/invariant.hpp"

namespace lockstep {

ClientSession::ClientSession(const SavedSession& saved, std::uint64_t nonce, std::uint64_t max_open)
    : saved_(saved), nonce_(nonce), max_open_(max_open) {
  INVARIANT(nonce != 0, "a retried Open is recognised by its nonce");
  for (const UnfinishedRequest& request : saved.unfinished) unanswered_.emplace(request.number, request.operation);
  saved_.unfinished.clear();
  if (!saved_.next_number) saved_.next_number = RequestNumber(1);
  INVARIANT(unanswered_.empty() || is_open(), "numbers belong to a session");
  INVARIANT(unanswered_.empty() || unanswered_.rbegin()->first < saved_.next_number, "a number is used once");
  if (unanswered_.size() == 1 && unanswered_.begin()->first.next() == saved_.next_number) {
    alone_ = unanswered_.begin()->first;
  }
}

void ClientSession::saw_index(LogIndex index) { saved_.highest_index = std::max(saved_.highest_index, index); }

std::uint64_t ClientSession::begin_open() {
  INVARIANT(!is_open(), "a session is opened once");
  if (saved_.open_nonce == 0) saved_.open_nonce = nonce_;
  return saved_.open_nonce;
}

void ClientSession::opened(SessionId session) {
  INVARIANT(!is_open() && unanswered_.empty(), "numbers belong to one session");
  INVARIANT(session && is_opening(), "L1: a session is opened by an Open that was sent");
  saved_.session = session;
  saved_.next_number = RequestNumber(1);
  saved_.open_nonce = 0;
  saved_.replaces = SessionId();
}

void ClientSession::goes_on_from(SessionId last) {
  INVARIANT(!is_open() && last, "L1: only an Open that was refused goes on from another session");
  saved_.replaces = last;
  saved_.open_nonce = 0;
}

void ClientSession::ended() {
  INVARIANT(is_open(), "only a session that is open ends");
  saved_.replaces = std::exchange(saved_.session, SessionId());
  saved_.next_number = RequestNumber(1);
  unanswered_.clear();
  alone_ = RequestNumber();
}

bool ClientSession::may_use_number() const {
  return is_open() && saved_.next_number - acknowledged_below() < max_open_;
}

RequestNumber ClientSession::use_number(const locks::Operation& operation) {
  INVARIANT(may_use_number(), "only so many numbers are open");
  const RequestNumber number = saved_.next_number;
  saved_.next_number = number.next();
  alone_ = unanswered_.empty() ? number : RequestNumber();
  unanswered_.emplace(number, operation);
  INVARIANT(unanswered_.rbegin()->first == number, "numbers are used in order");
  return number;
}

void ClientSession::answered(RequestNumber number) {
  const std::size_t erased = unanswered_.erase(number);
  INVARIANT(erased == 1, "a number is answered once");
}

RequestNumber ClientSession::acknowledged_below() const {
  return unanswered_.empty() ? saved_.next_number : unanswered_.begin()->first;
}

SavedSession ClientSession::saved() const {
  SavedSession saved = saved_;
  for (const auto& [number, operation] : unanswered_) saved.unfinished.push_back({number, operation});
  return saved;
}

}  // namespace lockstep
