// All of one vector behind what another holds; the first is empty then.
#pragma once

#include <algorithm>
#include <iterator>
#include <vector>

namespace lockstep {

template <typename T>
void move_to_end(std::vector<T>& from, std::vector<T>& to) {
  std::move(from.begin(), from.end(), std::back_inserter(to));
  from.clear();
}

}  // namespace lockstep
