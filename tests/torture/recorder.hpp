// Where a process of clients writes its lines: one write for each, so that a kill leaves whole ones.
// Any thread may write.
#pragma once

#include <filesystem>
#include <string>

namespace lockstep::torture {

class Recorder {
 public:
  // Throws if the file cannot be opened.
  explicit Recorder(const std::filesystem::path& file);
  ~Recorder();
  Recorder(const Recorder&) = delete;
  Recorder& operator=(const Recorder&) = delete;

  // Aborts the process if that fails: a history with holes would accuse the innocent.
  void write(std::string line) const;

 private:
  int fd_;
};

}  // namespace lockstep::torture
