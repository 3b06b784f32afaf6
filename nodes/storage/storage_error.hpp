// Why a node cannot start on its data folder, or cannot go on with it: one sentence (`detail`) for a person, which
// names the file and, where there is one, the way out. There is nothing to retry in any of them.
#pragma once

#include <string>

#include <tl/expected.hpp>

#include "nodes/storage/disk.hpp"

namespace lockstep {

struct StorageError {
  std::string detail;
};

template <typename T>
using StorageResult = tl::expected<T, StorageError>;

inline tl::unexpected<StorageError> storage_error(std::string detail) {
  return tl::unexpected(StorageError{std::move(detail)});
}
inline tl::unexpected<StorageError> storage_error(const DiskError& error) { return storage_error(error.detail); }

}  // namespace lockstep
