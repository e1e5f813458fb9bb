#!/usr/bin/env bash
# Kneepoint as a harness of llm-d-benchmark: runs one workload profile, which is a plan, and leaves the run in kneepoint/ of the
# results' folder. Its launcher calls this without arguments, and again where it fails. So it fails only where nothing was measured:
# a run without a trustworthy verdict (3), past a threshold (4) or stopped by a guard rail (6) is as good as it gets.
set -uo pipefail
results=${LLMDBENCH_RUN_EXPERIMENT_RESULTS_DIR:?}
workload=${LLMDBENCH_RUN_EXPERIMENT_HARNESS_WORKLOAD_NAME:?}
plan=${LLMDBENCH_RUN_WORKSPACE_DIR:?}/profiles/kneepoint/$workload
mkdir -p "$results" || exit

# ${experiment} in a profile.
[[ -z ${LLMDBENCH_RUN_EXPERIMENT_ID:-} ]] || export KNEEPOINT_EXPERIMENT=$LLMDBENCH_RUN_EXPERIMENT_ID
began=$(date +%s)
kneepoint run "$plan" --out "$results/kneepoint" --force --serve none 2>&1 | tee "$results/stdout.log"
code=${PIPESTATUS[0]}
ended=$(date +%s)

# What its tools read of a run that is not in the reports.
cat >"$results/run_metadata.yaml" <<END
harness_name: "kneepoint"
harness_version: "$(kneepoint --version)"
harness_args: "--workload $workload"
harness_workload: "$workload"
harness_rc: "$code"
harness_start: "$(date -u -d "@$began" +%FT%TZ)"
harness_stop: "$(date -u -d "@$ended" +%FT%TZ)"
harness_delta: "PT$((ended - began))S"
experiment_id: "${LLMDBENCH_RUN_EXPERIMENT_ID:-}"
model: "${LLMDBENCH_DEPLOY_CURRENT_MODEL:-}"
endpoint_url: "${LLMDBENCH_HARNESS_STACK_ENDPOINT_URL:-}"
namespace: "${LLMDBENCH_VLLM_COMMON_NAMESPACE:-}"
END

case $code in 3 | 4 | 6) exit 0 ;; *) exit "$code" ;; esac
