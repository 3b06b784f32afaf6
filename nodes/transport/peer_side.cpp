// Opens the sockets between members, and maps each message to the socket it leaves by.
#include "nodes/transport/peer_side.hpp"

#include <type_traits>
#include <utility>

#include "protocol/base/invariant.hpp"

namespace lockstep {

tl::expected<PeerSide, TransportError> PeerSide::open(Context& context, const PeerAddress& self,
                                                      const std::vector<PeerAddress>& others) {
  auto router = Router::for_peers(context, self.peer);
  if (!router) return tl::unexpected(router.error());
  auto publisher = open_bound(context, SocketKind::kPublisher, self.publish);
  if (!publisher) return tl::unexpected(publisher.error());
  auto subscriber = open_socket(context, SocketKind::kPeerSubscriber);
  if (!subscriber) return tl::unexpected(subscriber.error());

  PeerSide side(std::move(*router), std::move(*publisher), std::move(*subscriber));
  for (const PeerAddress& other : others) {
    if (auto connected = connect(side.subscriber_.socket(), other.publish); !connected) {
      return tl::unexpected(connected.error());
    }
    auto dealer = open_connected(context, SocketKind::kPeerDealer, other.peer);
    if (!dealer) return tl::unexpected(dealer.error());
    const bool added = side.dealers_.try_emplace(other.name, std::move(*dealer)).second;
    INVARIANT(added, "the members' names differ");
  }
  return side;
}

std::vector<ReceivedRequest> PeerSide::receive() {
  std::vector<ReceivedRequest> received = router_.receive();
  read_empty_ = router_.read_empty();
  receive_from(subscriber_, received);
  for (auto& [name, dealer] : dealers_) receive_from(dealer, received);
  return received;
}

void PeerSide::receive_from(Inlet& inlet, std::vector<ReceivedRequest>& received) {
  std::size_t budget = kFramesPerTurn;
  while (auto body = inlet.receive(budget)) received.push_back({ConnectionId{}, std::move(*body), ""});
  if (budget == 0) read_empty_ = false;
}

SendResult PeerSide::send(const raft::Destination& to, const std::string& body) {
  const auto by_way_of = [&](const auto& way) {
    using Way = std::decay_t<decltype(way)>;
    if constexpr (std::is_same_v<Way, raft::Publish>) {
      return send_frame(publisher_, body);
    } else if constexpr (std::is_same_v<Way, raft::ToMember>) {
      const auto dealer = dealers_.find(way.name);
      INVARIANT(dealer != dealers_.end(), "a message to a member goes to one of the others: " + way.name);
      return send_frame(dealer->second.socket(), body);
    } else {
      return router_.send(way.connection, body);
    }
  };
  const SendResult result = std::visit(by_way_of, to);
  if (result != SendResult::kSent) ++dropped_sends_;
  return result;
}

std::uint64_t PeerSide::malformed() const {
  std::uint64_t total = subscriber_.malformed();
  for (const auto& [name, dealer] : dealers_) total += dealer.malformed();
  return total;
}

void PeerSide::add_poll_items(PollItems& items) {
  items.push_back(router_.poll_item());
  items.push_back(readable(subscriber_.socket()));
  for (auto& [name, dealer] : dealers_) items.push_back(readable(dealer.socket()));
}

}  // namespace lockstep
