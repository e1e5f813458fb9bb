// From the data of compared runs to charts: one line for each run.

const comparison = JSON.parse(document.getElementById("comparison-data").textContent);

/** A line over concurrency for each run that has the result. `of(step)` gives [value, [low, high] or null]. */
function runSeries(at, of) {
  return comparison.results[at].map((result, run) => ({
    name: comparison.labels[run], style: run, absent: "not measured",
    points: [...(result ? result.steps : [])].sort((a, b) => a.concurrency - b.concurrency).map((step) => {
      const [value, ci95] = of(step);
      return {
        x: step.concurrency, y: value === undefined ? null : value, low: ci95 && ci95[0], high: ci95 && ci95[1], valid: step.valid,
        title: `${step.concurrency} concurrent`,
      };
    }),
  }));
}

function comparedThroughput(at) {
  return {
    label: "Output tokens per second of each run against concurrency", x: { load: "concurrent requests" },
    y: { label: "output tok/s", format: formatNumber },
    series: runSeries(at, (s) => [s.output_tokens_per_second.value, s.output_tokens_per_second.ci95]),
  };
}

function comparedLatency(at, name, p) {
  const key = `${name}_seconds`;
  const series = runSeries(at, (s) => [s[key][p], s[key][`${p}_ci95`]]);
  const values = series.flatMap((s) => s.points.map((q) => q.y)).filter((v) => v > 0);
  return {
    label: `${name.toUpperCase()} ${p} of each run against concurrency`, x: { load: "concurrent requests" },
    y: { label: `${name.toUpperCase()} ${p}`, format: formatTime, log: d3.max(values) > 10 * d3.min(values) }, series,
  };
}

/** What draws a figure of the page, and its spec: "throughput", or a latency with its percentile, "ttft-p95". */
function drawingOf(figure) {
  const [name, p] = figure.dataset.chart.split("-");
  const at = figure.dataset.result;
  return [drawXyChart, name === "throughput" ? comparedThroughput(at) : comparedLatency(at, name, p)];
}
