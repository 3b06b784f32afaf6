// Why a node could not start.
#pragma once

#include <utility>

#include <tl/expected.hpp>

#include "nodes/server/config.hpp"

namespace lockstep {

// At the key of the configuration that it is about.
struct StartError {
  ConfigError error;
  bool may_pass = false;  // without anybody changing anything: see exit_status.hpp
};

template <typename T>
using Started = tl::expected<T, StartError>;

inline tl::unexpected<StartError> refused_for_good(ConfigError error) {
  return tl::unexpected(StartError{std::move(error), false});
}

}  // namespace lockstep
