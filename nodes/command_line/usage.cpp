// A formatter of CLI11 that knows the lines.
#include "nodes/command_line/usage.hpp"

#include <memory>
#include <utility>

namespace lockstep {
namespace {

class UsageFormatter : public CLI::Formatter {
 public:
  explicit UsageFormatter(std::vector<std::string> forms) : forms_(std::move(forms)) {}

  const std::vector<std::string>& forms() const { return forms_; }
  std::string make_usage(const CLI::App*, std::string name) const override {
    std::string text;
    for (const std::string& form : forms_) {
      text.append(text.empty() ? "Usage: " : "       ").append(name).append(" ").append(form).append("\n");
    }
    return text;
  }

 private:
  std::vector<std::string> forms_;
};

}  // namespace

void set_usage(CLI::App& command, std::vector<std::string> forms) {
  command.formatter(std::make_shared<UsageFormatter>(std::move(forms)));
}

std::vector<std::string> usage_of(const CLI::App& command) {
  const auto* formatter = dynamic_cast<const UsageFormatter*>(command.get_formatter().get());
  return formatter == nullptr ? std::vector<std::string>() : formatter->forms();
}

}  // namespace lockstep
