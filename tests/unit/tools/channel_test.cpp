// Goal: what one end said before it went is heard at the other end, whatever that end has said meanwhile.
#include "tools/lockstep/run/channel.hpp"

#include <doctest/doctest.h>

namespace lockstep::channel_test {

using namespace lockstep::run;

namespace {

struct Ends {
  Ends() {
    auto ends = Channel::open();
    REQUIRE(ends);
    holder = std::move(ends->first);
    guardian = std::move(ends->second);
  }
  template <typename What>
  std::optional<What> news() {
    const auto received = holder->receive_news();
    if (!received || !std::holds_alternative<News>(*received)) return std::nullopt;
    const auto* what = std::get_if<What>(&std::get<News>(*received));
    return what ? std::optional(*what) : std::nullopt;
  }
  bool is_closed() {
    const auto received = holder->receive_news();
    return received && std::holds_alternative<ChannelClosed>(*received);
  }

  std::optional<Channel> holder;
  std::optional<Channel> guardian;
};

}  // namespace

TEST_CASE_FIXTURE(Ends, "there is nothing to receive at first, and what is sent comes whole and in order") {
  CHECK_FALSE(holder->receive_news());
  guardian->send(News(Started{42}));
  guardian->send(News(Finish{7 << 8, Ending::kDeadline}));
  CHECK(news<Started>()->group == 42);
  const auto finish = news<Finish>();
  REQUIRE(finish);
  CHECK(finish->status == 7 << 8);
  CHECK(finish->ending == Ending::kDeadline);
  CHECK_FALSE(holder->receive_news());
}

TEST_CASE_FIXTURE(Ends, "a guardian that goes with orders unread has told its end all the same") {
  // The kernel says ECONNRESET to whoever reads from such an end, before what is there to be read.
  guardian->send(News(Started{42}));
  guardian->send(News(Finish{0, Ending::kByItself}));
  holder->send(Order(RenewOrder{}));
  guardian.reset();
  CHECK(news<Started>());
  CHECK(news<Finish>());
  CHECK(is_closed());
  CHECK(is_closed());
}

TEST_CASE_FIXTURE(Ends, "what is sent to an end that is gone, or does not read, is dropped") {
  for (int i = 0; i < 10'000; ++i) holder->send(Order(RenewOrder{}));
  guardian.reset();
  holder->send(Order(StopOrder{}));
  CHECK(is_closed());
}

}  // namespace lockstep::channel_test
