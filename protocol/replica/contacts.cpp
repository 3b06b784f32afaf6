// Four bits for each member, and four sentences.

#include "protocol/replica/contacts.hpp"

#include <algorithm>
#include <utility>

#include "protocol/base/duration_words.hpp"
#include "protocol/base/joined.hpp"

namespace lockstep {
namespace {

constexpr int kPatientIntervals = 10;
constexpr int kIntervalsUntilToldAgain = 600;

}  // namespace

Contacts::Contacts(Reach self, std::vector<Reach> others, Duration interval, Time now)
    : self_(std::move(self)), interval_(interval), started_(now), next_look_(now + interval) {
  for (Reach& other : others) contacts_.push_back({std::move(other)});
}

Contacts::Contact* Contacts::find(std::string_view name) {
  const auto found = std::find_if(contacts_.begin(), contacts_.end(),
                                  [&](const Contact& contact) { return contact.reach.name == name; });
  return found == contacts_.end() ? nullptr : &*found;
}

void Contacts::heard(std::string_view name) {
  if (Contact* contact = find(name)) contact->heard = contact->heard_of_late = true;
}

void Contacts::answered(std::string_view name) {
  heard(name);
  if (Contact* contact = find(name)) contact->answered = true;
}

void Contacts::heard_broadcast(std::string_view name) {
  heard(name);
  if (Contact* contact = find(name)) contact->heard_broadcast = true;
}

void Contacts::note_heard(Time now) {
  for (Contact& contact : contacts_) {
    if (contact.heard && !contact.heard_since) contact.heard_since = now;
  }
}

// Who hears no broadcasts forgets its leader and is told of it again, so nobody between is no change.
void Contacts::follow(Time now, std::string_view leader) {
  if (leader.empty() || leader == leader_) return;
  leader_ = leader;
  follows_since_ = now;
}

Contacts::Look Contacts::look(Time now, std::optional<std::string_view> leader) {
  next_look_ = now + interval_;
  note_heard(now);
  follow(now, leader.value_or(""));
  Look look;
  for (const Contact& contact : contacts_) {
    if (!contact.answered) look.unanswered.push_back(contact.reach.name);
  }
  look.notices = notices(now);
  if (auto notice = notice_of_leader(now, leader)) look.notices.push_back(*std::move(notice));
  return look;
}

std::optional<Contacts::Trouble> Contacts::trouble_of(Time now, const Contact& contact) const {
  const Duration patience = kPatientIntervals * interval_;
  if (!contact.answered) {
    if (now - contact.heard_since.value_or(started_) < patience) return std::nullopt;
    return contact.heard ? Trouble::kDeaf : Trouble::kSilent;
  }
  const bool leads_unheard = contact.reach.name == leader_ && !contact.heard_broadcast;
  if (leads_unheard && now - follows_since_ >= patience) return Trouble::kNoBroadcasts;
  return std::nullopt;
}

// That one is followed again, or leads, is raft's to tell. Members that are stranded together ask each other for votes,
// so who is not heard of late is away.
std::optional<Notice> Contacts::notice_of_leader(Time now, std::optional<std::string_view> leader) {
  if (!leader || !leader->empty()) {
    leaderless_since_.reset();
    return std::nullopt;
  }
  if (!leaderless_since_) {
    leaderless_since_ = now;
    tell_leaderless_ = now + kPatientIntervals * interval_;
    forget_of_late();
  }
  if (now < tell_leaderless_) return std::nullopt;
  std::vector<std::string> silent;
  for (const Contact& contact : contacts_) {
    if (!contact.heard_of_late) silent.push_back(contact.reach.name);
  }
  tell_leaderless_ = now + kIntervalsUntilToldAgain * interval_;
  forget_of_late();
  return Notice{Notice::Level::kWarning,
                "has had no leader for " + in_words(now - *leaderless_since_) + ": " +
                    (silent.empty() ? "hears every other member" : "hears nothing from " + joined(silent))};
}

void Contacts::forget_of_late() {
  for (Contact& contact : contacts_) contact.heard_of_late = false;
}

// Another leader is no proof that the former one's broadcasts would be heard.
bool Contacts::is_over(Trouble trouble, const Contact& contact) {
  return trouble == Trouble::kNoBroadcasts ? contact.heard_broadcast : contact.answered;
}

std::vector<Notice> Contacts::notices(Time now) {
  std::vector<Notice> notices;
  for (Contact& contact : contacts_) {
    const std::optional<Trouble> trouble = trouble_of(now, contact);
    if (trouble && (trouble != contact.told || now >= contact.tell_again)) {
      notices.push_back({Notice::Level::kWarning, describe(*trouble, contact)});
      contact.tell_again = now + kIntervalsUntilToldAgain * interval_;
      contact.told = trouble;
    } else if (!trouble && contact.told && is_over(*contact.told, contact)) {
      notices.push_back({Notice::Level::kInfo, contact.reach.name + " and this node hear each other now"});
      contact.told.reset();
    }
  }
  return notices;
}

std::string Contacts::describe(Trouble trouble, const Contact& contact) const {
  const Reach& other = contact.reach;
  const std::string look =
      ": look whether this node's configuration is right, and whether this machine can reach it there";
  switch (trouble) {
    case Trouble::kSilent:
      return other.name +
             " was never heard: look whether it runs, and whether the two can reach each other's `peer`, " +
             other.peer + " and " + self_.peer;
    case Trouble::kDeaf:
      return other.name + " is heard, but nothing that this node sends to its `peer` " + other.peer + " arrives" + look;
    case Trouble::kNoBroadcasts:
      return other.name + " leads, but is not heard at its `publish` " + other.publish + look;
  }
  return {};
}

}  // namespace lockstep
