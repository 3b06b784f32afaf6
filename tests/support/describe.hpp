// One short, readable text per message: what traces and failures of tests show.
#pragma once

#include <functional>
#include <string>

#include "protocol/raft/messages.hpp"

namespace lockstep::raft {

using NameOf = std::function<std::string(NodeId)>;

// "append prev 3/2 entries 4..5 of term 2 commit 3 round 1", "ack match 3 round 1", "vote granted". A
// position in a log is written index/term. Call numbers are left out: they are random.
std::string describe(const MessageBody& body, const NameOf& name_of);

// "4", or "4..7".
std::string describe_range(LogIndex first, LogIndex last);

// The terms of a log's entries in order: "1 2 2", or "1 2x40" for a long run.
std::string describe_terms(const std::vector<Entry>& entries);

}  // namespace lockstep::raft
