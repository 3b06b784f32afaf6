// Whether this node and the other members hear each other and a leader, and what to tell a person if they do not.
//
// A configuration that names a wrong port for a member does not show by itself: nothing is sent back, and the cluster
// works as long as the members that matter just then hear each other. So a node says Hello to every other member until
// that one has answered: at its start, and never again afterwards. What a member has shown once stays so.
// While there is no leader, a person is told who has not been heard since.
//
// It reads no message and sends none: its owner says what came in, and sends the Hellos. A value.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/base/notice.hpp"
#include "protocol/base/types.hpp"

namespace lockstep {

// How a member is reached, for the words of a notice.
struct Reach {
  std::string name;
  std::string peer;
  std::string publish;
};

class Contacts {
 public:
  // Once an interval a look is due. A person is told when something has been wrong for ten of them, and then again
  // every 600: with a second, after ten seconds and every ten minutes. A member that is heard has those ten to answer.
  Contacts(Reach self, std::vector<Reach> others, Duration interval, Time now);

  // What came in. A name that is none of the others' is ignored.
  void heard(std::string_view name);            // anything that it said
  void answered(std::string_view name);         // what it can have said only because it heard this node
  void heard_broadcast(std::string_view name);  // what it published

  bool is_due(Time now) const { return now >= next_look_; }
  struct Look {
    std::vector<std::string> unanswered;  // say Hello to these
    std::vector<Notice> notices;
  };
  // `leader`: whom this node follows, so that one's broadcasts should be heard, or this node itself. Empty: nobody.
  // None: the cluster has not formed, so nobody can lead.
  Look look(Time now, std::optional<std::string_view> leader);

 private:
  // What a person can do something about. The higher it is, the more is known to work.
  enum class Trouble { kSilent, kDeaf, kNoBroadcasts };
  struct Contact {
    Reach reach;
    bool heard = false;
    bool heard_of_late = false;  // since there was a leader, or since a person was told that there is none
    bool answered = false;
    bool heard_broadcast = false;
    std::optional<Time> heard_since = {};  // the first look that found it heard
    std::optional<Trouble> told = {};
    Time tell_again{};
  };

  Contact* find(std::string_view name);
  void note_heard(Time now);
  void follow(Time now, std::string_view leader);
  std::vector<Notice> notices(Time now);
  std::optional<Notice> notice_of_leader(Time now, std::optional<std::string_view> leader);
  void forget_of_late();
  std::optional<Trouble> trouble_of(Time now, const Contact& contact) const;
  static bool is_over(Trouble trouble, const Contact& contact);
  std::string describe(Trouble trouble, const Contact& contact) const;

  Reach self_;
  std::vector<Contact> contacts_;
  Duration interval_;
  Time started_;
  Time next_look_;
  std::string leader_;
  Time follows_since_{};
  std::optional<Time> leaderless_since_;  // the first look that found none
  Time tell_leaderless_{};
};

}  // namespace lockstep
