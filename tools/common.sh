# Sourced by the scripts of this folder, never run. It holds what more than one of them needs:
# where the repository is, how messages look, and how a node is found, asked and started.
# Needs bash and coreutils only. Results go to stdout, everything else to stderr.

repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
bin=$repository/build/bin
program=${0##*/}

say() { printf '%s\n' "$*" >&2; }
fail() {
  say "$program: $*"
  exit 1
}
usage_error() {
  say "$program: $*"
  say "Try 'tools/$program --help'."
  exit 2
}
heading() { printf '\n== %s\n' "$*" >&2; }

# The comment block at the head of the calling script is its manual.
print_help() {
  local line
  while IFS= read -r line; do
    case $line in
      '#!'*) ;;
      '# '*) printf '%s\n' "${line#\# }" ;;
      '#') printf '\n' ;;
      *) break ;;
    esac
  done <"$0"
}

# wait_for SECONDS COMMAND...: until the command succeeds; false when the time is up.
wait_for() {
  local deadline=$((SECONDS + $1))
  shift
  until "$@"; do
    ((SECONDS < deadline)) || return 1
    sleep 0.05
  done
}

# json_field NAME: the value of a string or a number in the one-line JSON object on stdin.
json_field() {
  local line
  IFS= read -r line || true
  [[ $line =~ \"$1\":\ ?\"([^\"]*)\" || $line =~ \"$1\":\ ?(-?[0-9]+) ]] || return 1
  printf '%s\n' "${BASH_REMATCH[1]}"
}

# in_words SECONDS: "40 s", "2 min 5 s".
in_words() {
  if (($1 < 60)); then printf '%d s' "$1"; else printf '%d min %d s' $(($1 / 60)) $(($1 % 60)); fi
}

# progress_in LOG: how far the command is that writes it, in `so_far`, `all`, `progress` and `doing`; false if it does not say. A
# build says [DONE/ALL]; apt-get says dlstatus:N:PERCENT:... and pmstatus:PACKAGE:PERCENT:... where APT::Status-Fd asks for it.
progress_in() {
  local last
  last=$(tail -c 2000 "$1" 2>/dev/null | grep -aoE '^\[[0-9]+/[0-9]+\]|^(dl|pm)status:[^:]*:[0-9]+' | tail -n 1)
  if [[ $last =~ ^\[([0-9]+)/([0-9]+)\]$ ]]; then
    so_far=${BASH_REMATCH[1]} all=${BASH_REMATCH[2]} doing=
    progress="$so_far of $all"
  elif [[ $last =~ ^(dl|pm)status:[^:]*:([0-9]+)$ ]]; then
    so_far=${BASH_REMATCH[2]} all=100 doing=': downloading'
    progress="$so_far %"
    [[ ${BASH_REMATCH[1]} == dl ]] || doing=': installing'
  else
    return 1
  fi
}

# draw_progress WHAT LOG: on one line of the terminal, until it is killed or the caller is gone: a bar and the time that is left
# for what the command is doing. While its log does not say how far it is, the time that has passed is shown.
draw_progress() {
  local what=$1 log=$2 started=$SECONDS width=30 before='' so_far all progress doing past bar left
  while kill -0 $$ 2>/dev/null; do
    if progress_in "$log"; then
      [[ $doing == "$before" ]] || started=$SECONDS
      before=$doing past=$((SECONDS - started)) left=
      ((so_far == 0)) || left=", about $(in_words $((past * (all - so_far) / so_far))) left"
      printf -v bar '%*s' $((width * so_far / all)) ''
      printf -v bar '%-*s' "$width" "${bar// /#}"
      printf '\r\e[K%s%s [%s] %s%s' "$what" "$doing" "${bar// /.}" "$progress" "$left" >&2
    else
      printf '\r\e[K%s: %s' "$what" "$(in_words $((SECONDS - started)))" >&2
    fi
    sleep 0.5
  done
}

# say_progress WHAT LOG: where there is no terminal, a line every 30 s, until it is killed or the caller is gone.
said_every=${said_every-30}
say_progress() {
  local what=$1 log=$2 started=$SECONDS told=$SECONDS so_far all progress doing
  while kill -0 $$ 2>/dev/null; do
    if ((SECONDS - told >= said_every)); then
      told=$SECONDS
      progress='' doing=''
      progress_in "$log" || true
      say "$what$doing: ${progress:+$progress, }$(in_words $((SECONDS - started)))"
    fi
    sleep 0.5
  done
}

# with_progress WHAT LOG COMMAND...: what the command says goes to LOG. A person sees how far it is; if it fails, the
# end of the log.
with_progress() {
  local what=$1 log=$2 started=$SECONDS drawer='' status=0
  shift 2
  mkdir -p "$(dirname "$log")"
  : >"$log"
  if [[ -t 2 ]]; then
    draw_progress "$what" "$log" &
    drawer=$!
  else
    say "$what; what is said meanwhile is in $log"
    say_progress "$what" "$log" </dev/null >/dev/null &
    drawer=$!
  fi
  "$@" >"$log" 2>&1 || status=$?
  if [[ $drawer ]]; then
    kill "$drawer" 2>/dev/null || true
    wait "$drawer" 2>/dev/null || true
    [[ ! -t 2 ]] || printf '\r\e[K' >&2
  fi
  if ((status != 0)); then
    grep -avE '^(dl|pm)status:' "$log" | tail -n 40 >&2 || true
    say "$program: failed: $what. The end of $log is above"
    return 1
  fi
  say "$what: done in $(in_words $((SECONDS - started)))"
}

# build_preset PRESET [TARGET...]: configures it and builds the targets, or everything; a release goes to build/. What
# cmake is to be given beside the preset is in the array cmake_options. What only tests need is not asked of a machine
# that has not got it: then a release is built without them.
cmake_options=()
build_preset() {
  local preset=$1 target=() folder=$repository/build
  shift
  (($# == 0)) || target=(--target "$@")
  [[ $preset == release ]] || folder=$repository/build-$preset
  if [[ $preset == release ]] && ((${#cmake_options[@]} == 0)); then
    cmake_options=(-DBUILD_TESTING=ON)
    "$repository/tools/setup" --tests --check 2>/dev/null || cmake_options=(-DBUILD_TESTING=OFF)
  fi
  (
    cd "$repository"
    with_progress "Looking for compiler and libraries" "$folder/log/configure.log" \
      cmake --preset "$preset" "${cmake_options[@]}" &&
      with_progress "Building $preset" "$folder/log/build.log" \
        cmake --build --preset "$preset" -j "$(nproc)" "${target[@]}"
  ) || exit 1
}

# node_endpoint CONFIG [KEY]: where the node of this configuration serves clients, or another of its endpoints: the
# key of the member that has the node's name, which stands above the members.
node_endpoint() {
  local key=${2-client} line own='' member=''
  while IFS= read -r line; do
    if [[ $line =~ ^\ *name\ *=\ *\"([^\"]+)\" ]]; then
      if [[ -z $own ]]; then own=${BASH_REMATCH[1]}; else member=${BASH_REMATCH[1]}; fi
    elif [[ $member == "$own" && $line =~ ^\ *$key\ *=\ *\"([^\"]+)\" ]]; then
      printf '%s\n' "${BASH_REMATCH[1]}"
      return
    fi
  done <"$1"
  fail "$1 has no '$key' for its own node"
}

# is_our_node PID: whether that process runs the lockstepd of this build. A rebuilt program that still
# runs shows as "... (deleted)".
is_our_node() {
  local exe
  exe=$(readlink "/proc/$1/exe" 2>/dev/null) || return 1
  [[ ${exe% (deleted)} == "$(readlink -f "$bin/lockstepd")" ]]
}

# start_node CONFIG FOLDER: starts a node in a session of its own, so that it outlives the caller; its log
# and its process id go to FOLDER/NAME.log and FOLDER/NAME.pid. Runs in the repository, to which the data
# folders of configs/local are relative.
start_node() {
  local config=$1 folder=$2 name
  name=$(basename "$config" .toml)
  mkdir -p "$folder"
  (
    cd "$repository" || exit 1
    setsid nohup "$bin/lockstepd" "$config" </dev/null >>"$folder/$name.log" 2>&1 &
    printf '%s\n' "$!" >"$folder/$name.pid"
  )
}

# stop_node PID_FILE: ends the node by SIGTERM, and by SIGKILL if it has not ended 10 s later. Only a
# process that runs our lockstepd is touched: the id may have been given to another since.
stop_node() {
  local pid_file=$1 pid
  pid=$(<"$pid_file")
  if is_our_node "$pid"; then
    kill -TERM "$pid" 2>/dev/null || true
    if ! wait_for 10 node_is_gone "$pid"; then
      say "process $pid did not end on SIGTERM within 10 s; killing it"
      kill -KILL "$pid" 2>/dev/null || true
      wait_for 5 node_is_gone "$pid" || fail "process $pid cannot be ended"
    fi
  fi
  rm -f "$pid_file"
}

node_is_gone() { ! is_our_node "$1"; }

# answers ENDPOINT PID: whether that process answers a status request there, and not another one.
answers() { [[ $(statuses "$1") =~ \"pid\":\ ?$2[,\}] ]]; }

# wait_until_started CONFIG FOLDER: until the node answers; if it ends instead, shows what it said.
wait_until_started() {
  local config=$1 folder=$2 name pid endpoint deadline
  name=$(basename "$config" .toml)
  pid=$(<"$folder/$name.pid")
  endpoint=$(node_endpoint "$config")
  deadline=$((SECONDS + 60))
  until answers "$endpoint" "$pid"; do
    if ! readlink "/proc/$pid/exe" >/dev/null; then
      tail -n 1 "$folder/$name.log" >&2
      rm -f "$folder/$name.pid"
      fail "node $name did not start; what it said last is above, the rest in $folder/$name.log"
    fi
    ((SECONDS < deadline)) || fail "node $name does not answer at $endpoint; see $folder/$name.log"
    sleep 0.05
  done
}

# statuses ENDPOINTS: one line of JSON a node that answers.
statuses() { "$bin/lockstep" --server "$1" --timeout 1s --json status 2>/dev/null || true; }

# leader_line ENDPOINTS: the JSON line of the node that leads; false if none does.
leader_line() {
  local line
  while IFS= read -r line; do
    [[ $(json_field role <<<"$line") == leader ]] && printf '%s\n' "$line" && return
  done < <(statuses "$1")
  return 1
}
