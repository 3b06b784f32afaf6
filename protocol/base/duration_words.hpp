// Durations in sentences: "300 ms", "40.1 s", "3 min 20 s", "2 days 3 h".
//
// As exactly as a person wants it. What a person may type, and what a program reads, is nodes/text/duration.hpp.
#pragma once

#include <string>

#include "protocol/base/types.hpp"

namespace lockstep {

// Below a second in ms, to two digits or so: "20 ms", and "300 ms" of 297. Below a minute in s, to a tenth. Above, in
// the two largest units. One below zero, which is of clocks that disagree, is none: "0 ms".
std::string in_words(Duration duration);

}  // namespace lockstep
