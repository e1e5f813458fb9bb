// From the data of compared runs to charts: one line for each run.

const comparison = JSON.parse(document.getElementById("comparison-data").textContent);

/** A line over the load for each run that has the result. `of(step)` gives [value, [low, high] or null]. */
function runSeries(results, of) {
  return results.map((result, run) => ({
    name: comparison.labels[run], style: run, absent: "not measured",
    points: (result ? ascending(result) : []).map((step) => stepPoint(step, ...of(step))),
  }));
}

function comparedSpec(results, what, y, of, limits = []) {
  const first = results.find((result) => result && result.steps.length);
  return { label: `${what} of each run against ${loadName(first)}`, x: loadAxis(first), y, series: runSeries(results, of), limits };
}

/** The limits that the plans set on just what is drawn; with the run's name where not all have the same. */
function comparedLimits(results, name, p) {
  const limits = results.map((result) => (result ? result.slo.criteria : []).find((c) => c.name === `${name}_${p}`));
  const values = [...new Set(limits.filter((c) => c).map((c) => c.limit))];
  return values.map((value) => {
    const runs = limits.flatMap((c, run) => (c && c.limit === value ? [comparison.labels[run]] : []));
    const all = runs.length === results.filter((result) => result).length;
    return { value, text: `SLO ${p} ≤ ${formatTime(value)}${all ? "" : ` (${runs.join(", ")})`}` };
  });
}

function comparedLatency(results, name, p) {
  const key = `${name}_seconds`;
  const values = results.flatMap((result) => (result ? result.steps : []).map((s) => s[key][p])).filter((v) => v > 0);
  const what = `${latencyNames[name]} ${p}`;
  return comparedSpec(results, what, { label: what, format: formatTime, log: name !== "tpot" || d3.max(values) > 10 * d3.min(values) },
    (s) => [s[key][p], s[key][`${p}_ci95`]], comparedLimits(results, name, p));
}

/** What draws a figure of the page, and its spec: "throughput", "errors", or a latency with its percentile, "ttft-p95". */
function drawingOf(figure) {
  const [name, p] = figure.dataset.chart.split("-");
  const results = comparison.results[figure.dataset.result];
  if (name === "throughput") {
    return [drawXyChart, comparedSpec(results, "Output tokens per second", { label: "output tok/s", format: formatNumber },
      (s) => [s.output_tokens_per_second.value, s.output_tokens_per_second.ci95])];
  }
  if (name === "errors") {
    return [drawXyChart, comparedSpec(results, "Errors", { label: "of the requests", format: formatPercent }, (s) => [s.error_ratio])];
  }
  return [drawXyChart, comparedLatency(results, name, p)];
}
