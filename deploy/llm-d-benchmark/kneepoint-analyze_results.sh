#!/usr/bin/env bash
# The step after the harness: the run's valid rows as benchmark reports beside it, and the whole report as text. Fails where no row is
# valid.
set -euo pipefail
results=${LLMDBENCH_RUN_EXPERIMENT_RESULTS_DIR:?}
mkdir -p "$results/analysis"
kneepoint report "$results/kneepoint" --full --llm-d "$results" >"$results/analysis/summary.txt"
