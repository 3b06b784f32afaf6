// Small whole files: read, created, and replaced so that a crash leaves the old one or the new one.
// Errors are sentences that begin with the path.
#pragma once

#include <cerrno>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include <tl/expected.hpp>

#include "nodes/system/file_descriptor.hpp"
#include "protocol/base/types.hpp"

namespace lockstep {

// flock(2) with a deadline does not exist: who waits for a lock on a file looks again after this.
constexpr Duration kLockRetry = std::chrono::milliseconds(10);

template <typename T>
using FileResult = tl::expected<T, std::string>;

// "PATH: No such file or directory"; `code` is an errno value.
std::string file_error(const std::filesystem::path& path, int code = errno);

// Nothing: there is no such file.
FileResult<std::optional<std::string>> read_file(const std::filesystem::path& path);
// Whole or not at all, with 0600; leaves a file that is already there as it is.
FileResult<void> create_file(const std::filesystem::path& path, std::string_view content);
// Puts `content` in the place of `path`, durably: temporary file, sync, rename, sync of the folder.
// The caller must hold the lock (flock) of the file at `path`. The new file is locked before it has
// the name; its descriptor, with the lock, is returned.
FileResult<FileDescriptor> replace_locked_file(const std::filesystem::path& path, std::string_view content);

}  // namespace lockstep
