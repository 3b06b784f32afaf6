// Adds to the ring, drops the oldest, and reads pages.
#include "protocol/locks/history.hpp"

#include <utility>

#include "protocol/locks/page_builder.hpp"
#include "protocol/locks/record_hash.hpp"

namespace lockstep::locks {
namespace {

std::uint64_t hash_of(const HistoryEvent& event) {
  return RecordHash(RecordTag::kHistoryEvent)
      .add(event.position)
      .add_text(event.name)
      .add(static_cast<std::uint64_t>(event.mode))
      .add(event.client)
      .add(event.token.value())
      .add(event.from)
      .add(event.to)
      .add(static_cast<std::uint64_t>(event.reason))
      .add(event.by ? 1 : 0)
      .add(event.by.value_or(ClientId()))
      .add_text(event.why)
      .finish();
}

}  // namespace

void History::add(HistoryEvent event) {
  if (ring_.size() == max_size_) {
    hash_ -= ring_.front().hash;
    ring_.pop_front();
  }
  event.position = ++last_position_;
  const std::uint64_t hash = hash_of(event);
  hash_ += hash;
  ring_.push_back({std::move(event), hash});
}

void History::restore(HistoryEvent event) {
  last_position_ = event.position - 1;
  add(std::move(event));
}

std::vector<HistoryEvent> History::all() const {
  std::vector<HistoryEvent> events;
  events.reserve(ring_.size());
  for (const Kept& kept : ring_) events.push_back(kept.event);
  return events;
}

Page<HistoryEvent> History::read(std::string_view name, std::uint64_t after, std::size_t limit) const {
  PageBuilder<HistoryEvent> page(limit, page_bytes_);
  const std::uint64_t forgotten = last_position_ - ring_.size();
  for (std::uint64_t place = after > forgotten ? after - forgotten : 0; place < ring_.size(); ++place) {
    const HistoryEvent& event = ring_[place].event;
    if (!name.empty() && event.name != name) continue;
    if (!page.has_place()) break;
    page.add(event, sizeof(HistoryEvent) + event.name.size() + event.why.size());
  }
  return page.take();
}

std::uint64_t History::recomputed_hash() const {
  std::uint64_t sum = 0;
  for (const Kept& kept : ring_) sum += hash_of(kept.event);
  return sum;
}

}  // namespace lockstep::locks
