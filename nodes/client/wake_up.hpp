// A descriptor to be polled together with sockets, that any thread can make readable.
#pragma once

namespace lockstep {

class WakeUp {
 public:
  WakeUp();
  ~WakeUp();
  WakeUp(const WakeUp&) = delete;
  WakeUp& operator=(const WakeUp&) = delete;

  int fd() const { return fd_; }
  void wake() const;   // from any thread
  void quiet() const;  // until the next wake()

 private:
  int fd_;
};

}  // namespace lockstep
