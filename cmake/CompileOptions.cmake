# What every target of ours is compiled with. Sanitizers come from the presets.
set(LOCKSTEP_SANITIZE "" CACHE STRING "Sanitizers for all code, as -fsanitize takes them")

add_library(lockstep_options INTERFACE)
target_compile_options(lockstep_options INTERFACE -Wall -Wextra -Wconversion -Wshadow -Werror
  # g++ 12 sees uninitialized members in moved std::variants that it has not told apart; the sanitizers look instead.
  $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>
  # nodes/system/checked_mutex.hpp: what a mutex guards is touched only with the mutex held.
  $<$<CXX_COMPILER_ID:Clang>:-Wthread-safety>)
# Enough debug information for a backtrace with lines; all of it makes each build half as long again.
set(CMAKE_CXX_FLAGS_RELWITHDEBINFO "-O2 -g1 -DNDEBUG")
# docs/decisions/0006: a broken precondition of the standard library ends the process.
add_compile_definitions(_GLIBCXX_ASSERTIONS)
if(LOCKSTEP_SANITIZE)
  add_compile_options(-fsanitize=${LOCKSTEP_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${LOCKSTEP_SANITIZE})
endif()

find_program(LOCKSTEP_CCACHE ccache)
if(LOCKSTEP_CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${LOCKSTEP_CCACHE})
endif()
