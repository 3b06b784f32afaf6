#include "tests/scenario/script.hpp"

#include <doctest/doctest.h>

#include <functional>
#include <map>
#include <optional>
#include <sstream>
#include <utility>

#include "tests/support/raft_world.hpp"

namespace lockstep::raft {
namespace {

using Words = std::vector<std::string>;

constexpr const char* kRule = "----";

class Player {
 public:
  // What the command's trace is, each line with its end.
  std::string play(const std::string& command) {
    INFO("command: ", command);
    std::istringstream stream(command);
    Words words;
    for (std::string word; stream >> word;) words.push_back(word);
    const std::string verb = words.front();
    words.erase(words.begin());
    const auto found = commands().find(verb);
    REQUIRE_MESSAGE(found != commands().end(), "unknown command");
    REQUIRE_MESSAGE((world_ || verb == "cluster"), "the first command makes the cluster");
    found->second(*this, words);
    std::string text;
    for (const std::string& line : world_->take_trace()) text += line + "\n";
    for (const std::string& line : std::exchange(said_, {})) text += line + "\n";
    return text.empty() ? "ok\n" : text;
  }

 private:
  using Action = std::function<void(Player&, const Words&)>;
  static const std::map<std::string, Action>& commands();

  void cluster(Words words) {
    Options options;
    if (words.back() == "fetch-one-entry") {
      options.bounds.fetched_bytes = 1;
      words.pop_back();
    }
    std::string names;
    for (const std::string& name : words) names += name + " ";
    world_.emplace(names, options);
  }

  void log(const Words& words) {
    std::vector<Term> terms;
    for (std::size_t i = 1; i < words.size(); ++i) {
      const std::size_t times = words[i].find('x');
      const std::size_t count = times == std::string::npos ? 1 : std::stoul(words[i].substr(times + 1));
      terms.insert(terms.end(), count, Term(std::stoul(words[i])));
    }
    world_->start_with_log(words.at(0), terms);
  }

  void propose(const Words& words) {
    const Proposed proposed = world_->propose(words.at(0), words.at(1));
    if (proposed == Proposed::kNotLeader) said_.push_back(words[0] + ": refuses, it does not lead");
    if (proposed == Proposed::kBusy) said_.push_back(words[0] + ": refuses, it is busy");
  }

  void state(const Words& words) {
    for (const std::string& name : words.empty() ? world_->names() : words) said_.push_back(world_->state(name));
  }

  // "a->b", and whether "publish" follows.
  struct Link {
    std::string from;
    std::string to;
    bool published_only = false;
  };
  static Link link(const Words& words) {
    const std::size_t arrow = words.at(0).find("->");
    REQUIRE_MESSAGE(arrow != std::string::npos, "a link is written a->b");
    const bool publish = words.size() > 1 && words[1] == "publish";
    return {words[0].substr(0, arrow), words[0].substr(arrow + 2), publish};
  }

  std::optional<RaftWorld> world_;
  Words said_;  // after what the nodes did
};

const std::map<std::string, Player::Action>& Player::commands() {
  static const std::map<std::string, Action> kCommands = {
      {"cluster", [](Player& p, const Words& w) { p.cluster(w); }},
      {"log", [](Player& p, const Words& w) { p.log(w); }},
      {"timeout", [](Player& p, const Words& w) { p.world_->timeout(w.at(0)); }},
      {"elect", [](Player& p, const Words& w) { p.world_->elect(w.at(0)); }},
      {"tick", [](Player& p, const Words& w) { p.world_->tick(w.at(0)); }},
      {"heartbeat",
       [](Player& p, const Words& w) {
         REQUIRE_MESSAGE(p.world_->node(w.at(0)).is_leader(), "only a leader has heartbeats");
         p.world_->tick(w[0]);
       }},
      {"run", [](Player& p, const Words& w) { p.world_->run(std::chrono::milliseconds(std::stoi(w.at(0)))); }},
      {"propose", [](Player& p, const Words& w) { p.propose(w); }},
      {"read", [](Player& p, const Words& w) { p.world_->request_barrier(w.at(0)); }},
      {"deliver",
       [](Player& p, const Words& w) {
         if (w.empty()) return p.world_->deliver();
         p.world_->deliver(link(w).from, link(w).to);
       }},
      {"drop", [](Player& p, const Words& w) { p.world_->drop(link(w).from, link(w).to, link(w).published_only); }},
      {"cut", [](Player& p, const Words& w) { p.world_->cut(link(w).from, link(w).to, link(w).published_only); }},
      {"isolate", [](Player& p, const Words& w) { p.world_->isolate(w.at(0)); }},
      {"heal", [](Player& p, const Words&) { p.world_->heal(); }},
      {"disk", [](Player& p, const Words& w) { p.world_->disk_is_late(w.at(0), w.at(1) == "late"); }},
      {"persist",
       [](Player& p, const Words& w) {
         if (w.size() > 1) return p.world_->persist_all(w.at(0));
         p.world_->persist(w.at(0));
       }},
      {"crash", [](Player& p, const Words& w) { p.world_->crash(w.at(0)); }},
      {"restart", [](Player& p, const Words& w) { p.world_->restart(w.at(0)); }},
      {"state", [](Player& p, const Words& w) { p.state(w); }},
  };
  return kCommands;
}

}  // namespace

std::string replay(const std::string& script) {
  Player player;
  std::istringstream lines(script);
  std::string replayed;
  std::string command;
  for (std::string line; std::getline(lines, line);) {
    if (line == kRule) {
      replayed += line + "\n" + player.play(command) + "\n";
      while (std::getline(lines, line) && !line.empty()) {
      }
    } else {
      replayed += line + "\n";
      command = line;
    }
  }
  // One empty line between blocks, none at the end.
  while (replayed.ends_with("\n\n")) replayed.pop_back();
  return replayed;
}

}  // namespace lockstep::raft
