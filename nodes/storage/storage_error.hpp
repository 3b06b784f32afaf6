// Why a node cannot start on its data folder, or cannot go on with it: one sentence (`detail`) for a person, which
// names the file and, where there is one, the way out.
#pragma once

#include <string>

#include <tl/expected.hpp>

#include "nodes/storage/disk.hpp"

namespace lockstep {

struct StorageError {
  std::string detail;
  // True: the operating system refused something that it may do later (a full disk, one that is not mounted). False:
  // what is on the disk is not what a node can go on with, and stays so.
  bool may_pass = false;
};

template <typename T>
using StorageResult = tl::expected<T, StorageError>;

inline tl::unexpected<StorageError> storage_error(std::string detail) {
  return tl::unexpected(StorageError{std::move(detail)});
}
inline tl::unexpected<StorageError> passing_storage_error(std::string detail) {
  return tl::unexpected(StorageError{std::move(detail), true});
}
inline tl::unexpected<StorageError> storage_error(const DiskError& error) {
  return passing_storage_error(error.detail);
}

}  // namespace lockstep
