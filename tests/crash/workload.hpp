// What the cluster lives through, without anybody's power failing: 200 requests of three clients, logs that are
// compacted in between, a node that is cut off in the middle of a compaction until only a snapshot helps it, one that
// is started again, and a leader that is replaced. The same every time.
#pragma once

#include <functional>
#include <string>

#include "protocol/base/random.hpp"
#include "tests/crash/world.hpp"

namespace lockstep::crash {

inline constexpr std::size_t kRequests = 200;

inline locks::Operation operation(std::size_t request) {
  Random random(request);
  const std::string name = "lock " + std::to_string(random.below(4)) + std::string(random.below(200), '.');
  const std::string shared = "shared " + std::to_string(random.below(2));
  switch (random.below(8)) {
    case 0:
    case 1: return locks::Preempt{name};
    case 2: return locks::Release{name};
    case 3: return locks::Acquire{{shared}, locks::Mode::kShared, 0, false, 0};
    case 4: return locks::Acquire{{"both", shared}, locks::Mode::kExclusive, 0, true, 1};
    case 5: return locks::Release{shared};
    case 6: return locks::ForceRelease{shared, "the test says so"};
    default: return locks::Release{"both"};
  }
}

// `before(i)` is called before request i, and ends the workload there if it says no.
inline void run_workload(World& world, const std::function<bool(std::size_t)>& before) {
  for (std::size_t i = 0; i < kRequests; ++i) {
    if (!before(i)) return;
    if (i == 10 && world.leader() != World::kNodes) world.hold_compactions((world.leader() + 1) % World::kNodes);
    if (i == 30 && world.leader() != World::kNodes) world.isolate((world.leader() + 1) % World::kNodes);
    if (i == 128) world.heal();
    if (i == 129) world.run(std::chrono::seconds(2));  // the node that was away is sent a snapshot
    if (i == 129) world.let_compactions_go();
    if (i == 130) world.end_process(1, false);
    if (i == 150 && world.leader() != World::kNodes) world.isolate(world.leader());
    if (i == 165) world.heal();
    if (i == 180) world.end_process(2, true);
    world.request(i % 3, operation(i));
  }
}

}  // namespace lockstep::crash
