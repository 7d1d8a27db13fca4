# Sourced after install.sh by the scripts in tools/ that use Python packages.
# shellcheck shell=bash

# ensure_venv NAME: a Python environment in the cache with what requirements-NAME.txt says;
# prints its python. Made anew when that file has changed.
ensure_venv() {
  local name="$1" folder requirements
  folder="$(cache_folder)/venvs/$name"
  requirements="$root/tools/requirements-$name.txt"
  if [[ -x "$folder/bin/python" ]] && cmp -s "$requirements" "$folder/requirements.txt"; then
    echo "$folder/bin/python"
    return
  fi
  require_command python3 python3
  python3 -c 'import ensurepip' 2>/dev/null || install_packages python3-venv
  mkdir -p "$folder"
  "venv_options_$name"
  say "installing the Python packages of tools/requirements-$name.txt (minutes)"
  if ! {
    python3 -m venv "$folder" &&
      "$folder/bin/python" -m pip install --upgrade pip &&
      "$folder/bin/python" -m pip install --requirement "$requirements"
  } >"$folder/install.log" 2>&1 </dev/null; then
    tail -n 30 "$folder/install.log" >&2
    fail "the Python packages of tools/requirements-$name.txt could not be installed"
  fi
  cp "$requirements" "$folder/requirements.txt"
  echo "$folder/bin/python"
}

venv_options_golden() { :; }
venv_options_peft() { :; }
venv_options_torch() { :; }

# What torch.compile needs to compile, and the allocator with which PyTorch is fastest.
install_compile_needs() {
  local missing=()
  command -v g++ >/dev/null || missing+=(g++)
  # The headers of this very python3, which need not be Debian's.
  python3 -c 'import sys, sysconfig, os
sys.exit(not os.path.exists(sysconfig.get_path("include") + "/Python.h"))' || missing+=(python3-dev)
  [[ -n "$(find_tcmalloc)" ]] || missing+=(libtcmalloc-minimal4)
  [[ ${#missing[@]} -eq 0 ]] || install_packages "${missing[@]}"
}

find_tcmalloc() {
  find /usr/lib /usr/lib64 -name 'libtcmalloc_minimal.so.4' -print -quit 2>/dev/null
}

# llama.cpp is built from source for this CPU. Not by GCC 12: its builds die with SIGILL in
# prefill on a CPU with AMX. Not with OpenMP: its own threads do better beside a busy neighbour.
venv_options_llama() { llama_options '-DGGML_NATIVE=ON'; }

# The backend of the build above has the CPU's instructions compiled in, and nothing holds it back
# at run time. Without GGML_NATIVE it has AVX2, FMA and F16C.
venv_options_llama-avx2() { llama_options '-DGGML_NATIVE=OFF'; }

llama_options() {
  local clang
  clang="$(newest_debian_clang)"
  if [[ -z "$clang" ]]; then
    install_packages clang-19
    clang="$(newest_debian_clang)"
  fi
  [[ -e /usr/include/c++ ]] || install_packages g++
  export CC="$clang" CXX="${clang/clang/clang++}"
  export CMAKE_ARGS="$1 -DGGML_OPENMP=OFF -DLLAVA_BUILD=OFF"
  # A wheel of the other build may lie in pip's cache.
  export PIP_NO_BINARY=llama-cpp-python PIP_NO_CACHE_DIR=1
  "$CC" --version | head -n 1 >"$folder/compiler.txt"
}

# Debian's, not Swift's, which brings no C++ standard library that these builds find.
newest_debian_clang() {
  find /usr/bin -maxdepth 1 -name 'clang-[0-9]*' 2>/dev/null | sort -V | tail -n 1
}
