// Lines of a person or of a pipe: at a terminal with editing and a history (libedit), else as they come.
//
// At a terminal Tab completes the word under the cursor, or shows what it may become. The prompt goes to stderr, since
// stdout is for results. A signal that is caught ends the reading.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

namespace lockstep {

class LineReader {
 public:
  // The history is loaded from, and at the end stored in, `history`; an empty path keeps none.
  explicit LineReader(const std::filesystem::path& history);
  LineReader(LineReader&&) noexcept;
  ~LineReader();

  // Without the line's end. Nothing: the end of the input, or a signal.
  std::optional<std::string> next();
  bool is_interactive() const { return terminal_ != nullptr; }

 private:
  struct Terminal;
  std::unique_ptr<Terminal> terminal_;  // none: a pipe or a file
};

// Words as a shell takes them: separated by blanks, with '...', "..." and backslash to keep blanks in
// one. What is wrong (an open quote) is said for a person.
tl::expected<std::vector<std::string>, std::string> split_words(std::string_view line);

}  // namespace lockstep
