// The live page: follows a run by server-sent events, draws it with the report's charts, stops it, and lists past runs.

const columns = ["asked", "in_flight", "output_tokens_per_second", "requests_per_second", "failures_per_second", "ttft_p50", "ttft_p95"];
const live = { run: null, now: null, forming: null, over: null, timeline: null, heard: 0, state: "none" };
const byId = (id) => document.getElementById(id);
function say(id, text) { if (byId(id).textContent !== text) byId(id).textContent = text; }

// ---------------------------------------------------------------------------------------------------------- what is drawn

function emptyTimeline() {
  const timeline = { begin: 0, bin_seconds: 1, telemetry: [], spans: [] };
  for (const column of columns) timeline[column] = [];
  return timeline;
}

/** The cell whose charts are shown: the one chosen, else the one under load. */
function shownCell() {
  const chosen = byId("result").value;
  return chosen !== "" ? Number(chosen) : live.now && live.now.cell !== undefined ? live.now.cell : 0;
}

function shownResult() {
  const cell = live.run && live.run.cells[shownCell()];
  const results = live.forming ? live.forming.report.results : [];
  return cell ? results.find((r) => r.scenario === cell.scenario && r.target === cell.target) : undefined;
}

/** The part of the run in which the shown cell was loaded, whether a step of it is done or not. */
function liveTimelineSpec() {
  const cell = live.run.cells[shownCell()];
  const result = shownResult() || { target: cell.target, scenario: cell.scenario, steps: [] };
  const timeline = { ...live.timeline, spans: [] };
  for (const column of columns) while (timeline[column].length < live.timeline.in_flight.length) timeline[column].push(null);
  const span = live.timeline.spans.find((s) => s.target === cell.target && s.scenario === cell.scenario);
  if (span) timeline.spans.push(span);
  return timelineSpec(result, timeline);
}

function stairsSpec() {
  const cell = live.run.cells[shownCell()];
  const result = shownResult();
  const here = live.now.cell === shownCell() && live.now.phase !== undefined && !live.over;
  const done = result ? result.steps.map((s) => ({ load: loadOf(s), valid: s.valid })) : [];
  const planned = cell.loads;
  const at = here && live.now.step ? live.now.step - 1 : null;
  const loads = planned.length ? planned : done.map((s) => s.load);
  if (!planned.length && here && at >= done.length) loads.push(live.now.rate === null ? live.now.asked : live.now.rate);
  return {
    label: `The plan's loads, step by step${at === null ? "" : `; step ${at + 1} of ${Math.max(loads.length, live.now.steps)} is under way`}`,
    loads, done: done.length, at, unit: cell.load, found: !planned.length,
  };
}

const liveKinds = {
  stairs: () => live.run && live.now && [drawStairs, stairsSpec()],
  timeline: () => live.run && live.timeline && live.timeline.in_flight.length > 1 && [drawTimelineChart, liveTimelineSpec()],
  throughput: () => shownResult() && [drawXyChart, throughputSpec(shownResult())],
  ttft: () => shownResult() && [drawXyChart, latencySpec(shownResult(), "ttft")],
  tpot: () => shownResult() && [drawXyChart, latencySpec(shownResult(), "tpot")],
  tradeoff: () => shownResult() && [drawXyChart, tradeoffSpec(shownResult())],
};

function drawingOf(figure) { return liveKinds[figure.dataset.chart]() || [drawNothing, null]; }

/** A figure that somebody reads keeps still: its keyboard cursor or readout would be lost. */
function isRead(figure) {
  return figure.contains(document.activeElement) || (!readout.hidden && figure.matches(":hover"));
}

function redraw(kinds) {
  if (byId("live").hidden) return;
  for (const figure of figures) {
    if (!kinds.includes(figure.dataset.chart) || isRead(figure)) continue;
    drawnWidths.delete(figure);
  }
  drawWhereWidthChanged();
}

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && document.activeElement.closest(".plot")) document.activeElement.blur();
});

// ------------------------------------------------------------------------------------------------------------- what is said

const dash = "–";
function figureText(value, format, unit = "") { return value === null || value === undefined ? dash : `${format(value)}${unit}`; }

function durationText(seconds) {
  const s = Math.ceil(seconds);
  if (s >= 3600) return `${Math.floor(s / 3600)} h ${Math.floor(s / 60) % 60} min`;
  return s >= 60 ? `${Math.floor(s / 60)} min ${s % 60} s` : `${s} s`;
}

function showNow() {
  const now = live.now;
  if (now.waiting !== undefined) {
    say("place", `Waiting for ${now.waiting}`);
    return;
  }
  const cells = live.run.cells.length;
  say("place", `${now.scenario} on ${now.target}, step ${now.step} of ${now.steps}: ${now.phase}` +
    (cells > 1 ? ` (part ${now.cell + 1} of ${cells})` : ""));
  const left = now.left;
  say("left", live.over ? "0 s" : left === null ? "not known" : durationText(left));
  say("elapsed", `${durationText(Math.max(0, now.elapsed))} so far`);
  byId("progress").value = live.over ? 1 : left === null ? 0 : Math.max(0, now.elapsed) / Math.max(1, Math.max(0, now.elapsed) + left);
  byId("progress").hidden = left === null && !live.over;
  say("load", now.rate === null ? `${now.in_flight} of ${now.asked}` : String(now.in_flight));
  say("load-detail", (now.rate === null ? "requests in flight, of those asked for" : `requests in flight at ${formatNumber(now.rate)} req/s`) +
    (now.backing_off ? `; ${now.backing_off} back off` : ""));
  say("tokens", figureText(now.output_tokens_per_second, formatNumber));
  say("requests", `${figureText(now.requests_per_second, formatNumber)} requests/s completed`);
  say("first", figureText(now.ttft_p50, formatTime));
  say("first-detail", `median of the last second; p95 ${figureText(now.ttft_p95, formatTime)}`);
  say("failed", formatNumber(now.failed));
  say("failed-detail", `of ${formatNumber(now.failed + now.completed)} that ended`);
}

function fillRows(id, rows) {
  const body = byId(id).tBodies[0];
  body.replaceChildren();
  for (const cells of rows) {
    const row = body.insertRow();
    cells.forEach((cell, i) => {
      const element = document.createElement(i === 0 ? "th" : "td");
      if (i === 0) element.scope = "row";
      if (cell instanceof Node) element.append(cell);
      else element.textContent = cell;
      row.append(element);
    });
  }
}

function agentState(agent) {
  if (agent.lost) return `✕ lost: ${agent.lost}`;
  const behind = live.now.elapsed - agent.through - 1;
  if (agent.through >= 0 && behind > 5) return `△ silent for ${durationText(behind)}`;
  if (agent.busy > 0.9) return "△ its busiest thread is full: it may be the limit";
  return "✓ well";
}

function showAgents() {
  const { agents } = live.now;
  const rest = agents.present + agents.lost - agents.list.length;
  say("agents-sum", `${agents.present} there, ${agents.lost} lost${rest ? `; ${rest} that are well are not listed` : ""}.`);
  fillRows("agents", agents.list.map((a) => [a.name || dash, agentState(a), formatNumber(a.in_flight),
    figureText(a.busy, formatPercent), figureText(a.lag_p99, formatTime)]));
}

function showErrors() {
  const { errors } = live.now;
  byId("errors-none").hidden = errors.length > 0;
  byId("errors-box").hidden = errors.length === 0;
  fillRows("errors", errors.map((e) => [e.status ? `${e.kind} (${e.status})` : e.kind, formatNumber(e.count), e.said || "the host said nothing", e.request_id || dash]));
}

function showForming() {
  const box = byId("forming");
  const sentences = live.forming ? live.forming.sentences : [];
  box.replaceChildren();
  for (const text of sentences.length ? sentences : ["No step is measured yet."]) {
    const p = document.createElement("p");
    p.className = "verdict";
    p.textContent = text;
    box.append(p);
  }
  const result = shownResult();
  fillRows("steps", (result ? result.steps : []).map((s) => [stepTitle(s),
    figureText(s.output_tokens_per_second.value, formatNumber), figureText(s.ttft_seconds.p50, formatTime),
    figureText(s.ttft_seconds.p95, formatTime), figureText(s.error_ratio, formatPercent), s.state || dash]));
}

let linesShown = "";
function showLines() {
  const text = live.now.lines.join("\n");
  if (text === linesShown) return;
  linesShown = text;
  byId("lines").textContent = text;
  byId("lines-block").hidden = text === "";
}

function offerResults() {
  const select = byId("result");
  select.replaceChildren(new Option("the one under load", ""));
  live.run.cells.forEach((cell, i) => select.append(new Option(`${cell.scenario} on ${cell.target}`, i)));
  byId("result-choice").hidden = live.run.cells.length < 2;
}

function showOver() {
  if (live.over === null) return;
  say("place", "The run is over. Its report is in its folder; kneepoint serve shows it beside the others.");
  setState("over");
  byId("stop").hidden = true;
  say("forming-word", live.over);
}

// ---------------------------------------------------------------------------------------------------------- what is heard

function takeSnapshot(data) {
  const fresh = !live.run || live.run.run_id !== data.run.run_id;
  Object.assign(live, data);
  if (fresh) offerResults();
  say("run-name", live.run.plan);
  say("run-id", live.run.run_id);
  document.title = `${live.run.plan} – Kneepoint live`;
  byId("live").hidden = false;
  byId("stop").hidden = live.over !== null;
  showForming();
  takeNow();
  redraw(Object.keys(liveKinds));
}

function takeNow() {
  showNow();
  showAgents();
  showErrors();
  showLines();
  showOver();
}

function takeBin(bin) {
  const timeline = live.timeline;
  if (timeline.in_flight.length === 0) timeline.begin = bin.begin;
  timeline.bin_seconds = bin.bin_seconds;
  columns.forEach((name, i) => {
    while (timeline[name].length < bin.at) timeline[name].push(null);
    timeline[name][bin.at] = bin.values[i];
  });
  for (const told of bin.telemetry) {
    let series = timeline.telemetry.find((s) => s.name === told.name && s.target === told.target);
    if (!series) timeline.telemetry.push(series = { name: told.name, unit: told.unit, target: told.target, values: [] });
    series.values[bin.at] = told.value;
  }
  for (const series of timeline.telemetry) for (let i = 0; i <= bin.at; i++) if (series.values[i] === undefined) series.values[i] = null;
  const cell = live.now.cell !== undefined && live.run.cells[live.now.cell];
  if (!cell) return;
  const at = timeline.begin + bin.at * timeline.bin_seconds;
  let span = timeline.spans.find((s) => s.target === cell.target && s.scenario === cell.scenario);
  if (!span) timeline.spans.push(span = { target: cell.target, scenario: cell.scenario, begin: at, end: at });
  span.end = at + timeline.bin_seconds;
}

function takeFrame(data) {
  if (!live.run) return;  // a snapshot comes first
  if (data.now) live.now = data.now;
  if (data.bin) takeBin(data.bin);
  if (data.forming) { live.forming = data.forming; showForming(); }
  if (data.over) live.over = data.over;
  if (data.now || data.over) takeNow();
  redraw(data.forming ? Object.keys(liveKinds) : data.bin ? ["stairs", "timeline"] : ["stairs"]);
}

// ------------------------------------------------------------------------------------------------------------ the stream

const stateWords = {
  none: "", connecting: "○ connecting …", live: "● live", silent: "△ no word from the coordinator", lost: "✕ connection lost; trying again",
  over: "■ over",
};
function setState(state, more = "") {
  live.state = state;
  byId("state").dataset.state = state;
  say("state", stateWords[state] + more);
}

// Seconds: a coordinator tells something every second or two; past `silent` it may be frozen, past `gone` the link is tried anew.
const patience = { silent: 4, gone: 45, first: 1, most: 30 };
let stream = null;
let retry = 0;
let again = 0;

function heard(take) {
  return (event) => {
    live.heard = Date.now();
    retry = 0;
    if (live.over === null) setState("live");
    take(JSON.parse(event.data));
    if (live.over !== null) hangUp();
  };
}

function hangUp() {
  if (stream) stream.close();
  stream = null;
  clearTimeout(again);
}

function follow() {
  hangUp();
  if (live.state !== "lost") setState("connecting");
  live.heard = Date.now();
  stream = new EventSource("/events");
  stream.addEventListener("snapshot", heard(takeSnapshot));
  stream.addEventListener("frame", heard(takeFrame));
  stream.addEventListener("still", heard(() => {}));  // nothing new, and it is there
  // The browser's own retries are as quick for a thousand pages as for one: ours back off, and not in step.
  stream.onerror = () => {
    hangUp();
    setState("lost");
    const wait = Math.min(patience.most, patience.first * 2 ** retry++) * (0.5 + Math.random() / 2);
    again = setTimeout(follow, wait * 1000);
  };
}

setInterval(() => {
  if (!stream || live.over !== null) return;
  const quiet = (Date.now() - live.heard) / 1000;
  if (quiet > patience.gone) stream.onerror();
  else if (quiet > patience.silent) setState("silent", ` for ${Math.floor(quiet)} s: busy, frozen or gone`);
}, 1000);

// A page that nobody sees follows nothing.
document.addEventListener("visibilitychange", () => {
  if (!live.follows || live.over !== null) return;
  if (document.hidden) hangUp();
  else if (!stream) follow();
});

// ----------------------------------------------------------------------------------------------------------------- stop

async function ask(path, options = {}) {
  const answer = await fetch(path, { method: "POST", headers: { "X-Kneepoint": "yes", ...options.headers } });
  if (!answer.ok) throw new Error((await answer.text()).trim() || `status ${answer.status}`);
}

byId("stop").addEventListener("click", () => { say("stop-failed", ""); byId("stop-dialog").showModal(); });
byId("stop-no").addEventListener("click", () => byId("stop-dialog").close());
byId("stop-yes").addEventListener("click", async () => {
  try {
    await ask(`/stop?run=${encodeURIComponent(live.run.run_id)}`);
    byId("stop-dialog").close();
    byId("stop").disabled = true;
    say("stop", "Stopping …");
  } catch (error) {
    say("stop-failed", `Not stopped: ${error.message}`);
  }
});

// ------------------------------------------------------------------------------------------------------------ past runs

function reportLink(run) {
  const link = document.createElement("a");
  link.href = `/report?run=${encodeURIComponent(run.name)}`;
  link.textContent = run.name;
  return link;
}

function choiceOf(run) {
  const box = document.createElement("input");
  box.type = "checkbox";
  box.value = run.name;
  box.setAttribute("aria-label", `compare ${run.name}`);
  box.addEventListener("change", showChoice);
  return box;
}

function chosenRuns() { return [...document.querySelectorAll("#runs input:checked")].map((box) => box.value); }
function showChoice() {
  const count = chosenRuns().length;
  byId("compare").disabled = count < 2 || count > 6;
  say("compare-word", count === 0 ? "Choose two to six runs." : `${count} chosen${count > 6 ? ": at most six can be told apart" : ""}.`);
}
byId("compare").addEventListener("click", () => {
  location.assign(`/compare?${chosenRuns().map((name) => `run=${encodeURIComponent(name)}`).join("&")}`);
});

function showRuns({ runs, left_out }) {
  byId("runs-none").hidden = runs.length > 0;
  byId("runs-box").hidden = byId("compare-row").hidden = runs.length === 0;
  fillRows("runs", runs.map((run) => [reportLink(run), run.started, run.plan, run.verdict, choiceOf(run)]));
  say("runs-more", left_out ? `${left_out} older ones are not listed.` : "");
  showChoice();
}

// ---------------------------------------------------------------------------------------------------------------- begin

async function begin() {
  const answer = await fetch("/runs.json");
  byId("login").hidden = answer.status !== 401;
  if (answer.status === 401) { setState("none"); byId("token").focus(); return; }
  if (!answer.ok) throw new Error(await answer.text());
  const data = await answer.json();
  byId("past").hidden = false;
  showRuns(data);
  live.follows = data.live;
  live.timeline = emptyTimeline();
  if (live.follows) follow();
  else {
    say("run-name", "");
    document.querySelector("h1").textContent = "Past runs";
    document.title = "Past runs – Kneepoint";
  }
}

byId("login").addEventListener("submit", async (event) => {
  event.preventDefault();
  try {
    await ask("/login", { headers: { Authorization: `Bearer ${byId("token").value}` } });
    byId("token").value = "";
    say("login-failed", "");
    await begin();
  } catch (error) {
    say("login-failed", `Not let in: ${error.message}`);
  }
});
byId("result").addEventListener("change", () => { showForming(); redraw(Object.keys(liveKinds)); });
begin().catch((error) => setState("lost", `: ${error.message}`));
