// The plan as a staircase: the loads in their order, those behind filled, the one under way marked.

/** spec: {label, loads, done, at: index or null, unit, found: the loads are chosen as the run goes on} */
function drawStairs(plot, legend, width, spec) {
  legend.replaceChildren();
  if (!spec.loads.length) return drawNothing(plot, legend);
  const frame = createFrame(plot, { width, height: 200, label: spec.label, margin: { left: 58, right: 16, top: 30, bottom: 40 } });
  const count = spec.loads.length;
  const x = d3.scaleLinear().domain([0, count]).range([frame.left, frame.right]);
  const y = valueScale(spec.loads, { log: d3.max(spec.loads) / Math.max(1, d3.min(spec.loads)) >= 8, bottom: frame.bottom, top: frame.top });
  drawValueAxis(frame, y, { label: spec.unit, format: formatNumber, log: Boolean(y.base) });
  const base = y.range()[0];
  spec.loads.forEach((load, i) => {
    const state = i === spec.at ? "under-way" : i < spec.done ? "done" : "ahead";
    frame.svg.append("rect").attr("class", `stair ${state}`).attr("x", x(i)).attr("width", Math.max(1, x(i + 1) - x(i) - 1))
      .attr("y", y(load)).attr("height", Math.max(1, base - y(load)));
  });
  const outline = spec.loads.map((load, i) => `${i ? "L" : "M"}${x(i)},${y(load)}H${x(i + 1)}`).join("");
  frame.svg.append("path").attr("class", "line c0").attr("d", outline);
  if (spec.at !== null && spec.at < count) {
    const middle = (x(spec.at) + x(spec.at + 1)) / 2;
    frame.svg.append("line").attr("class", "knee").attr("x1", middle).attr("x2", middle).attr("y1", frame.top - 6).attr("y2", frame.bottom);
    const text = `now ${formatNumber(spec.loads[spec.at])}`;
    const half = text.length * 3.6;
    frame.svg.append("text").attr("class", "strong halo").attr("text-anchor", "middle").attr("y", frame.top - 12)
      .attr("x", Math.max(frame.left + half, Math.min(frame.right - half, middle))).text(text);
  }
  const every = Math.ceil(count / Math.max(2, width / 60));
  const ticks = d3.range(count).filter((i) => i % every === 0);
  drawBottomAxis(frame, d3.axisBottom(x).tickValues(ticks.map((i) => i + 0.5)).tickFormat((v) => String(Math.floor(v) + 1)).tickSize(4),
    spec.found ? "step (the next load follows from those before)" : "step");
  const stops = spec.loads.map((load, i) => ({ x: (x(i) + x(i + 1)) / 2, i, load }));
  makeWalkable(frame, stops, (stop) => showReadout(frame.svg, stop.x, frame.top, `step ${stop.i + 1}`,
    [[spec.unit, formatNumber(stop.load)], ["", stop.i === spec.at ? "under way" : stop.i < spec.done ? "measured" : "to come"]]), () => {});
}
