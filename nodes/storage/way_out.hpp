// What a person can do about a data folder with which its node cannot go on. One sentence, for every error that needs
// it.
#pragma once

#include <string>

#include "protocol/base/documents.hpp"

namespace lockstep {

inline std::string way_out_of_lost_data(const std::string& folder) {
  return "Restore " + folder +
         " from a copy of this node's own latest state, or leave the node stopped and move to a " +
         "new cluster: " + std::string(kOperationsDocument) + " has the steps";
}

}  // namespace lockstep
