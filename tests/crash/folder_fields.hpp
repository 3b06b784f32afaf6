// Every field and every record of the files in a data folder: where a flipped bit can matter. Offsets as
// docs/storage-format.md has them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tests/support/memory_disk.hpp"

namespace lockstep::crash {

struct Field {
  std::string file;
  std::string what;                  // "batch 7, record 0, term"
  std::vector<std::uint64_t> bytes;  // each of which is damaged at once, by one bit
  bool in_last_batch = false;        // of the log: after a crash rot there looks like a torn tail
};

std::vector<Field> fields_of(const MemoryDisk& disk);

}  // namespace lockstep::crash
