# Sourced by the recipes: where things are, and how data is divided.
# shellcheck shell=bash

repository="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"
# shellcheck source=../../tools/lib/install.sh
source "$repository/tools/lib/install.sh"

base="${GPT_RECIPE_MODEL:-smollm2-135m-instruct}"
corpora="$repository/../shared/corpora"

# Builds gpt if it is stale, and downloads the model if it is missing.
gpt() { "$repository/tools/gpt" "$@"; }

# begin NAME: the folder of a recipe's data and run; a run that is there is in the way.
begin() {
  run="$repository/runs/recipes/$1"
  [[ ! -e "$run" ]] || fail "$run: exists, expected none; remove it to run the recipe again"
  mkdir -p "$run"
  SECONDS=0
}

# shuffled SEED: the lines of stdin in a random order, the same for the same seed everywhere.
# Fisher and Yates's shuffle with Park and Miller's generator (CACM 36(7), 1993).
shuffled() {
  awk -v state="$1" '
    { line[NR] = $0 }
    END {
      for (i = NR; i > 1; i--) {
        state = (state * 48271) % 2147483647
        j = 1 + state % i
        swap = line[i]; line[i] = line[j]; line[j] = swap
      }
      for (i = 1; i <= NR; i++) print line[i]
    }'
}

# as_answers: {"prompt", "completion"} as the {"prompt", "answer"} of gpt evaluate --generate.
as_answers() { sed 's/"completion":/"answer":/'; }

took() { say "the recipe took $((SECONDS / 60)) min $((SECONDS % 60)) s"; }
