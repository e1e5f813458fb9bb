// How a latency was spread over the time of the run: a column is a stretch of time, the darker the more of its values.

const heatFloor = 1e-4, heatRowsPerOctave = 4; // as run_timeline.h has them
function heatEdge(row) { return heatFloor * 2 ** (row / heatRowsPerOctave); }

/** spec: {label, axis, begin, seconds (of a column), columns: [[first row, shares in thousandths…]], windows, limits} */
function drawHeatChart(plot, legend, width, spec) {
  const rows = spec.columns.filter((c) => c.length).flatMap((c) => [c[0], c[0] + c.length - 1]);
  if (!rows.length) return drawNothing(plot, legend);
  const height = Math.round(Math.max(236, Math.min(320, width * 0.5)));
  const frame = createFrame(plot, { width, height, label: spec.label, margin: { left: 58, right: 16, top: 34, bottom: 40 } });
  const y = d3.scaleLog().domain([heatEdge(d3.min(rows)), heatEdge(d3.max(rows))]).range([frame.bottom, frame.top]);
  const end = spec.begin + spec.columns.length * spec.seconds;
  const x = d3.scaleLinear().domain([spec.begin, end]).range([frame.left, frame.right]);
  shadeWindows(frame, x, spec.windows);
  drawValueAxis(frame, y, { format: formatTime, label: spec.axis, log: true });
  spec.columns.forEach(([first, ...shares], at) => {
    const [left, right] = [x(spec.begin + at * spec.seconds), x(spec.begin + (at + 1) * spec.seconds)];
    shares.forEach((share, i) => {
      if (share === 0) return;
      const top = y(heatEdge(first + i + 1));
      frame.svg.append("rect").attr("class", "heat-cell").attr("x", left).attr("width", right - left + 0.3)
        .attr("y", top).attr("height", y(heatEdge(first + i)) - top + 0.3).attr("fill-opacity", (0.12 + 0.88 * (share / 1000) ** 0.6).toFixed(2));
    });
  });
  for (const limit of spec.limits.filter((l) => l.value >= y.domain()[0] && l.value <= y.domain()[1])) drawLimit(frame, y, limit);
  drawBottomAxis(frame, d3.axisBottom(x).tickValues(clockTicks(x.domain(), width < 560 ? 5 : 8)).tickFormat(formatClock).tickSize(4), "time since the start of the run");
  legend.replaceChildren();
  walkHeat(frame, x, spec);
}

function walkHeat(frame, x, spec) {
  const cursor = frame.svg.append("line").attr("class", "cursor").attr("y1", frame.top).attr("y2", frame.bottom).attr("visibility", "hidden");
  const stops = spec.columns.map((column, at) => ({ x: x(spec.begin + (at + 0.5) * spec.seconds), at, column })).filter((s) => s.column.length);
  makeWalkable(frame, stops, ({ x: at, at: index, column: [first, ...shares] }) => {
    cursor.attr("x1", at).attr("x2", at).attr("visibility", "visible");
    const found = shares.map((share, i) => ({ share, row: first + i })).filter((s) => s.share > 0).sort((a, b) => b.share - a.share);
    const rowsOf = found.slice(0, 6).map(({ share, row }) => [`${formatTime(heatEdge(row))} to ${formatTime(heatEdge(row + 1))}`, formatPercent(share / 1000)]);
    showReadout(frame.svg, at, frame.top + 4, formatClock(spec.begin + index * spec.seconds), rowsOf);
  }, () => cursor.attr("visibility", "hidden"));
}
