// `lockstep bench`: puts load on a cluster and shows what it did with it.
#pragma once

#include "tools/lockstep/options/command_line.hpp"

namespace lockstep {

void add_bench_command(CLI::App& app, CommandLine& line);

}  // namespace lockstep
