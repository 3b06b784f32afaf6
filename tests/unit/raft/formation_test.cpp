// Forming a cluster, once (R17).
#include "protocol/raft/formation.hpp"

#include <doctest/doctest.h>

#include <deque>
#include <map>
#include <set>

#include "tests/support/show_numbers.hpp"

namespace lockstep::formation_test {

using namespace lockstep::raft;

namespace {

using Names = std::vector<std::string>;

// Nodes that are still forming, or have formed and answer as a formed node does. Writes complete when
// the test says so, or at once.
class FormingWorld {
 public:
  struct Node {
    std::string name;
    FormationOptions options;
    Restored disk;
    std::optional<Formation> formation;  // none: not started, crashed
    std::deque<Write> outstanding;
    bool disk_is_late = false;
    std::optional<StopReason> fatal;
    std::vector<std::string> notices;
    bool formed() const { return formation && formation->formed(); }
  };

  void add(const std::string& key, const std::string& name, const Names& members) {
    Node& node = nodes_[key];
    node.name = name;
    node.options.name = name;
    node.options.initial_members = members;
    node.options.state_limits = "limits of " + key;
    node.options.seed = ++last_id_;
    node.disk.node = NodeId(last_id_);
  }
  void add_all(const Names& names) {
    for (const std::string& name : names) add(name, name, names);
  }

  void start(const std::string& key) {
    Node& node = at(key);
    node.fatal.reset();
    node.formation.emplace(node.options, node.disk, now());
    settle(node);
  }
  void start_all() {
    for (auto& [key, node] : nodes_) start(key);
  }
  void crash(const std::string& key) {
    at(key).formation.reset();
    at(key).outstanding.clear();
  }
  void wipe(const std::string& key) {
    crash(key);
    at(key).disk = Restored{NodeId(++last_id_), {}, {}};
    at(key).options.seed = last_id_;
  }

  void persist(const std::string& key) {
    Node& node = at(key);
    REQUIRE(!node.outstanding.empty());
    const Write write = std::move(node.outstanding.front());
    node.outstanding.pop_front();
    if (!write.entries.empty()) node.disk.entries = write.entries;
    if (write.hard_state) node.disk.hard_state = *write.hard_state;
    node.formation->persisted(now(), write.id);
    settle(node);
  }

  void receive(const std::string& key, const Message& message) {
    Node& node = at(key);
    node.formation->receive(now(), ConnectionId(message.from.value()), message);
    settle(node);
  }

  // Every node says Hello when it is time, and every message arrives unless the line is cut.
  void run(Duration duration) {
    for (const Time end = time_ + duration; time_ < end; time_ += std::chrono::milliseconds(50)) {
      for (auto& [key, node] : nodes_) {
        if (!node.formation || node.fatal) continue;
        node.formation->tick(now());
        settle(node);
      }
    }
  }

  void cut(const std::string& from, const std::string& to) { cuts_.insert({from, to}); }
  void heal() { cuts_.clear(); }

  Node& at(const std::string& key) { return nodes_.at(key); }
  const Restored& formed(const std::string& key) {
    REQUIRE(at(key).formed());
    return *at(key).formation->formed();
  }
  bool all_formed_alike(const Names& keys) {
    for (const std::string& key : keys) {
      if (!at(key).formed() || formed(key).entries != formed(keys.front()).entries) return false;
      if (at(key).disk.entries != formed(keys.front()).entries) return false;
    }
    return true;
  }
  std::size_t forms_sent() const { return forms_sent_; }
  Now now() const { return {time_, WallTime(std::chrono::milliseconds(7000))}; }

 private:
  void settle(Node& node) {
    FormationOutput output = node.formation->take_output();
    if (output.fatal) node.fatal = output.fatal;
    for (const Notice& notice : output.notices) node.notices.push_back(notice.text);
    for (Write& write : output.writes) node.outstanding.push_back(std::move(write));
    for (const Outgoing& outgoing : output.messages) send(node, outgoing);
    if (!node.disk_is_late && !node.outstanding.empty()) persist(key_of(node));
  }

  std::string key_of(const Node& node) const {
    for (const auto& [key, other] : nodes_) {
      if (&other == &node) return key;
    }
    return {};
  }

  void send(const Node& from, const Outgoing& outgoing) {
    if (std::holds_alternative<Form>(outgoing.message.body)) ++forms_sent_;
    const auto* member = std::get_if<ToMember>(&outgoing.to);
    REQUIRE(member != nullptr);
    for (auto& [key, to] : nodes_) {
      if (&to == &from || to.name != member->name || !to.formation || to.fatal) continue;
      if (cuts_.contains({key_of(from), key})) continue;
      arrive(from, to, outgoing.message);
    }
  }

  void arrive(const Node& from, Node& to, const Message& message) {
    const auto* hello = std::get_if<Hello>(&message.body);
    if (to.formed() && hello != nullptr) {  // what a node does once its Raft runs
      const Entry& entry = to.formation->formed()->entries.front();
      const auto& configuration = std::get<Configuration>(entry.body);
      MessageBody answer = answer_to_hello(configuration, entry.time, message.from, message.cluster, *hello);
      if (std::holds_alternative<Form>(answer)) ++forms_sent_;
      if (cuts_.contains({key_of(to), key_of(from)})) return;
      receive(key_of(from), {configuration.cluster, Term(), to.disk.node, message.from, std::move(answer)});
    } else {
      receive(key_of(to), message);
    }
  }

  std::map<std::string, Node> nodes_;
  std::set<std::pair<std::string, std::string>> cuts_;
  std::uint64_t last_id_ = 0;
  std::size_t forms_sent_ = 0;
  Time time_ = Time(std::chrono::seconds(1000));
};

constexpr auto kAMoment = std::chrono::seconds(1);
const Names kThree = {"a", "b", "c"};

FormingWorld three() {
  FormingWorld world;
  world.add_all(kThree);
  return world;
}

// Everyone has heard everyone, and the first listed makes entry 1; of what it says then these lines carry nothing.
void all_agree_then_cut(FormingWorld& world, const std::vector<std::pair<std::string, std::string>>& lines) {
  world.at("a").disk_is_late = true;
  world.start_all();
  world.run(kAMoment);
  for (const auto& [from, to] : lines) world.cut(from, to);
  world.at("a").disk_is_late = false;
  world.persist("a");
  world.run(kAMoment);
}

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

// The mistake may be another node's, so starting this one again may help.
bool may_pass(const std::optional<StopReason>& fatal, const std::string& part) {
  return fatal && fatal->may_pass && contains(fatal->detail, part);
}
// It is this node's own, for good.
bool is_for_good(const std::optional<StopReason>& fatal, const std::string& part) {
  return fatal && !fatal->may_pass && contains(fatal->detail, part);
}

}  // namespace

TEST_CASE("when all initial members are blank and agree, all get the same entry 1 (R17)") {
  FormingWorld world = three();
  world.start_all();
  world.run(kAMoment);
  REQUIRE(world.all_formed_alike(kThree));
  const Restored& formed = world.formed("b");
  REQUIRE(formed.entries.size() == 1);
  CHECK(formed.entries[0].term == Term(1));
  const auto& configuration = std::get<Configuration>(formed.entries[0].body);
  CHECK(configuration.cluster);
  CHECK(configuration.cluster == formed.hard_state.cluster);
  CHECK(configuration.state_limits == "limits of a");
  REQUIRE(configuration.voters.size() == 3);
  for (std::size_t i = 0; i < 3; ++i) {
    CHECK(configuration.voters[i] == Member{world.at(kThree[i]).disk.node, kThree[i]});
  }
  CHECK(world.at("b").disk.hard_state == HardState{configuration.cluster, Term(1), NodeId(), LogIndex()});
}

TEST_CASE("what a node formed is what Raft starts from") {
  FormingWorld world = three();
  world.start_all();
  world.run(kAMoment);
  const Raft raft(Options(), world.formed("c"), world.at("c").formation->last_write(), world.now().time);
  CHECK(raft.commit_index() == LogIndex(1));
  CHECK(raft.term() == Term(1));
}

TEST_CASE("a cluster of one forms at once (R17)") {
  FormingWorld world;
  world.add_all({"a"});
  world.start("a");
  CHECK(world.at("a").formed());
}

TEST_CASE("nothing forms while one of the initial members is missing (R17)") {
  FormingWorld world = three();
  world.start("a");
  world.start("b");
  world.run(10 * kAMoment);
  CHECK_FALSE(world.at("a").formed());
  CHECK(world.at("a").disk.entries.empty());
  world.start("c");
  world.run(kAMoment);
  CHECK(world.all_formed_alike(kThree));
}

TEST_CASE("a node that waits for others says for whom: once, and again when it changes") {
  FormingWorld world = three();
  world.start("a");
  world.start("b");
  world.run(10 * kAMoment);
  CHECK(world.at("a").notices == std::vector<std::string>{"waits for c, so that the cluster can form"});
  world.crash("b");
  world.run(10 * kAMoment);
  CHECK(world.at("a").notices.back() == "waits for b, c, so that the cluster can form");
  CHECK(world.at("a").notices.size() == 2);
}

TEST_CASE("a node that still waits says so again after ten minutes, and not before") {
  FormingWorld world = three();
  world.start("a");
  world.run(std::chrono::minutes(9));
  CHECK(world.at("a").notices.size() == 1);
  world.run(std::chrono::minutes(2));
  CHECK(world.at("a").notices == std::vector<std::string>(2, "waits for b, c, so that the cluster can form"));
}

TEST_CASE("a member that is heard and does not hear: each node says what it waits for") {
  FormingWorld world = three();
  world.cut("a", "c");  // say, by a wrong port in a's configuration
  world.start_all();
  world.run(10 * kAMoment);
  CHECK(world.at("a").notices.back() == "waits until it is heard by c, so that the cluster can form");
  CHECK(world.at("c").notices.back() == "waits for a, so that the cluster can form");
  CHECK(world.at("b").notices.back() == "waits for a, which forms the cluster: its log says what it waits for");
  world.heal();
  world.run(kAMoment);
  CHECK(world.all_formed_alike(kThree));
}

TEST_CASE("a damaged node says that it waits for a member of its cluster") {
  FormingWorld world = three();
  world.at("b").disk.hard_state.cluster = ClusterId(5);
  world.start_all();
  world.run(10 * kAMoment);
  CHECK(world.at("b").notices ==
        std::vector<std::string>{"waits for a member that has the cluster's first entry: this disk has lost it"});
}

TEST_CASE("a member that fell silent is missing: nothing forms without it (R17)") {
  FormingWorld world = three();
  world.start("a");
  world.start("b");
  world.run(kAMoment);
  world.crash("b");
  world.run(5 * kAMoment);
  world.start("c");
  world.run(kAMoment);
  CHECK_FALSE(world.at("a").formed());
  world.start("b");
  world.run(kAMoment);
  CHECK(world.all_formed_alike(kThree));
}

TEST_CASE("only the first listed forms, though all have heard of all") {
  FormingWorld world = three();
  for (const char* other : {"b", "c"}) world.cut(other, "a");
  world.start_all();
  world.run(10 * kAMoment);
  CHECK(world.forms_sent() == 0);
}

TEST_CASE("entry 1 is on the first listed's disk before anyone hears of it (R17)") {
  FormingWorld world = three();
  world.at("a").disk_is_late = true;
  world.start_all();
  world.run(kAMoment);
  REQUIRE(world.at("a").outstanding.size() == 1);
  CHECK(world.forms_sent() == 0);
  world.persist("a");  // entry 1
  CHECK_FALSE(world.at("a").formed());
  CHECK(world.forms_sent() == 0);
  world.persist("a");  // what binds the node to the cluster
  CHECK(world.at("a").formed());
  CHECK(world.forms_sent() > 0);
}

TEST_CASE("a node has formed only when entry 1 and its cluster are on its own disk (R17)") {
  FormingWorld world = three();
  world.at("b").disk_is_late = true;
  world.start_all();
  world.run(kAMoment);
  CHECK(world.at("a").formed());
  CHECK_FALSE(world.at("b").formed());
  world.persist("b");
  CHECK_FALSE(world.at("b").formed());
  world.persist("b");
  CHECK(world.all_formed_alike(kThree));
}

TEST_CASE("two different member lists: both nodes stop, and name the difference (R17)") {
  FormingWorld world;
  world.add("a", "a", {"a", "b", "c"});
  world.add("b", "b", {"a", "b", "d"});
  world.start_all();
  world.run(3 * kAMoment);
  for (const char* key : {"a", "b"}) {
    CHECK(may_pass(world.at(key).fatal, "a, b, c"));
    CHECK(may_pass(world.at(key).fatal, "a, b, d"));
    CHECK(world.at(key).disk.entries.empty());
  }
}

TEST_CASE("the same members in another order are a difference too, since the first one forms (R17)") {
  FormingWorld world;
  world.add("a", "a", {"a", "b"});
  world.add("b", "b", {"b", "a"});
  world.start_all();
  world.run(3 * kAMoment);
  CHECK(may_pass(world.at("a").fatal, "same order"));
  CHECK(may_pass(world.at("b").fatal, "same order"));
}

TEST_CASE("two nodes with one name: the nodes that hear both stop, and say which name (R17)") {
  FormingWorld world;
  const Names members = {"a", "b", "c", "d"};
  for (const char* name : {"a", "b", "c"}) world.add(name, name, members);
  world.add("second c", "c", members);  // and no d, so nothing forms meanwhile
  world.start_all();
  world.run(10 * kAMoment);
  for (const char* key : {"a", "b"}) CHECK(may_pass(world.at(key).fatal, "call themselves c"));
}

TEST_CASE("a node that hears another by its own name stops (R17)") {
  FormingWorld world = three();
  world.start("a");
  world.receive("a", {ClusterId(), Term(), NodeId(99), NodeId(), Hello{"a", kThree}});
  world.run(3 * kAMoment);
  CHECK(may_pass(world.at("a").fatal, "another node calls itself a"));
}

// What b said while it was blank, to the disk that a had then, may arrive when b has long been bound by that one.
TEST_CASE("only who answers this very disk counts as blank: not a Hello that was meant for an earlier one (R17)") {
  FormingWorld world = three();
  world.start("a");
  const NodeId b = world.at("b").disk.node;
  const NodeId c = world.at("c").disk.node;
  const auto hello = [&](NodeId from, const std::string& name, NodeId to) {
    world.receive("a", {ClusterId(), Term(), from, to, Hello{name, kThree}});
  };
  const NodeId a = world.at("a").disk.node;
  hello(c, "c", a);
  hello(b, "b", NodeId(999));  // a's disk before it was wiped
  hello(b, "b", NodeId());     // nor does one count that knows nobody
  CHECK_FALSE(world.at("a").formed());
  CHECK(world.at("a").outstanding.empty());
  hello(b, "b", a);
  CHECK(world.at("a").formed());
}

TEST_CASE("a wiped disk among blank nodes is only a new id under a known name (R17)") {
  FormingWorld world = three();
  world.start("a");
  world.start("b");
  world.run(kAMoment);
  world.wipe("b");
  world.start("b");
  world.run(kAMoment);
  world.start("c");
  world.run(kAMoment);
  REQUIRE(world.all_formed_alike(kThree));
  CHECK(std::get<Configuration>(world.formed("a").entries[0].body).find("b")->id == world.at("b").disk.node);
}

TEST_CASE("a wiped disk of a formed cluster is refused, and told the way out (R17)") {
  FormingWorld world = three();
  world.start_all();
  world.run(kAMoment);
  world.wipe("b");
  world.start("b");
  world.run(kAMoment);
  CHECK_FALSE(world.at("b").formed());
  CHECK(world.at("b").disk.entries.empty());
  CHECK(is_for_good(world.at("b").fatal, "knows another node by the name b"));
  CHECK(is_for_good(world.at("b").fatal, "put its data folder back"));
}

TEST_CASE("a wiped first listed forms no second cluster while a formed node can be heard (R17)") {
  FormingWorld world = three();
  world.start_all();
  world.run(kAMoment);
  world.wipe("a");
  world.start("a");
  world.run(5 * kAMoment);
  CHECK_FALSE(world.at("a").formed());
  CHECK(world.at("a").fatal);
}

TEST_CASE("a crash between entry 1 and what binds the node heals at its next start (R17)") {
  for (const char* crashes : {"a", "b"}) {
    CAPTURE(crashes);
    FormingWorld world = three();
    world.at(crashes).disk_is_late = true;
    world.start_all();
    world.run(kAMoment);
    world.persist(crashes);
    world.crash(crashes);
    REQUIRE(world.at(crashes).disk.entries.size() == 1);
    REQUIRE_FALSE(world.at(crashes).disk.hard_state.cluster);
    const std::vector<Entry> first = world.at(crashes).disk.entries;
    world.at(crashes).disk_is_late = false;
    world.start(crashes);
    world.run(kAMoment);
    CHECK(world.all_formed_alike(kThree));
    CHECK(world.formed("c").entries == first);
  }
}

TEST_CASE("the first listed crashes before anyone heard, comes back, and gives everyone the entry it has (R17)") {
  FormingWorld world = three();
  all_agree_then_cut(world, {{"a", "b"}, {"a", "c"}});
  REQUIRE(world.at("a").formed());
  const std::vector<Entry> first = world.at("a").disk.entries;
  world.crash("a");
  world.run(kAMoment);
  world.heal();
  world.start("a");
  world.run(kAMoment);
  CHECK(world.all_formed_alike(kThree));
  CHECK(world.formed("b").entries == first);
}

TEST_CASE("the first listed crashes before entry 1 is durable, and forms as if for the first time (R17)") {
  FormingWorld world = three();
  world.at("a").disk_is_late = true;
  world.start_all();
  world.run(kAMoment);
  world.crash("a");
  REQUIRE(world.at("a").disk.entries.empty());
  world.at("a").disk_is_late = false;
  world.start("a");
  world.run(kAMoment);
  CHECK(world.all_formed_alike(kThree));
}

TEST_CASE("a node that missed the Form gets it from any formed node, whoever that is (R17)") {
  FormingWorld world = three();
  all_agree_then_cut(world, {{"a", "c"}, {"b", "c"}});
  CHECK_FALSE(world.at("c").formed());
  world.crash("a");
  world.heal();
  world.run(kAMoment);
  CHECK(world.all_formed_alike({"b", "c"}));
}

TEST_CASE("a Form that comes late, or again, changes nothing for a node that has an entry 1 (R17)") {
  FormingWorld world = three();
  world.start_all();
  world.run(kAMoment);
  const std::vector<Entry> first = world.at("b").disk.entries;
  Configuration other = std::get<Configuration>(first[0].body);
  other.cluster = ClusterId(5);
  world.receive("b", {other.cluster, Term(1), world.at("a").disk.node, world.at("b").disk.node, Form{other, {}}});
  CHECK(world.at("b").outstanding.empty());
  CHECK(world.at("b").disk.entries == first);

  // The same while its own entry is on the way to the disk.
  FormingWorld slow = three();
  slow.at("b").disk_is_late = true;
  slow.start_all();
  slow.run(kAMoment);
  slow.receive("b", {other.cluster, Term(1), NodeId(1), slow.at("b").disk.node, Form{other, {}}});
  CHECK(slow.at("b").outstanding.size() == 1);
}

TEST_CASE("a Form that does not name this node's id is not for it (R17)") {
  FormingWorld world = three();
  world.start("b");
  const auto form = [&](NodeId id, const std::string& name) {
    const Configuration configuration{ClusterId(5), {{NodeId(50), "a"}, {id, name}}, {}};
    world.receive("b", {ClusterId(5), Term(1), NodeId(50), world.at("b").disk.node, Form{configuration, {}}});
    return !world.at("b").disk.entries.empty();
  };
  CHECK_FALSE(form(NodeId(60), "b"));
  CHECK_FALSE(form(world.at("b").disk.node, "c"));
  CHECK(form(world.at("b").disk.node, "b"));
}

TEST_CASE("a damaged node that knows its cluster gets the same entry 1 and keeps its term and vote (R17)") {
  FormingWorld world = three();
  world.start_all();
  world.run(kAMoment);
  const std::vector<Entry> first = world.at("b").disk.entries;
  world.crash("b");
  world.at("b").disk.entries.clear();
  world.at("b").disk.hard_state.term = Term(6);
  world.at("b").disk.hard_state.vote = NodeId(3);
  world.at("b").disk.hard_state.repair_until = LogIndex(40);
  const HardState before = world.at("b").disk.hard_state;
  world.start("b");
  world.run(kAMoment);
  CHECK(world.formed("b").entries == first);
  CHECK(world.at("b").disk.hard_state == before);
}

TEST_CASE("a damaged node never forms a cluster, and blank nodes do not count it among them (R17)") {
  FormingWorld world = three();
  world.at("a").disk.hard_state.cluster = ClusterId(5);
  world.start_all();
  world.run(10 * kAMoment);
  for (const std::string& name : kThree) CHECK(world.at(name).disk.entries.empty());

  FormingWorld other = three();
  other.at("b").disk.hard_state.cluster = ClusterId(5);
  other.start_all();
  other.run(10 * kAMoment);
  for (const std::string& name : kThree) CHECK(other.at(name).disk.entries.empty());
}

TEST_CASE("a damaged lone node does not form a cluster of its own") {
  FormingWorld world;
  world.add_all({"a"});
  world.at("a").disk.hard_state.cluster = ClusterId(5);
  world.start("a");
  world.run(kAMoment);
  CHECK(world.at("a").disk.entries.empty());
}

TEST_CASE("a node of another cluster is refused by a formed one, and told so (R17)") {
  const Configuration ours{ClusterId(5), {{NodeId(1), "a"}, {NodeId(2), "b"}}, {}};
  const auto answer = [&](std::uint64_t id, std::uint64_t cluster, const std::string& name) {
    return answer_to_hello(ours, WallTime(), NodeId(id), ClusterId(cluster), Hello{name, {"a", "b"}});
  };
  CHECK(std::holds_alternative<Form>(answer(2, 0, "b")));
  CHECK(std::holds_alternative<Form>(answer(2, 5, "b")));
  CHECK(contains(std::get<HelloRefused>(answer(2, 6, "b")).reason, "another cluster"));
  CHECK(contains(std::get<HelloRefused>(answer(9, 0, "b")).reason, "wiped disk"));
  CHECK(contains(std::get<HelloRefused>(answer(9, 0, "z")).reason, "not a member"));
  // An id counts, not a name: this is a known disk under a name that is not its own.
  CHECK(std::holds_alternative<HelloRefused>(answer(2, 0, "a")));
}

}  // namespace lockstep::formation_test
