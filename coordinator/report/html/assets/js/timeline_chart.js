// The run second by second: panels one under the other over one time axis, measured windows shaded.

/**
 * spec: {label, times: [seconds], windows: [{begin, end, label, valid}],
 *        panels: [{title, format, log, series: [{name, values, stepped, style}]}]}
 */
function drawTimelineChart(plot, legend, width, spec) {
  legend.replaceChildren();
  if (!spec.times.length) return drawNothing(plot, legend);
  const narrow = width < 560;
  const panelHeight = narrow ? 84 : 96;
  const rows = spec.panels.map((panel) => panelLegend(panel, width));
  const heads = rows.map((r) => r.lines * 17 + 8);
  const top = 20;
  const height = top + d3.sum(heads) + spec.panels.length * panelHeight + 40;
  const frame = createFrame(plot, { width, height, label: spec.label, margin: { left: 58, right: 14, top, bottom: 40 } });
  const x = d3.scaleLinear().domain([spec.times[0], spec.times[spec.times.length - 1]]).range([frame.left, frame.right]);
  hatch(frame.svg);
  shadeWindows(frame, x, spec.windows);

  let at = top;
  spec.panels.forEach((panel, i) => {
    drawPanelLegend(frame, rows[i], at);
    drawPanel({ ...frame, top: at + heads[i], bottom: at + heads[i] + panelHeight - 10 }, x, spec.times, panel);
    at += heads[i] + panelHeight;
  });
  const ticks = clockTicks(x.domain(), narrow ? 5 : 10);
  drawBottomAxis(frame, d3.axisBottom(x).tickValues(ticks).tickFormat(formatClock).tickSize(4), "time since the start of the run");
  walkTimeline(frame, x, spec);
}

function hatch(svg) {
  const pattern = svg.append("defs").append("pattern").attr("id", "hatch").attr("width", 7).attr("height", 7)
    .attr("patternUnits", "userSpaceOnUse").attr("patternTransform", "rotate(45)");
  pattern.append("rect").attr("width", 7).attr("height", 7).attr("class", "window");
  pattern.append("line").attr("y2", 7).attr("class", "window-edge");
}

function shadeWindows(frame, x, windows) {
  let free = -Infinity;
  for (const w of windows) {
    const [left, right] = [Math.max(frame.left, x(w.begin)), Math.min(frame.right, x(w.end))];
    frame.svg.append("rect").attr("class", w.valid ? "window" : "window invalid").attr("x", left).attr("y", frame.top)
      .attr("width", Math.max(1, right - left)).attr("height", frame.bottom - frame.top);
    const text = w.valid ? w.label : `✕ ${w.label}`;
    const half = text.length * 3.6;
    const middle = (left + right) / 2;
    if (middle - half < free) continue;
    free = middle + half + 3;
    frame.svg.append("text").attr("class", "strong").attr("x", middle).attr("y", 13).attr("text-anchor", "middle").text(text);
  }
}

/** Where the title and the names of a panel stand, wrapped to the width. */
function panelLegend(panel, width) {
  const items = [];
  let [x, line] = [panel.title.length * 6.9 + 14, 0];
  panel.series.forEach((series, i) => {
    const length = 30 + series.name.length * 6.6 + 14;
    if (x + length > width && x > 0) { x = 0; line++; }
    items.push({ series, style: series.style === undefined ? i : series.style, x, line });
    x += length;
  });
  return { title: panel.title, items: panel.series.length > 1 ? items : [], lines: panel.series.length > 1 ? line + 1 : 1 };
}

function drawPanelLegend(frame, legend, top) {
  frame.svg.append("text").attr("class", "strong halo").attr("x", 0).attr("y", top + 14).text(legend.title);
  for (const item of legend.items) {
    const y = top + 10 + item.line * 17;
    frame.svg.append("line").attr("class", `line c${item.style % styles}`).attr("stroke-dasharray", dashes[item.style % styles])
      .attr("x1", item.x).attr("x2", item.x + 24).attr("y1", y).attr("y2", y);
    frame.svg.append("text").attr("class", "halo").attr("x", item.x + 29).attr("y", y + 4).text(item.series.name);
  }
}

function drawPanel(frame, x, times, panel) {
  const values = panel.series.flatMap((s) => s.values).filter((v) => v !== null && (!panel.log || v > 0));
  const y = valueScale(values.length ? values : [0], { log: panel.log, bottom: frame.bottom, top: frame.top });
  drawValueAxis(frame, y, { format: panel.format, log: panel.log });
  panel.series.forEach((series, i) => {
    const style = (series.style === undefined ? i : series.style) % styles;
    const line = d3.line().defined((v) => v !== null && (!panel.log || v > 0)).x((v, t) => x(times[t])).y((v) => y(v));
    if (series.stepped) line.curve(d3.curveStepAfter);
    frame.svg.append("path").attr("class", `line thin c${style}`).attr("stroke-dasharray", dashes[style]).attr("d", line(series.values));
  });
}

/** Round instants: at most `count` of them. */
function clockTicks([begin, end], count) {
  const step = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 28800, 86400]
    .find((s) => (end - begin) / s <= count) || 172800;
  return d3.range(Math.ceil(begin / step) * step, end + 1e-9, step);
}

function walkTimeline(frame, x, spec) {
  const cursor = frame.svg.append("line").attr("class", "cursor").attr("y1", frame.top).attr("y2", frame.bottom).attr("visibility", "hidden");
  const stops = spec.times.map((time, t) => ({ x: x(time), t }));
  makeWalkable(frame, stops, (stop) => {
    cursor.attr("x1", stop.x).attr("x2", stop.x).attr("visibility", "visible");
    const rows = spec.panels.flatMap((panel) => panel.series
      .map((s) => [panel.series.length > 1 ? `${panel.title}: ${s.name}` : panel.title,
        s.values[stop.t] === null ? "n/a" : panel.format(s.values[stop.t])]));
    showReadout(frame.svg, stop.x, frame.top + 4, formatClock(spec.times[stop.t]), rows);
  }, () => cursor.attr("visibility", "hidden"));
}
