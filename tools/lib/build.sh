# Sourced by the scripts in tools/ after install.sh: how every one of them builds and tests, so
# that build products are shared. Tests had better reach our modules through `package` access: one
# @testable, and its flag makes tests and binary two builds, and the tested one not the shipped.
# shellcheck shell=bash

build_flags=(--package-path "$root" -c release)
test_flags=("${build_flags[@]}" --disable-xctest)
if ! grep -rqs --exclude-dir=.build --include='*.swift' '^[[:space:]]*@testable' "$root/Tests"; then
  test_flags+=(--disable-testable-imports)
fi

# build_quietly OPTION…: swift build, with one line of progress on stderr if it takes a while
# and its whole output there if it fails.
build_quietly() {
  local log builder status=0 ticks=0
  log="$(mktemp)"
  swift build "${build_flags[@]}" "$@" >"$log" 2>&1 </dev/null &
  builder=$!
  trap 'kill "$builder" 2>/dev/null; rm -f "$log"; exit 130' INT TERM
  while kill -0 "$builder" 2>/dev/null; do
    sleep 0.1
    ticks=$((ticks + 1))
    if [[ -t 2 && $ticks -ge 15 ]]; then
      printf '\r\033[K%s' "$(tail -n 1 "$log" | cut -c 1-78)" >&2
    elif [[ $ticks -eq 15 ]]; then
      say 'building gpt (release)'
    fi
  done
  wait "$builder" || status=$?
  trap - INT TERM
  [[ ! -t 2 || $ticks -lt 15 ]] || printf '\r\033[K' >&2
  [[ $status -eq 0 ]] || cat "$log" >&2
  rm -f "$log"
  [[ $status -eq 0 ]] || fail 'gpt could not be built'
}

# find_binary ARGUMENT…: sets `binary` to the option --gpt with the binary of this folder, built if
# it is stale; to nothing if the arguments name another.
find_binary() {
  binary=()
  case " $* " in
    *' --gpt '* | *' --gpt='*) return ;;
  esac
  install_build_needs
  build_quietly --product gpt
  # shellcheck disable=SC2034  # used by the script that sources this
  binary=(--gpt "$root/.build/release/gpt")
}
