// The distribution of a latency, a column a step: what percentiles and extremes tell of it.

/** steps: [{title, label, valid, latency: {min, p50, p90, p95, p99, max, mean}}]; absent figures are left out. */
function drawLadderChart(plot, legend, width, { label, axis, steps }) {
  const names = ["min", "p50", "p90", "p95", "p99", "max", "mean"];
  const values = steps.flatMap((s) => names.map((n) => s.latency[n])).filter((v) => v !== null);
  if (!values.length) return drawNothing(plot, legend);
  const height = Math.round(Math.max(236, Math.min(360, width * 0.56)));
  const frame = createFrame(plot, { width, height, label, margin: { left: 58, right: 16, top: 34, bottom: 40 } });
  const y = valueScale(values, { log: true, bottom: frame.bottom, top: frame.top });
  drawValueAxis(frame, y, { format: formatTime, label: axis, log: true });
  const x = d3.scaleBand().domain(d3.range(steps.length)).range([frame.left, frame.right]).padding(0.35);
  const shown = new Set(sparse(d3.range(steps.length), (i) => x(i), (i) => String(steps[i].label)));
  drawBottomAxis(frame, d3.axisBottom(x).tickValues([...shown]).tickFormat((i) => steps[i].label).tickSize(4), "concurrent requests");
  const half = Math.min(22, x.bandwidth() / 2);

  const stops = steps.map((step, i) => {
    const centre = x(i) + x.bandwidth() / 2;
    drawRungs(frame, y, centre, half, step);
    return { x: centre, title: step.title, rows: names.filter((n) => step.latency[n] !== null).map((n) => [n, formatTime(step.latency[n])]) };
  });
  legend.replaceChildren();
  makeWalkable(frame, stops, (stop) => showReadout(frame.svg, stop.x, frame.top + 4, stop.title, stop.rows), () => {});
}

function drawRungs(frame, y, x, half, step) {
  const { min, p50, p90, p95, p99, max, mean } = step.latency;
  const { svg } = frame;
  const rung = (value, reach, kind) => {
    if (value === null) return;
    svg.append("line").attr("class", `line c0 ${kind}`).attr("x1", x - reach).attr("x2", x + reach).attr("y1", y(value)).attr("y2", y(value));
  };
  if (min !== null && max !== null) {
    svg.append("line").attr("class", "line thin c0").attr("x1", x).attr("x2", x).attr("y1", y(min)).attr("y2", y(max));
  }
  const high = [p95, p90].find((v) => v !== null);
  if (p50 !== null && high !== undefined) {
    svg.append("rect").attr("class", `c0 ${step.valid ? "f0 bar-fill" : "hollow"}`).attr("x", x - half).attr("width", 2 * half)
      .attr("y", y(high)).attr("height", Math.max(1, y(p50) - y(high)));
  }
  rung(p90, half, "thin");
  rung(p99, half * 0.6, "thin");
  rung(min, half * 0.3, "thin");
  rung(max, half * 0.3, "thin");
  if (p50 !== null) {
    svg.append("rect").attr("class", "f0").attr("x", x - half).attr("width", 2 * half).attr("y", y(p50) - 2).attr("height", 4);
  }
  if (mean !== null) {
    svg.append("path").attr("class", "marker c1 hollow").attr("d", markerPath(3, 34)).attr("transform", `translate(${x},${y(mean)})`);
  }
  if (!step.valid) {
    const top = max !== null ? y(max) : y(high || p50);
    svg.append("path").attr("class", "cross").attr("d", `M${x - 7},${top - 17}l14,14m0,-14l-14,14`);
  }
}
