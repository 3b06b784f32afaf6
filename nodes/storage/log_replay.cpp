// Takes the records of the log in order and keeps what they add up to.
#include "nodes/storage/log_replay.hpp"

#include <utility>

namespace lockstep {

tl::expected<void, std::string> LogReplay::take(const Batch& batch) {
  std::string_view payload = batch.payload;
  for (std::uint32_t i = 0; i < batch.header.records; ++i) {
    auto record = take_record(payload);
    if (!record) return tl::unexpected(record.error());
    if (auto taken = take(*std::move(record)); !taken) return taken;
  }
  if (!payload.empty()) return tl::unexpected(std::string("bytes are left after its last record"));
  return {};
}

tl::expected<void, std::string> LogReplay::take(Record record) {
  const LogIndex index = record.index;
  if (!index || !record.term) return tl::unexpected(std::string("a record has no index or no term"));
  if (!record.entry) {
    contents_ = {{index, record.term}, {}};
    begun_ = true;
    return {};
  }
  if (may_begin_with(index)) contents_ = {{index.previous(), Term()}, {}};
  begun_ = true;
  if (index <= contents_.base.index || index > contents_.last().next()) {
    return tl::unexpected("entry " + std::to_string(index.value()) + " follows entry " +
                          std::to_string(contents_.last().value()));
  }
  contents_.entries.resize(index - contents_.base.index.next());
  if (last_term() > record.term) return tl::unexpected("the term falls at entry " + std::to_string(index.value()));
  contents_.entries.push_back(*std::move(record.entry));
  return {};
}

// The first record of a log that was cut; or one that replaces what came before it, of a log that was cut above it.
bool LogReplay::may_begin_with(LogIndex index) const {
  if (!cut_) return false;
  const bool base_is_known = !contents_.base.index || contents_.base.term;
  return !begun_ || (!base_is_known && index <= contents_.base.index);
}

Term LogReplay::last_term() const {
  return contents_.entries.empty() ? contents_.base.term : contents_.entries.back().term;
}

}  // namespace lockstep
