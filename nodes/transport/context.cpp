// The settings of libzmq's context, and locks on ipc paths.
#include "nodes/transport/context.hpp"

#include <fcntl.h>

#include <cstdlib>
#include <utility>

#include "nodes/system/entropy.hpp"

namespace lockstep {
namespace {

// libzmq numbers connections from rand(), and whoever guesses a routing id can claim it. Before the first
// socket, this makes the start of the numbering unpredictable.
void seed_routing_ids() { std::srand(static_cast<unsigned>(random_identifier())); }

}  // namespace

Context::Context() {
  context_.set(zmq::ctxopt::io_threads, 2);
  context_.set(zmq::ctxopt::max_sockets, 4096);
  // Closing the context must not wait for messages that nobody takes.
  context_.set(zmq::ctxopt::blocky, 0);
  seed_routing_ids();
}

bool Context::claim_ipc_path(const std::string& path) {
  if (claimed_.contains(path)) return true;
  FileDescriptor lock(open((path + ".lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  // Where no file can be made, the bind will fail as well and say why.
  if (!lock) return true;
  if (try_lock(lock) != FileLock::kLocked) return false;
  claimed_.emplace(path, std::move(lock));
  return true;
}

}  // namespace lockstep
