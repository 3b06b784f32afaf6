// libedit at a terminal, read(2) elsewhere.
#include "tools/lockstep/commands/line_reader.hpp"

#include <histedit.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <memory>

#include "protocol/base/joined.hpp"
#include "tools/lockstep/commands/shell_completion.hpp"

namespace lockstep {
namespace {

constexpr int kHistoryLines = 1000;

const char* prompt(EditLine*) { return "lockstep> "; }

// For EL_ADDFN: the only candidate is put in, or what all have in common; else they are shown.
unsigned char complete_word(EditLine* editor, wint_t) {
  const LineInfo* at = el_line(editor);
  const std::string line(at->buffer, at->cursor);
  const std::vector<std::string> candidates = shell_completions(line);
  const std::string rest = rest_of(line, candidates);
  if (!rest.empty()) return el_insertstr(editor, rest.c_str()) == 0 ? CC_REFRESH : CC_ERROR;
  if (candidates.empty()) return CC_ERROR;
  std::fprintf(stderr, "\n%s\n", joined(candidates, {}, "  ").c_str());
  return CC_REDISPLAY;
}

std::string without_line_end(std::string line) {
  while (!line.empty() && (line.back() == '\n' || line.back() == '\r')) line.pop_back();
  return line;
}

// getline(3) rather than std::getline, which goes on reading after a signal.
std::optional<std::string> next_of_stdin() {
  char* allocated = nullptr;
  std::size_t capacity = 0;
  const ssize_t length = getline(&allocated, &capacity, stdin);
  const std::unique_ptr<char, void (*)(void*)> buffer(allocated, std::free);
  if (length < 0) return std::nullopt;
  return without_line_end(std::string(buffer.get(), static_cast<std::size_t>(length)));
}

}  // namespace

struct LineReader::Terminal {
  explicit Terminal(const std::filesystem::path& path) : history_path(path.string()) {
    HistEvent event{};
    history(lines, &event, H_SETSIZE, kHistoryLines);
    history(lines, &event, H_SETUNIQUE, 1);
    if (!history_path.empty()) history(lines, &event, H_LOAD, history_path.c_str());
    el_set(editor, EL_PROMPT, prompt);
    el_set(editor, EL_EDITOR, "emacs");
    el_set(editor, EL_HIST, history, lines);
    // The wide call, since the narrow one copies both texts and never frees the copies.
    el_wset(editor, EL_ADDFN, L"lockstep-complete", L"Complete the word", complete_word);
    el_set(editor, EL_BIND, "^I", "lockstep-complete", nullptr);
    el_source(editor, nullptr);  // ~/.editrc, as other programs with libedit do
  }
  ~Terminal() {
    HistEvent event{};
    if (!history_path.empty()) history(lines, &event, H_SAVE, history_path.c_str());
    history_end(lines);
    el_end(editor);
  }
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;

  std::optional<std::string> next() {
    int length = 0;
    const char* text = el_gets(editor, &length);
    if (text == nullptr || length <= 0) return std::nullopt;
    std::string line = without_line_end(text);
    HistEvent event{};
    if (!line.empty()) history(lines, &event, H_ENTER, line.c_str());
    return line;
  }

  std::string history_path;
  EditLine* editor = el_init("lockstep", stdin, stderr, stderr);
  History* lines = history_init();
};

LineReader::LineReader(const std::filesystem::path& history) {
  if (isatty(STDIN_FILENO) != 0) terminal_ = std::make_unique<Terminal>(history);
}
LineReader::LineReader(LineReader&&) noexcept = default;
LineReader::~LineReader() = default;

std::optional<std::string> LineReader::next() { return terminal_ ? terminal_->next() : next_of_stdin(); }

tl::expected<std::vector<std::string>, std::string> split_words(std::string_view line) {
  Tokenizer* tokenizer = tok_init(nullptr);
  int count = 0;
  const char** words = nullptr;
  const int result = tok_str(tokenizer, std::string(line).c_str(), &count, &words);
  std::vector<std::string> split;
  if (result == 0) split.assign(words, words + count);
  tok_end(tokenizer);
  if (result == 1) return tl::unexpected(std::string("a ' is not closed"));
  if (result == 2) return tl::unexpected(std::string("a \" is not closed"));
  if (result != 0) return tl::unexpected(std::string("it cannot be split into words"));
  return split;
}

}  // namespace lockstep
