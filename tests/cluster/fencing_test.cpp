// Goal: a holder that is stopped and comes back too late does no harm.
// Method: the example writer on a real cluster; SIGSTOP for longer than its lease, another writer, SIGCONT.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <fstream>

#include "tests/support/cluster.hpp"

using namespace lockstep;
using namespace std::chrono_literals;
using lockstep::testing::Process;
using lockstep::testing::read_file;
using lockstep::testing::StartedCluster;
using lockstep::testing::wait_until;

namespace {

// The example program, fed line by line through a FIFO.
class Writer {
 public:
  Writer(StartedCluster& cluster, const std::string& name, const std::string& kind, bool careless = false)
      : log_(cluster.folder() / (name + ".log")), fifo_(make_fifo(cluster.folder() / (name + ".in"))) {
    std::string servers;
    for (const std::string& node : cluster.names()) servers += "," + cluster.endpoints(node).client;
    const std::string command = "exec env LOCKSTEP_SERVER=" + servers.substr(1) + " " FENCED_WRITER " " + kind + " " +
                                (cluster.folder() / kind).string() + " report" + (careless ? " --careless" : "") +
                                " < " + fifo_.string();
    process_.emplace(std::vector<std::string>{"/bin/sh", "-c", command}, cluster.folder(), log_);
    input_ = open(fifo_.c_str(), O_WRONLY | O_CLOEXEC);
    REQUIRE(input_ >= 0);
  }
  ~Writer() { close(input_); }
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  void write(const std::string& line) {
    REQUIRE(::write(input_, (line + "\n").data(), line.size() + 1) == static_cast<ssize_t>(line.size() + 1));
  }
  bool says(const std::string& words) {
    return wait_until([&] { return read_file(log_).find(words) != std::string::npos; });
  }
  Process& process() { return *process_; }

 private:
  static std::filesystem::path make_fifo(const std::filesystem::path& path) {
    REQUIRE(mkfifo(path.c_str(), 0600) == 0);
    return path;
  }

  std::filesystem::path log_;
  std::filesystem::path fifo_;
  std::optional<Process> process_;
  int input_ = -1;
};

}  // namespace

TEST_CASE("a paused writer that comes back too late finds its lock lost, and the resource refuses a careless one") {
  for (const std::string kind : {"table", "file"}) {
    for (const bool careless : {false, true}) {
      StartedCluster cluster(3);
      Writer paused(cluster, "paused", kind, careless);
      REQUIRE(paused.says("granted"));
      paused.write("before the pause");
      REQUIRE(paused.says("written"));
      paused.process().signal(SIGSTOP);
      Writer next(cluster, "next", kind);
      REQUIRE(next.says("granted"));
      next.write("by the next");
      REQUIRE(next.says("written"));
      paused.write("too late");
      paused.process().signal(SIGCONT);
      CHECK(paused.process().wait().exit_code == (careless ? 4 : 5));
      CHECK(paused.says(careless ? "refused" : "lost"));
      next.write("and goes on");
      CHECK(next.says("written"));
    }
  }
}
