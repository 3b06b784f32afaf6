// A real node of one under the shim: started on an empty folder, asked for a fixed list of operations, and stopped.
//
// The operations are large, and segments and compactions as small as a configuration allows, so that some fifty of
// them change the segment twice and make, replace and delete snapshots.
#pragma once

#include <array>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "nodes/transport/context.hpp"
#include "protocol/base/types.hpp"
#include "tests/support/process.hpp"

namespace lockstep::crash {

inline constexpr std::size_t kOperations = 48;  // the first opens the session
inline constexpr std::uint64_t kSegmentBytes = 64 * 1024;

// Bytes that are in an entry of the log, or in the state, if and only if this operation is.
std::string key_of(std::size_t operation);

// What a client was told: this operation is done, at this index.
struct Acknowledged {
  std::size_t operation = 0;
  LogIndex index;
  std::string call_bytes;  // in the answer, and in no other
};

struct NodeRun {
  std::vector<Acknowledged> acknowledged;
  bool ended_by_itself = false;
  testing::Ended ended;
  std::string log;
  std::string trace;   // a file
  std::string folder;  // of its data
};

// Three ports, which one node after the other uses.
class Ports {
 public:
  Ports();
  const std::array<std::string, 3>& endpoints() const { return endpoints_; }
  const std::shared_ptr<Context>& context() const { return context_; }

 private:
  std::array<std::string, 3> endpoints_;
  std::shared_ptr<Context> context_ = std::make_shared<Context>();
};

// `node`: the command of a node, to which its configuration is added. `fault`: as in disk_record.hpp; empty: none.
NodeRun run_node(const std::vector<std::string>& node, const std::string& shim, const Ports& ports,
                 const std::filesystem::path& folder, const std::string& fault);

}  // namespace lockstep::crash
