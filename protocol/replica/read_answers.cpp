// One function a kind of read.
#include "protocol/replica/read_answers.hpp"

#include <chrono>
#include <utility>

namespace lockstep {
namespace {

struct ReadAnswerer {
  const locks::StateMachine& state;
  std::optional<std::uint64_t> age_ms;

  wire::ResponseBody operator()(const wire::CheckRequest& check) const {
    return wire::CheckAnswer{state.check(check.name), age_ms};
  }
  wire::ResponseBody operator()(const wire::ListRequest& list) const {
    auto page = state.list(list.prefix, list.after, list.limit);
    return wire::ListAnswer{std::move(page.items), page.more, age_ms};
  }
  wire::ResponseBody operator()(const wire::CountRequest& count) const {
    return wire::CountAnswer{state.count(count.prefix, count.after), age_ms};
  }
  wire::ResponseBody operator()(const wire::HistoryRequest& history) const {
    auto page = state.history(history.name, history.after, history.limit);
    return wire::HistoryAnswer{std::move(page.items), page.more};
  }
  wire::ResponseBody operator()(const wire::SessionsRequest& sessions) const {
    auto page = state.sessions(sessions.after, sessions.limit);
    return wire::SessionsAnswer{std::move(page.items), page.more};
  }
};

}  // namespace

wire::ResponseBody answer_read(const wire::ReadRequest& read, const locks::StateMachine& state,
                               std::optional<Duration> age) {
  return std::visit(ReadAnswerer{state, age_in_ms(age)}, read);
}

std::optional<std::uint64_t> age_in_ms(std::optional<Duration> age) {
  if (!age) return std::nullopt;
  return static_cast<std::uint64_t>(std::chrono::ceil<std::chrono::milliseconds>(*age).count());
}

}  // namespace lockstep
