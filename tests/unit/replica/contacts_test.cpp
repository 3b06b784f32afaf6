// Whom a node still greets, and what a person is told of members that do not hear each other.
#include "protocol/replica/contacts.hpp"

#include <doctest/doctest.h>

namespace lockstep::contacts_test {

namespace {

using Names = std::vector<std::string>;
using Texts = std::vector<std::string>;

constexpr Time kStart = Time(std::chrono::seconds(1000));
constexpr Duration kInterval = std::chrono::seconds(1);
constexpr Duration kPatience = 10 * kInterval;

Contacts contacts_of_a() {
  return {{"a", "tcp://a:1", "tcp://a:2"},
          {{"b", "tcp://b:1", "tcp://b:2"}, {"c", "tcp://c:1", "tcp://c:2"}},
          kInterval,
          kStart};
}

Texts told_with(Contacts& contacts, Duration after, std::optional<std::string_view> leader) {
  Texts texts;
  for (const Notice& notice : contacts.look(kStart + after, leader).notices) texts.push_back(notice.text);
  return texts;
}

// Of a node that leads, so that it lacks no leader, unless it follows one.
Texts told(Contacts& contacts, Duration after, std::string_view leader = "a") {
  return told_with(contacts, after, leader);
}

Texts told_of_nobody(Contacts& contacts, Duration after) { return told_with(contacts, after, ""); }

const std::string kSilent =
    "c was never heard: look whether it runs, and whether the two can reach each other's `peer`, tcp://c:1 and "
    "tcp://a:1";
const std::string kDeaf =
    "c is heard, but nothing that this node sends to its `peer` tcp://c:1 arrives: look whether this node's "
    "configuration is right, and whether this machine can reach it there";
const std::string kNoBroadcasts =
    "c leads, but is not heard at its `publish` tcp://c:2: look whether this node's configuration is right, and "
    "whether "
    "this machine can reach it there";

}  // namespace

TEST_CASE("once an interval those that have not answered are to be greeted") {
  Contacts contacts = contacts_of_a();
  const auto greeted = [&](Duration after) { return contacts.look(kStart + after, "").unanswered; };
  CHECK_FALSE(contacts.is_due(kStart));
  CHECK(contacts.is_due(kStart + kInterval));
  CHECK(greeted(kInterval) == Names{"b", "c"});
  CHECK_FALSE(contacts.is_due(kStart + kInterval));
  contacts.answered("c");
  contacts.heard("b");  // which is no answer
  CHECK(greeted(2 * kInterval) == Names{"b"});
  contacts.answered("b");
  CHECK(greeted(9 * kInterval).empty());
}

TEST_CASE("who hears everybody and is heard has nothing to tell, ever") {
  Contacts contacts = contacts_of_a();
  for (const char* name : {"b", "c"}) contacts.answered(name);
  contacts.heard("z");  // a stranger
  CHECK(told(contacts, kPatience).empty());
  CHECK(told(contacts, std::chrono::hours(24)).empty());
}

TEST_CASE("a member that was never heard is told with both endpoints: once, and every ten minutes") {
  Contacts contacts = contacts_of_a();
  contacts.answered("b");
  CHECK(told(contacts, kPatience - kInterval).empty());
  CHECK(told(contacts, kPatience) == Texts{kSilent});
  CHECK(told(contacts, std::chrono::minutes(9)).empty());
  CHECK(told(contacts, std::chrono::minutes(11)) == Texts{kSilent});
  CHECK(told(contacts, std::chrono::minutes(12)).empty());
}

TEST_CASE("a member that is heard and does not hear is told with the endpoint that this node has for it") {
  Contacts contacts = contacts_of_a();
  contacts.answered("b");
  contacts.heard("c");
  CHECK(told(contacts, kInterval).empty());
  CHECK(told(contacts, kPatience).empty());
  CHECK(told(contacts, kPatience + kInterval) == Texts{kDeaf});
}

TEST_CASE("a member that was started late has as long to answer as any other") {
  Contacts contacts = contacts_of_a();
  contacts.answered("b");
  CHECK(told(contacts, kPatience) == Texts{kSilent});
  contacts.heard("c");
  CHECK(told(contacts, 2 * kPatience).empty());
  CHECK(told(contacts, 3 * kPatience - kInterval).empty());
  contacts.answered("c");
  CHECK(told(contacts, 3 * kPatience) == Texts{"c and this node hear each other now"});
}

TEST_CASE("what changes is told, and at once that all is well") {
  Contacts contacts = contacts_of_a();
  contacts.answered("b");
  CHECK(told(contacts, kPatience) == Texts{kSilent});
  contacts.heard("c");
  CHECK(told(contacts, kPatience + kInterval).empty());
  CHECK(told(contacts, 2 * kPatience + kInterval) == Texts{kDeaf});
  contacts.answered("c");
  CHECK(told(contacts, 2 * kPatience + 2 * kInterval) == Texts{"c and this node hear each other now"});
  CHECK(told(contacts, std::chrono::hours(1)).empty());
}

TEST_CASE("a leader that is heard by its answers alone is told with its other endpoint") {
  Contacts contacts = contacts_of_a();
  for (const char* name : {"b", "c"}) contacts.answered(name);
  CHECK(told(contacts, kPatience).empty());  // it leads, so no broadcasts are expected
  CHECK(told(contacts, kPatience, "c").empty());
  CHECK(told_of_nobody(contacts, kPatience + kInterval).empty());  // which happens when nothing is heard of it
  CHECK(told(contacts, 2 * kPatience, "c") == Texts{kNoBroadcasts});
  CHECK(told(contacts, 2 * kPatience, "b").empty());  // which says nothing about c
  contacts.heard_broadcast("b");
  CHECK(told(contacts, 2 * kPatience, "c").empty());
  contacts.heard_broadcast("c");
  CHECK(told(contacts, 2 * kPatience + kInterval, "c") == Texts{"c and this node hear each other now"});
}

TEST_CASE("a leader that was replaced owes no broadcasts") {
  Contacts contacts = contacts_of_a();
  for (const char* name : {"b", "c"}) contacts.answered(name);
  CHECK(told(contacts, kInterval, "c").empty());
  contacts.heard_broadcast("b");
  CHECK(told(contacts, 2 * kInterval, "b").empty());
  CHECK(told(contacts, 2 * kPatience, "b").empty());
}

TEST_CASE("a node without a leader says so after a while and every ten minutes, and whom it does not hear") {
  Contacts contacts = contacts_of_a();
  for (const char* name : {"b", "c"}) contacts.answered(name);
  contacts.heard_broadcast("c");
  CHECK(told(contacts, kInterval, "c").empty());
  CHECK(told_of_nobody(contacts, 2 * kInterval).empty());
  contacts.heard("b");
  CHECK(told_of_nobody(contacts, kPatience + kInterval).empty());
  CHECK(told_of_nobody(contacts, kPatience + 2 * kInterval) ==
        Texts{"has had no leader for 10 s: hears nothing from c"});
  CHECK(told_of_nobody(contacts, std::chrono::minutes(10)).empty());
  CHECK(told_of_nobody(contacts, std::chrono::minutes(10) + kPatience + 2 * kInterval) ==
        Texts{"has had no leader for 10 min 10 s: hears nothing from b, c"});
  for (const char* name : {"b", "c"}) contacts.heard(name);
  CHECK(told_of_nobody(contacts, std::chrono::minutes(21)) ==
        Texts{"has had no leader for 20 min 58 s: hears every other member"});
}

TEST_CASE("an election is no trouble, and neither is a cluster that has not formed") {
  Contacts contacts = contacts_of_a();
  for (const char* name : {"b", "c"}) contacts.answered(name);
  CHECK(told_with(contacts, 2 * kPatience, std::nullopt).empty());
  CHECK(told_of_nobody(contacts, 2 * kPatience + kInterval).empty());
  CHECK(told(contacts, 2 * kPatience + 2 * kInterval).empty());
  CHECK(told_of_nobody(contacts, 3 * kPatience).empty());
  CHECK(told_of_nobody(contacts, 4 * kPatience - kInterval).empty());
}

}  // namespace lockstep::contacts_test
