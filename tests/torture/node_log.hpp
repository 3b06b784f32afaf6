// What is in the logs of nodes that have stopped, read from their data folders, in which nothing is changed.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include <tl/expected.hpp>

#include "tests/torture/history.hpp"

namespace lockstep::torture {

// From index 1 on. An error is a sentence.
tl::expected<std::vector<Entry>, std::string> read_log(const std::filesystem::path& data_folder);

}  // namespace lockstep::torture
