// From the report's data to charts: one function for each kind of figure.

function kneeOf(result) {
  const { concurrency, ci95 } = result.saturation;
  const [low, high] = ci95 ?? [null, null];
  if (concurrency !== null) return { at: concurrency, low, high, text: `N_sat ${formatNumber(concurrency)}` };
  return ci95 ? { at: null, low, high, text: `N_sat ${formatNumber(low)} to ${formatNumber(high)}` } : null;
}

function throughputSpec(result) {
  const steps = ascending(result);
  const base = steps.find((s) => s.valid && s.output_tokens_per_second.value !== null);
  const perSlot = base && base.output_tokens_per_second.value / loadOf(base);
  return {
    label: `Output tokens per second against ${loadName(result)}`, x: loadAxis(result),
    y: { label: "output tok/s", format: formatNumber },
    series: [{ name: "output tok/s, 95 % CI", points: steps.map((s) => stepPoint(s, s.output_tokens_per_second.value, s.output_tokens_per_second.ci95)) }],
    knee: kneeOf(result),
    reference: base && { name: "perfect scaling", of: (n) => perSlot * n },
  };
}

const tooFew = "too few requests";

function latencySpec(result, name) {
  const steps = ascending(result);
  const key = `${name}_seconds`;
  const percentile = (p) => ({
    name: p, absent: tooFew, points: steps.map((s) => stepPoint(s, s[key][p], s[key][`${p}_ci95`])),
  });
  const limits = limitsOf(result, name);
  const values = steps.flatMap((s) => ["p50", "p99", "p95"].map((p) => s[key][p])).filter((v) => v > 0);
  return {
    label: `${latencyNames[name]} percentiles against ${loadName(result)}`, x: loadAxis(result),
    y: { label: latencyNames[name], format: formatTime, log: name !== "tpot" || d3.max(values) > 10 * d3.min(values) },
    series: ["p50", "p95", "p99"].map(percentile), knee: kneeOf(result), limits,
  };
}

function tradeoffSpec(result) {
  const steps = ascending(result);
  const line = (key, p, name, tagged) => ({
    name, points: steps.map((s) => ({
      ...stepPoint(s, s[key][p]), x: s.output_tokens_per_second.value, stop: `${loadOf(s)}/${s.attempt}`,
      tag: tagged(s) && s[key][p] !== null ? formatNumber(loadOf(s)) : "",
      title: `${stepTitle(s)}, ${formatNumber(s.output_tokens_per_second.value)} tok/s`,
    })),
  });
  const key = steps.some((s) => s.ttft_seconds.p50 !== null) ? "ttft_seconds" : "e2e_seconds";
  const name = key === "ttft_seconds" ? "TTFT" : "E2E";
  const series = [
    line(key, "p50", `${name} p50`, (s) => s[key].p95 === null),
    { ...line(key, "p95", `${name} p95`, () => true), absent: tooFew },
  ];
  const limits = result.slo.criteria.filter((c) => c.name === `${name.toLowerCase()}_p95`)
    .map((c) => ({ value: c.limit, text: `SLO p95 ≤ ${formatTime(c.limit)}` }));
  return {
    label: "Latency against output tokens per second", x: { label: "output tok/s", format: formatNumber },
    y: { label: name, format: formatTime, log: true }, series, limits,
  };
}

/** One line for each replica; the median, lowest and highest where there are too many to tell apart. */
function replicaSeries(result, valueOf) {
  const steps = ascending(result).filter((s) => s.replicas.length);
  const names = [...new Set(steps.flatMap((s) => s.replicas.map((r) => r.name)))];
  if (names.length <= styles) {
    return names.map((name) => ({
      name, points: steps.map((s) => {
        const replica = s.replicas.find((r) => r.name === name);
        return stepPoint(s, replica ? valueOf(replica, s) : null);
      }),
    }));
  }
  const over = (name, pick) => ({
    name, points: steps.map((s) => {
      const value = pick(s.replicas.map((r) => valueOf(r, s)).filter((v) => v !== null));
      return stepPoint(s, value === undefined ? null : value);
    }),
  });
  return [over(`median of ${names.length}`, d3.median), over("lowest", d3.min), over("highest", d3.max)];
}

function replicaThroughputSpec(result) {
  const share = (replica, step) => {
    const total = d3.sum(step.replicas, (r) => r.output_tokens_per_second || 0);
    return replica.output_tokens_per_second === null || total === 0 ? null
      : replica.output_tokens_per_second * step.replicas.length / total;
  };
  return {
    label: "Share of throughput of each replica", x: loadAxis(result), y: { label: "of an equal share", format: formatPercent },
    series: replicaSeries(result, share), knee: kneeOf(result), reference: { name: "equal share", of: () => 1 },
  };
}

/** One percentile for the whole chart: p95, or p50 where some replica had too few requests for it. */
function replicaTtftSpec(result) {
  const replicas = result.steps.filter((s) => s.valid).flatMap((s) => s.replicas);
  const p = replicas.every((r) => r.ttft_seconds.p95 !== null) ? "p95" : "p50";
  return {
    label: "TTFT of each replica", x: loadAxis(result), y: { label: `TTFT ${p}`, format: formatTime, log: true },
    series: replicaSeries(result, (r) => r.ttft_seconds[p]),
    knee: kneeOf(result),
  };
}

function generatorCostSpec(result) {
  return {
    label: "CPU time of the generator per token", x: loadAxis(result),
    y: { label: "CPU time per token", format: (us) => formatTime(us * 1e-6) },
    series: [{ name: "user + system CPU of all agents", style: 0, points: ascending(result).map((s) => stepPoint(s, s.generator.cpu_us_per_token)) }],
  };
}

function generatorLagSpec(result) {
  const steps = ascending(result);
  const line = (name, key) => ({ name, points: steps.map((s) => stepPoint(s, s.generator[key])) });
  return {
    label: "Delays of the generator", x: loadAxis(result), y: { label: "p99", format: formatTime, log: true },
    series: [line("send lag", "send_lag_p99_seconds"), line("receive lag", "rx_lag_p99_seconds"), line("loop gap", "loop_gap_p99_seconds")],
  };
}

function ladderSpec(result) {
  return {
    label: `Distribution of TTFT by ${loadName(result)}`, axis: "TTFT",
    steps: ascending(result).map((s) => ({ title: stepTitle(s), label: formatNumber(loadOf(s)), valid: s.valid, latency: s.ttft_seconds })),
  };
}

/** The stretch of the run in which a result was measured. */
function spanOf(result, timeline) {
  return timeline.spans.find((s) => s.target === result.target && s.scenario === result.scenario);
}

function windowsOf(result) {
  return [...result.steps, ...(result.after || [])].map((s) => ({
    begin: s.window_begin_seconds, end: s.window_begin_seconds + s.duration_seconds, label: formatNumber(loadOf(s)), valid: s.valid,
  }));
}

function heatSpec(result, timeline, name) {
  const span = spanOf(result, timeline);
  return {
    label: `${latencyNames[name]} over the time of the run`, axis: latencyNames[name], begin: span.begin, seconds: span.column_seconds,
    columns: span[name], windows: windowsOf(result), limits: limitsOf(result, name),
  };
}

function requestsSpec(result, timeline) {
  const span = spanOf(result, timeline);
  return {
    label: "TTFT of single requests over the time of the run", axis: "TTFT", begin: span.begin, end: span.end,
    requests: span.requests.map(([sent, ttft, drawn, id]) => ({ sent, value: ttft, drawn: drawn === 1, id: `${report.run.id}${id}` })),
    windows: windowsOf(result), limits: limitsOf(result, "ttft"),
  };
}

function timelineSpec(result, timeline) {
  const span = spanOf(result, timeline);
  const windows = windowsOf(result);
  const begin = span ? span.begin : d3.min(windows, (w) => w.begin);
  const end = span ? span.end : d3.max(windows, (w) => w.end);
  const bins = d3.range(timeline.in_flight.length)
    .filter((i) => { const at = timeline.begin + i * timeline.bin_seconds; return at + timeline.bin_seconds > begin && at < end; });
  const cut = (values) => bins.map((i) => values[i]);
  const series = (name, values, extra = {}) => ({ name, values: cut(values), ...extra });

  const panels = [
    { title: "Concurrency", format: formatNumber, series: [series("in flight", timeline.in_flight), series("asked", timeline.asked, { stepped: true })] },
    { title: "Output tok/s", format: formatNumber, series: [series("output tok/s", timeline.output_tokens_per_second)] },
    { title: "Requests/s", format: formatNumber, series: [series("completed", timeline.requests_per_second), series("failed", timeline.failures_per_second)] },
    { title: "TTFT", format: formatTime, log: true, series: [series("p50", timeline.ttft_p50), series("p95", timeline.ttft_p95)] },
  ];
  const byUnit = d3.nest().key((s) => s.unit).entries(timeline.telemetry.filter((s) => !s.target || s.target === result.target));
  for (const { key: unit, values } of byUnit) {
    for (let i = 0; i < values.length; i += styles) {
      const some = values.slice(i, i + styles);
      const title = some.length === 1 ? some[0].name : { ratio: "Server and GPU, %" }[unit] || `Server and GPU, ${unit}`;
      panels.push({ title: some.length === 1 && unit && unit !== "ratio" ? `${title}, ${unit}` : title, format: formatterOf(unit),
        series: some.map((s) => series(s.name, s.values)) });
    }
  }
  return {
    label: "Timeline of the run", windows, times: bins.map((i) => timeline.begin + i * timeline.bin_seconds),
    panels: panels.filter((p) => p.series.some((s) => s.values.some((v) => v !== null))),
  };
}

/** Tokens a second that one user sees: by the median pace, or without streaming by the mean share. */
function perUser(step) {
  if (step.tpot_seconds.p50) return 1 / step.tpot_seconds.p50;
  return step.achieved_concurrency ? step.output_tokens_per_second.value / step.achieved_concurrency : null;
}

/** What a user gets against what a GPU gives: `results` are a line each. Without a count of GPUs, of the whole target. */
function paretoSpec(results, timeline, nameOf) {
  const gpus = results.map((r) => (spanOf(r, timeline) || {}).gpus);
  const counted = gpus.every((n) => n > 0);
  const series = results.map((result, at) => ({
    name: nameOf(result), style: at,
    points: ascending(result).filter((s) => s.output_tokens_per_second.value !== null && perUser(s) !== null).map((s) => ({
      ...stepPoint(s, s.output_tokens_per_second.value / (counted ? gpus[at] : 1)), x: perUser(s), stop: `${at}/${loadOf(s)}/${s.attempt}`,
      tag: formatNumber(loadOf(s)), title: `${results.length > 1 ? `${nameOf(result)}, ` : ""}${stepTitle(s)}, ${formatNumber(perUser(s))} tok/s a user`,
    })),
  }));
  const what = counted ? "output tok/s per GPU" : "output tok/s of the target";
  return { label: `${what} against tokens per second per user`, x: { label: "tok/s per user", format: formatNumber }, y: { label: what, format: formatNumber }, series };
}

function goodputSpec(result) {
  const steps = ascending(result);
  const good = { name: "within the SLO", points: steps.map((s) => stepPoint(s, s.goodput_requests_per_second)) };
  const done = { name: "completed", points: steps.map((s) => stepPoint(s, s.requests_per_second.value)) };
  return { label: `Goodput against ${loadName(result)}`, x: loadAxis(result), y: { label: "requests per second", format: formatNumber }, series: [good, done], knee: kneeOf(result) };
}

function errorsSpec(result) {
  const points = ascending(result).map((s) => stepPoint(s, s.error_ratio));
  return { label: `Errors against ${loadName(result)}`, x: loadAxis(result), y: { label: "of the requests", format: formatPercent }, series: [{ name: "failed", style: 1, points }], knee: kneeOf(result) };
}

/** Targets that ran the same scenario, from the given result on: one line each, as many as there are styles. */
function targetsOf(results, first) {
  return results.slice(first).filter((r) => r.scenario === results[first].scenario).slice(0, styles);
}

function targetSeries(results, first, of) {
  return targetsOf(results, first).map((result, style) => ({ name: result.target, style, absent: "not measured", points: ascending(result).map(of) }));
}

function targetsThroughputSpec(result, results, first) {
  return {
    label: `Output tokens per second of each target against ${loadName(result)}`, x: loadAxis(result),
    y: { label: "output tok/s", format: formatNumber },
    series: targetSeries(results, first, (s) => stepPoint(s, s.output_tokens_per_second.value, s.output_tokens_per_second.ci95)),
  };
}

/** One percentile for the whole chart, as for replicas. */
function targetsTtftSpec(result, results, first) {
  const same = targetsOf(results, first);
  const key = same.some((r) => r.steps.some((s) => s.ttft_seconds.p50 !== null)) ? "ttft_seconds" : "e2e_seconds";
  const p = same.every((r) => r.steps.every((s) => !s.valid || s[key].p95 !== null)) ? "p95" : "p50";
  const name = key === "ttft_seconds" ? "TTFT" : "E2E";
  const limits = result.slo.criteria.filter((c) => c.name === `${name.toLowerCase()}_${p}`)
    .map((c) => ({ value: c.limit, text: `SLO ${p} ≤ ${formatTime(c.limit)}` }));
  return {
    label: `${name} of each target against ${loadName(result)}`, x: loadAxis(result), y: { label: `${name} ${p}`, format: formatTime, log: true },
    series: targetSeries(results, first, (s) => stepPoint(s, s[key][p], s[key][`${p}_ci95`])), limits,
  };
}

const chartKinds = {
  throughput: [drawXyChart, throughputSpec],
  ttft: [drawXyChart, (r) => latencySpec(r, "ttft")],
  tpot: [drawXyChart, (r) => latencySpec(r, "tpot")],
  e2e: [drawXyChart, (r) => latencySpec(r, "e2e")],
  tradeoff: [drawXyChart, tradeoffSpec],
  timeline: [drawTimelineChart, timelineSpec],
  "ttft-heat": [drawHeatChart, (r, t) => heatSpec(r, t, "ttft")],
  requests: [drawScatterChart, requestsSpec],
  "icl-heat": [drawHeatChart, (r, t) => heatSpec(r, t, "icl")],
  ladder: [drawLadderChart, ladderSpec],
  "replica-throughput": [drawXyChart, replicaThroughputSpec],
  "replica-ttft": [drawXyChart, replicaTtftSpec],
  "generator-cost": [drawXyChart, generatorCostSpec],
  "generator-lag": [drawXyChart, generatorLagSpec],
  goodput: [drawXyChart, goodputSpec],
  errors: [drawXyChart, errorsSpec],
  pareto: [drawXyChart, (r, t) => paretoSpec([r], t, () => "each step")],
  "targets-pareto": [drawXyChart, (_, t, first) => paretoSpec(targetsOf(report.results, first), t, (r) => r.target)],
  "targets-throughput": [drawXyChart, (r, _, first) => targetsThroughputSpec(r, report.results, first)],
  "targets-ttft": [drawXyChart, (r, _, first) => targetsTtftSpec(r, report.results, first)],
};
