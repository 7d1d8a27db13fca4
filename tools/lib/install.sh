# Sourced by the scripts in tools/: messages, the cache folder, and what a fresh machine lacks.
# shellcheck shell=bash

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"

say() { echo "$*" >&2; }
fail() { say "error: $*"; exit 1; }
fail_usage() { say "error: $*"; exit 64; }

cache_folder() {
  local base="${XDG_CACHE_HOME:-}"
  [[ -n "$base" ]] || base="${HOME:?HOME and XDG_CACHE_HOME are both unset}/.cache"
  echo "$base/gpt"
}

# install_packages PACKAGE...: Debian packages, as root or through sudo; apt's own words go to
# stderr, and only when it fails.
install_packages() {
  local as_root=() log
  command -v apt-get >/dev/null ||
    fail "missing: $* (Debian's names; there is no apt-get here, install them with your package manager)"
  if [[ "$(id -u)" != 0 ]]; then
    command -v sudo >/dev/null || fail "missing: $*; run as root: apt-get install $*"
    as_root=(sudo)
  fi
  say "installing $* (apt-get)"
  log="$(mktemp)"
  if ! { "${as_root[@]}" apt-get -q update &&
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
      apt-get install -q -y --no-install-recommends "$@"; } >"$log" 2>&1 </dev/null; then
    tail -n 20 "$log" >&2
    rm -f "$log"
    fail "apt-get could not install: $*"
  fi
  rm -f "$log"
}

# require_command COMMAND PACKAGE...
require_command() {
  local command="$1"
  shift
  command -v "$command" >/dev/null || install_packages "$@"
}

# What the Swift package needs to build: libraries found by pkg-config, a C++ standard library
# for the SentencePiece shim, and git for SwiftPM's dependencies.
install_build_needs() {
  local missing=()
  command -v swift >/dev/null ||
    fail "missing: swift (Swift 6.2 or later; see swift.org for an installer)"
  command -v git >/dev/null || missing+=(git)
  command -v pkg-config >/dev/null || missing+=(pkg-config)
  # The header, not a compiler: Swift's own clang compiles, but has no standard library of its own.
  compgen -G '/usr/include/c++/*/string' >/dev/null || missing+=(g++)
  pkg-config --exists openblas 2>/dev/null || missing+=(libopenblas-dev)
  pkg-config --exists sentencepiece 2>/dev/null || missing+=(libsentencepiece-dev)
  pkg-config --exists zlib 2>/dev/null || missing+=(zlib1g-dev)
  [[ ${#missing[@]} -eq 0 ]] || install_packages "${missing[@]}"
}
