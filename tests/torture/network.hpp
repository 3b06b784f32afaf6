// The network between the nodes of a cluster on one machine, of which every connection can be cut or made to stall.
//
// Each node reaches each other one through two doors of its own, for the other's ROUTER and for its PUB; behind a
// door the bytes are passed on as they come. A stalled direction is read no more: the bytes stay where they are, as
// on a network that loses every packet, and come late if it heals. A cut closes what is open and refuses what comes.
//
// Threads: one of its own passes the bytes; the members may be called from any other. All on 127.0.0.1.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace lockstep::torture {

enum class Channel : std::uint8_t { kPeer, kPublish };

class Network {
 public:
  Network();
  ~Network();
  Network(const Network&) = delete;
  Network& operator=(const Network&) = delete;

  // A door for `from` to what `to` serves at `target` (tcp://127.0.0.1:PORT). Returns its endpoint. Throws.
  std::string open_door(const std::string& from, const std::string& to, Channel channel, const std::string& target);

  // Nothing passes between the two any more, in either direction; whoever connects is hung up on.
  void cut(const std::string& one, const std::string& other);
  // Nothing that `from` sends arrives at `to`: neither requests nor answers nor what it publishes.
  void silence(const std::string& from, const std::string& to);
  // Nothing that `from` publishes arrives anywhere; all else does.
  void silence_publishing(const std::string& from);
  // All of that is over. `reset`: what stalled is lost with its connection, instead of coming late.
  void heal(bool reset);

 private:
  struct Door;
  struct Pipe;
  void run();
  void wake();
  template <typename Change>
  void change(Change change);

  std::mutex mutex_;  // of doors_ and all in them
  std::list<Door> doors_;
  int wake_fd_ = -1;
  std::atomic<bool> stopping_ = false;
  std::thread thread_;
};

}  // namespace lockstep::torture
