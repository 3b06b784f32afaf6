#include "tests/support/largest_allocation.hpp"

#include <cstdlib>
#include <new>

namespace {

std::size_t largest = 0;

}  // namespace

void* operator new(std::size_t size) {
  if (size > largest) largest = size;
  void* memory = std::malloc(size == 0 ? 1 : size);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace lockstep::testing {

std::size_t largest_allocation() { return largest; }
void forget_largest_allocation() { largest = 0; }

}  // namespace lockstep::testing
