#!/usr/bin/env bash
# Goal: an include against the order of the layers does not compile, and protocol/ does no I/O.
# Method: compile one-line files with the include folders that CMake gives each library. An include from
# below must compile, so that a broken set-up cannot pass for a refusal; one from above must fail because
# the header is not found, and for no other reason.
#
# usage: layering_test.sh COMPILER SOURCE_FOLDER FOLDER_WITH_THE_INCLUDES_AND_LINKS
set -euo pipefail
compiler=$1 source_folder=$2 generated=$3
failures=0
cd "$generated"  # a quoted include is looked for in the working folder too

broken() {
  printf 'BROKEN: %s\n' "$*"
  failures=$((failures + 1))
}

# compile LAYER HEADER: the compiler's messages are left in $messages.
compile() {
  local flags=() folder
  while IFS= read -r folder; do [[ -z $folder ]] || flags+=("-I$folder"); done <"$generated/$1.includes"
  messages=$(printf '#include "%s"\n' "$2" |
    LC_ALL=C "$compiler" -std=c++20 -DMSGPACK_NO_BOOST -fsyntax-only "${flags[@]}" -x c++ - 2>&1)
}

may_include() {
  [[ -e $source_folder/$2 ]] || broken "$2 is named by this test but does not exist"
  if compile "$1" "$2"; then
    printf 'ok: %s may include %s\n' "$1" "$2"
  else
    broken "$1 cannot include $2, which it links: $messages"
  fi
}

may_not_include() {
  [[ -e $source_folder/$2 ]] || broken "$2 is named by this test but does not exist"
  if compile "$1" "$2"; then
    broken "$1 can include $2, which is above or beside it"
  elif [[ $messages == *"error: $2: No such file"* || $messages == *"error: '$2' file not found"* ]]; then
    printf 'ok: %s may not include %s\n' "$1" "$2"
  else
    broken "$1 may not include $2, but failed for another reason: $messages"
  fi
}

may_include base protocol/base/types.hpp
may_not_include base protocol/raft/log.hpp
may_include raft protocol/raft/log.hpp
may_not_include raft protocol/locks/commands.hpp
may_not_include raft protocol/wire/codec.hpp
may_include locks protocol/locks/commands.hpp
may_not_include locks protocol/raft/log.hpp
may_not_include locks protocol/wire/codec.hpp
may_include wire protocol/wire/codec.hpp
may_not_include wire protocol/replica/replica.hpp
may_not_include wire protocol/client_core/client_core.hpp
may_include replica protocol/replica/replica.hpp
may_not_include replica protocol/client_core/client_core.hpp
may_not_include replica nodes/storage/disk.hpp
may_include client_core protocol/client_core/client_core.hpp
may_not_include client_core protocol/replica/replica.hpp
may_not_include client_core nodes/transport/client_connection.hpp
may_include storage nodes/storage/disk.hpp
may_not_include storage protocol/replica/replica.hpp
may_not_include storage nodes/transport/context.hpp
may_include transport nodes/transport/context.hpp
may_not_include transport protocol/replica/replica.hpp
may_not_include transport nodes/storage/disk.hpp
may_include command_line nodes/command_line/completion.hpp
may_not_include command_line nodes/text/duration.hpp
may_include server protocol/replica/replica.hpp
may_not_include server protocol/client_core/client_core.hpp
may_include client nodes/client/lockstep/client.hpp
may_not_include client nodes/server/config.hpp
may_include json tools/lockstep/json/message_json.hpp
may_not_include json nodes/transport/context.hpp
may_include zmq_tool tools/lockstep/json/message_json.hpp
may_not_include zmq_tool protocol/client_core/client_core.hpp
may_not_include global_options nodes/client/lockstep/client.hpp
may_include answers nodes/client/lockstep/client.hpp
may_not_include answers tools/lockstep/kept/state_file.hpp
may_not_include kept tools/lockstep/commands/one_shot.hpp
may_not_include run nodes/transport/context.hpp
may_not_include run tools/lockstep/answers/report.hpp
may_not_include bench nodes/client/lockstep/client.hpp
may_include commands tools/lockstep/run/guard.hpp
may_not_include commands protocol/replica/replica.hpp
may_not_include commands nodes/server/config.hpp

# What reads a socket, a file, a clock, a thread or a random device.
impure='#include *<(zmq|spdlog|thread|mutex|shared_mutex|condition_variable|future|fstream|filesystem|random|ctime|time\.h|sys/|unistd|fcntl)|(system|steady|high_resolution)_clock|random_device|getrandom|clock_gettime'
# protocol/base/invariant.cpp writes the last words of a process that aborts.
if found=$(grep -rnE "$impure" "$source_folder/protocol" --include='*.hpp' --include='*.cpp'); then
  broken "protocol/ reaches for I/O, a clock, a thread or a random device:"$'\n'"$found"
fi
printf 'ok: no header of I/O, clocks, threads or randomness in protocol/\n'
for layer in base raft locks wire replica client_core; do
  if found=$(grep -iE 'zmq|spdlog|thread|uuid|isal|tomlplusplus|CLI11' "$generated/$layer.links"); then
    broken "protocol/$layer links $found"
  fi
  printf 'ok: protocol/%s links no library of I/O or threads\n' "$layer"
done

((failures == 0)) || exit 1
