// The C++ library of Lockstep: lockstep::Client, and locks that know when they are lost.
#pragma once

#include "nodes/client/client.hpp"
#include "nodes/client/lock.hpp"
