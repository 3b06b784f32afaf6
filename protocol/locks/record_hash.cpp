// One function a kind of record; the hashes of records add up to the state's.
#include "protocol/locks/record_hash.hpp"

#include <endian.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <cstring>

#include "protocol/base/invariant.hpp"

namespace lockstep::locks {
namespace {

std::uint64_t word_at(const std::uint8_t* bytes) {
  std::uint64_t word = 0;
  std::memcpy(&word, bytes, sizeof word);
  return le64toh(word);
}

struct AddFields {
  RecordHash& hash;
  void operator()(const SessionOpened& opened) const { hash.add(opened.session.value()); }
  void operator()(const Granted& granted) const { hash.add(granted.token.value()); }
  void operator()(const Held& held) const {
    hash.add(held.owner).add(held.token.value()).add(held.since).add_text(held.name).add_text(held.note);
  }
  void operator()(const Released&) const {}
  void operator()(const NotHolder& not_holder) const {
    hash.add(not_holder.owner ? 1 : 0);
    if (not_holder.owner) hash.add(*not_holder.owner);
  }
  void operator()(const Refused& refused) const {
    hash.add(static_cast<std::uint64_t>(refused.code)).add(refused.current_session.value()).add_text(refused.detail);
  }
  void operator()(const Queued& queued) const {
    hash.add(queued.waiter.value()).add(queued.position);
    (*this)(queued.by);
  }
  void operator()(const Cancelled&) const {}
  void operator()(const Closed&) const {}
};

}  // namespace

RecordHash& RecordHash::add(std::uint64_t word) {
  INVARIANT(size_ < kMaxWords, "a record has a fixed, small number of fields");
  words_[size_++] = htole64(word);
  return *this;
}

RecordHash& RecordHash::add(const ClientId& client) {
  return add(word_at(client.bytes.data())).add(word_at(client.bytes.data() + 8));
}

RecordHash& RecordHash::add(const SecretHash& secret_hash) {
  for (std::size_t i = 0; i < secret_hash.size(); i += 8) add(word_at(secret_hash.data() + i));
  return *this;
}

RecordHash& RecordHash::add(WallTime time) { return add(static_cast<std::uint64_t>(time.time_since_epoch().count())); }

RecordHash& RecordHash::add(const Result& result) {
  add(result.index());
  std::visit(AddFields{*this}, result);
  return *this;
}

RecordHash& RecordHash::add_text(std::string_view text) { return add(XXH3_64bits(text.data(), text.size())); }

std::uint64_t RecordHash::finish() const { return XXH3_64bits(words_.data(), size_ * sizeof(std::uint64_t)); }

}  // namespace lockstep::locks
