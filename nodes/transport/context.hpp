// The ZeroMQ context: two I/O threads, one for clients and one for peers, so that a storm of new client
// connections cannot delay the heartbeats between nodes.
//
// One context a process. It must outlive every socket made from it, and the process must not fork after it
// exists. Sockets are made by this folder's classes only.
#pragma once

#include <map>
#include <string>

#include <zmq.hpp>

#include "nodes/system/file_descriptor.hpp"

namespace lockstep {

class Context {
 public:
  Context();
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  zmq::context_t& raw() { return context_; }

  // libzmq takes the path of an ipc socket away from whoever is bound to it. So a path is locked, by the file
  // PATH.lock, from its first bind until this process ends. False if another process has it.
  bool claim_ipc_path(const std::string& path);

 private:
  std::map<std::string, FileDescriptor> claimed_;  // the lock files
  zmq::context_t context_;
};

}  // namespace lockstep
