#include "tests/crash/call_order.hpp"

#include <algorithm>
#include <map>

#include "nodes/storage/encoding.hpp"
#include "nodes/storage/file_names.hpp"
#include "nodes/storage/log_format.hpp"

namespace lockstep::crash {
namespace {

const std::string kFolder = "data";
const std::string kMeta = kFolder + "/meta";

std::string without_folder(const std::string& name) {
  return name.starts_with(kFolder + "/") ? name.substr(kFolder.size() + 1) : name;
}
bool is_segment(const std::string& name) { return segment_number_from(without_folder(name)).has_value(); }
bool is_snapshot(const std::string& name) { return snapshot_index_from(without_folder(name)).has_value(); }

// Of docs/storage-format.md.
constexpr std::size_t kSnapshotInMeta = 76;
constexpr std::size_t kLogStartInMeta = 84;
constexpr std::size_t kSequenceInMeta = 12;

class Orders {
 public:
  explicit Orders(const std::vector<Acknowledged>& answers) : answers_(answers) {}

  void take(const TracedCall& call) {
    if (call.record.has_ended == 0) look_at(call);
    if (call.record.has_ended != 0 && call.record.call == DiskCall::kWrite) note_written(call);
    model_.take(call);
  }

  std::vector<std::string> wrong;

 private:
  void look_at(const TracedCall& call) {
    switch (call.record.call) {
      case DiskCall::kSend: return look_at_answer(call);
      case DiskCall::kWrite: return look_at_write(call);
      case DiskCall::kRename:
        if (!call.to.ends_with(kTemporarySuffix) && !model_.is_synced(call.name)) {
          wrong.push_back(call.to + " gets its name before what is in it is synced");
        }
        return;
      case DiskCall::kRemove: return look_at_remove(without_folder(call.name));
      default: return;
    }
  }

  void look_at_answer(const TracedCall& call) {
    for (const Acknowledged& one : answers_) {
      if (call.data.find(one.call_bytes) == std::string::npos) continue;
      const std::string key = key_of(one.operation);
      const Image durable = durable_image();
      const bool is_there = std::any_of(durable.begin(), durable.end(), [&](const auto& file) {
        return (is_segment(file.first) || is_snapshot(file.first)) && file.second.find(key) != std::string::npos;
      });
      if (!is_there) wrong.push_back("answer " + std::to_string(one.operation) + " leaves before its entry is durable");
    }
  }

  void look_at_write(const TracedCall& call) {
    const std::string name = model_.name_of(call.record.fd);
    if (is_segment(name)) {
      if (!model_.name_is_durable(name)) wrong.push_back("a batch goes into " + name + ", whose name is not synced");
      const auto end = ends_.try_emplace(name, kFirstBatchOffset).first->second;
      if (call.record.offset != end) {
        wrong.push_back(name + " is written at " + std::to_string(call.record.offset) + ", not at " +
                        std::to_string(end));
      }
    }
    if (name == kMeta && call.data.size() == kBlockBytes) {
      const LogIndex snapshot(get<std::uint64_t>(call.data, kSnapshotInMeta));
      if (snapshot && !model_.name_is_durable(kFolder + "/" + snapshot_name(snapshot))) {
        wrong.push_back("meta names " + snapshot_name(snapshot) + ", whose name is not synced");
      }
    }
  }

  void note_written(const TracedCall& call) {
    const std::string name = model_.name_of(call.record.fd);
    if (is_segment(name)) ends_.try_emplace(name, kFirstBatchOffset).first->second += call.record.result;
  }

  void look_at_remove(const std::string& name) {
    const Image durable = durable_image();
    if (const auto number = segment_number_from(name); number && of_meta(durable, kLogStartInMeta) <= *number) {
      wrong.push_back(name + " is deleted although the log may begin with it");
    }
    if (const auto index = snapshot_index_from(name)) {
      const auto is_newer = [&](const auto& file) {
        const auto other = snapshot_index_from(file.first);
        return other && *other > *index;
      };
      if (std::count_if(durable.begin(), durable.end(), is_newer) < 2) {
        wrong.push_back(name + " is deleted although no two newer ones are durable");
      }
      if (of_meta(durable, kSnapshotInMeta) <= index->value()) {
        wrong.push_back(name + " is deleted before meta knows a newer one");
      }
    }
  }

  // A field of the copy that a start would take.
  static std::uint64_t of_meta(const Image& image, std::size_t field) {
    const auto found = image.find("meta");
    std::uint64_t sequence = 0;
    std::uint64_t value = 0;
    for (std::size_t at = 0; found != image.end() && at + kBlockBytes <= found->second.size(); at += kBlockBytes) {
      const std::string_view block = std::string_view(found->second).substr(at, kBlockBytes);
      if (!is_sealed_block(block) || get<std::uint64_t>(block, kSequenceInMeta) < sequence) continue;
      sequence = get<std::uint64_t>(block, kSequenceInMeta);
      value = get<std::uint64_t>(block, field);
    }
    return value;
  }

  Image durable_image() const {
    return model_.image(kFolder, [](std::size_t) { return DiskModel::Part::kNone; });
  }

  const std::vector<Acknowledged>& answers_;
  DiskModel model_;
  std::map<std::string, std::uint64_t> ends_;  // of what was written to each segment
};

}  // namespace

std::vector<std::string> wrong_orders(const std::vector<TracedCall>& calls, const std::vector<Acknowledged>& answers) {
  Orders orders(answers);
  for (const TracedCall& call : calls) orders.take(call);
  return std::move(orders.wrong);
}

}  // namespace lockstep::crash
