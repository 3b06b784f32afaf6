#include "tests/unit/client/scripted_client.hpp"
