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

Texts told(Contacts& contacts, Duration after, const std::string& leader = "") {
  Texts texts;
  for (const Notice& notice : contacts.look(kStart + after, leader).notices) texts.push_back(notice.text);
  return texts;
}

const std::string kSilent =
    "c was never heard: look whether it runs, and whether the two can reach each other's `peer`, tcp://c:1 and "
    "tcp://a:1";
const std::string kDeaf =
    "c is heard, but does not hear this node at its `peer` tcp://c:1: look whether this node's configuration is right, "
    "and whether this machine can reach it there";
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
  CHECK(told(contacts, kPatience) == Texts{kDeaf});
}

TEST_CASE("what changes is told at once, and so is that all is well") {
  Contacts contacts = contacts_of_a();
  contacts.answered("b");
  CHECK(told(contacts, kPatience) == Texts{kSilent});
  contacts.heard("c");
  CHECK(told(contacts, kPatience + kInterval) == Texts{kDeaf});
  contacts.answered("c");
  CHECK(told(contacts, kPatience + 2 * kInterval) == Texts{"c and this node hear each other now"});
  CHECK(told(contacts, std::chrono::hours(1)).empty());
}

TEST_CASE("a leader that is heard by its answers alone is told with its other endpoint") {
  Contacts contacts = contacts_of_a();
  for (const char* name : {"b", "c"}) contacts.answered(name);
  CHECK(told(contacts, kPatience).empty());  // nobody leads, so no broadcasts are expected
  CHECK(told(contacts, kPatience, "c").empty());
  CHECK(told(contacts, kPatience + kInterval).empty());  // nobody: which happens when nothing is heard of it
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

}  // namespace lockstep::contacts_test
