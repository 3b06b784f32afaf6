// Reads a whole file: one that people write, or that another process of ours replaces. (A node's log is read in parts:
// nodes/storage.)
#pragma once

#include <filesystem>
#include <string>

#include <tl/expected.hpp>

namespace lockstep {

// An errno value if it cannot be read: EISDIR of a folder.
tl::expected<std::string, int> read_whole_file(const std::filesystem::path& path);

}  // namespace lockstep
