// The order in which a node calls its disk, and in which its answers leave: what must be durable before what.
#pragma once

#include <string>
#include <vector>

#include "tests/crash/disk_trace.hpp"
#include "tests/crash/real_node.hpp"

namespace lockstep::crash {

// What is wrong, a sentence each.
//  - An answer leaves only when its entry is on the disk, in a file whose name is there too (S1).
//  - A file gets its own name only when all that was written to it is durable.
//  - A batch goes only into a segment whose name is durable, and behind the batch before it.
//  - `meta` names only a snapshot whose name is durable.
//  - A snapshot is deleted only if two newer ones are durable and `meta` knows one; a segment only if `meta` says that
//    the log begins behind it (S3, S6).
std::vector<std::string> wrong_orders(const std::vector<TracedCall>& calls, const std::vector<Acknowledged>& answers);

}  // namespace lockstep::crash
