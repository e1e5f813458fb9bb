// What charts of one run and of several take from a result: its rows over the load, and its limits.

/** What a step holds: requests in flight or sessions, or of an open loop the rate that was asked for. */
function loadOf(step) { return step.offered_rate === null || step.offered_rate === undefined ? step.concurrency : step.offered_rate; }

function loadUnit(step) {
  const think = step.thinking !== null && step.thinking !== undefined;
  if (loadOf(step) === step.offered_rate) return think ? "sessions/s" : "req/s";
  return think ? "sessions" : "concurrent";
}

/** The horizontal axis of a result's charts. */
function loadAxis(result) {
  const unit = result.steps.length ? loadUnit(result.steps[0]) : "concurrent";
  const names = {
    concurrent: "concurrent requests", sessions: "sessions",
    "req/s": "requests per second asked for", "sessions/s": "sessions per second asked for",
  };
  return { load: names[unit] };
}

function loadName(result) { return { concurrent: "concurrency", sessions: "sessions", "req/s": "rate", "sessions/s": "rate" }[loadUnit(result.steps[0])]; }

/** A point of a series over the load. `ci95` is [low, high] or null. */
function stepPoint(step, value, ci95 = null) {
  return {
    x: loadOf(step), y: value === undefined ? null : value, low: ci95 && ci95[0], high: ci95 && ci95[1],
    valid: step.valid, title: stepTitle(step),
  };
}

function stepTitle(step) { return `${formatNumber(loadOf(step))} ${loadUnit(step)}${step.valid ? "" : " (✕ invalid)"}`; }

/** Rising steps; of a search, for each load the valid one that was measured longest. */
function ascending(result) {
  const steps = [...result.steps].sort((a, b) => loadOf(a) - loadOf(b));
  if (!steps.some((s) => s.scout)) return steps;
  const rank = (s) => (s.valid ? s.duration_seconds : -1);
  const best = new Map();
  for (const s of steps) {
    if (!best.has(loadOf(s)) || rank(s) >= rank(best.get(loadOf(s)))) best.set(loadOf(s), s);
  }
  return [...best.values()];
}

const latencyNames = { ttft: "TTFT", ttfo: "TTFO", tpot: "TPOT", icl: "ICL", e2e: "E2E" };

function limitsOf(result, name) {
  return result.slo.criteria.filter((c) => c.name.startsWith(`${name}_`))
    .map((c) => ({ value: c.limit, text: `SLO ${c.name.slice(name.length + 1)} ≤ ${formatTime(c.limit)}` }));
}
