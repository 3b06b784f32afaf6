// Breadth-first search through all that a model can do.
//
// A Model has
//   State    trivially copyable and small; what is large is kept by the model, and the state names it by number
//   Event    8 bytes, trivially copyable
//   State initial();
//   State step(const State&, const Event&);              throws Violation; a function of its arguments alone
//   void successors(const State&, std::vector<Successor<Model>>&);   what can happen next, and what becomes of it
//   Fingerprint fingerprint(const State&);               equal for states with the same future
//   std::string describe(const State& before, const Event&), describe(const State&);
//
// The order is that of the number of events, so the first violation found has a shortest trace. Kept of every state:
// its fingerprint, its parent and the event that led there, 40 bytes or so; the trace is made by stepping again.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <deque>
#include <iostream>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "tests/explore/fingerprint.hpp"
#include "tests/explore/violation.hpp"

namespace lockstep::explore {

struct Limits {
  std::uint64_t states = 100'000'000;
  std::chrono::seconds time = std::chrono::seconds(600);
};

enum class Ending { kExhausted, kLimit, kViolation };

struct Findings {
  Ending ending = Ending::kExhausted;
  std::uint64_t states = 0;
  std::uint64_t transitions = 0;
  std::uint64_t depth = 0;
  std::chrono::duration<double> took{};
  std::string violation;
  std::vector<std::string> trace;  // of the violation
};

template <typename Model>
struct Successor {
  typename Model::Event event;
  typename Model::State state;
  bool violates = false;  // step() says what
};

// For a model that steps through its events one by one.
template <typename Model, typename Events>
void successors_by_steps(Model& model, const typename Model::State& state, const Events& events,
                         std::vector<Successor<Model>>& successors) {
  for (const auto& event : events) {
    successors.push_back({event, state, false});
    try {
      successors.back().state = model.step(state, event);
    } catch (const Violation&) {
      successors.back().violates = true;
      return;
    }
  }
}

template <typename Model>
class Search {
 public:
  Search(Model& model, const Limits& limits) : model_(model), limits_(limits) {}

  Findings run() {
    try {
      const State first = model_.initial();
      discover(first, 0, Event{});
      expand_all();
    } catch (const Violation& violation) {
      findings_.ending = Ending::kViolation;
      findings_.violation = violation.what();
      if (!frontier_.empty()) findings_.trace = trace_to_violation();
    }
    findings_.states = seen_.size();
    findings_.took = Clock::now() - start_;
    return std::move(findings_);
  }
  const FingerprintSet& seen() const { return seen_; }

 private:
  using State = typename Model::State;
  using Event = typename Model::Event;
  using Clock = std::chrono::steady_clock;
  static_assert(sizeof(Event) == 8);

  void discover(const State& state, std::uint64_t parent, const Event& event) {
    if (!seen_.insert(model_.fingerprint(state))) return;
    parents_.push_back(static_cast<std::uint32_t>(parent));
    events_.push_back(event);
    frontier_.push_back(state);
  }

  // States are numbered as they are discovered, and expanded in that order.
  void expand_all() {
    std::uint64_t level_ends = 1;
    std::vector<Successor<Model>> successors;
    while (!frontier_.empty()) {
      if (expanded_ == level_ends) {
        ++findings_.depth;
        level_ends = seen_.size();
      }
      if (seen_.size() >= limits_.states || is_out_of_time()) {
        findings_.ending = Ending::kLimit;
        return;
      }
      successors.clear();
      const State state = frontier_.front();
      model_.successors(state, successors);
      for (const auto& successor : successors) {
        attempted_ = successor.event;
        if (successor.violates) {
          model_.step(state, attempted_);
          throw Violation("the same step broke something once, and nothing when it was repeated");
        }
        discover(successor.state, expanded_, attempted_);
        ++findings_.transitions;
      }
      frontier_.pop_front();
      ++expanded_;
    }
  }

  bool is_out_of_time() {
    if (expanded_ % 4096 != 0) return false;
    const auto now = Clock::now();
    if (now - reported_ > std::chrono::seconds(15)) {
      reported_ = now;
      std::cerr << "  " << seen_.size() << " states, " << frontier_.size() << " of them to be expanded, depth "
                << findings_.depth << ", " << std::chrono::duration_cast<std::chrono::seconds>(now - start_).count()
                << " s\n";
    }
    return now - start_ > limits_.time;
  }

  // The way to the state that was being expanded, and what was attempted there.
  std::vector<std::string> trace_to_violation() {
    std::vector<Event> way{attempted_};
    for (std::uint64_t at = expanded_; at != 0; at = parents_[at]) way.push_back(events_[at]);
    std::reverse(way.begin(), way.end());
    std::vector<std::string> lines;
    State state = model_.initial();
    lines.push_back("start: " + model_.describe(state));
    for (std::size_t i = 0; i < way.size(); ++i) {
      lines.push_back(std::to_string(i + 1) + ". " + model_.describe(state, way[i]));
      if (i + 1 == way.size()) break;
      state = model_.step(state, way[i]);
      lines.push_back("     " + model_.describe(state));
    }
    return lines;
  }

  Model& model_;
  Limits limits_;
  FingerprintSet seen_;
  std::deque<State> frontier_;  // discovered and not expanded; the first has number expanded_
  std::deque<std::uint32_t> parents_;
  std::deque<Event> events_;
  std::uint64_t expanded_ = 0;
  Event attempted_{};
  Findings findings_;
  Clock::time_point start_ = Clock::now();
  Clock::time_point reported_ = start_;
};

}  // namespace lockstep::explore
