// Single requests over the time of the run: dots were drawn by lot, rings, of the others, among the slowest of their second.

/** spec: {label, axis, begin, end, requests: [{sent, value, drawn, id}], windows, limits} */
function drawScatterChart(plot, legend, width, spec) {
  const shown = spec.requests.filter((r) => r.value > 0);
  if (!shown.length) return drawNothing(plot, legend);
  const height = Math.round(Math.max(236, Math.min(320, width * 0.5)));
  const frame = createFrame(plot, { width, height, label: spec.label, margin: { left: 58, right: 16, top: 34, bottom: 40 } });
  const y = valueScale(shown.map((r) => r.value), { log: true, bottom: frame.bottom, top: frame.top });
  const x = d3.scaleLinear().domain([spec.begin, spec.end]).range([frame.left, frame.right]);
  shadeWindows(frame, x, spec.windows);
  drawValueAxis(frame, y, { format: formatTime, label: spec.axis, log: true });
  for (const limit of spec.limits.filter((l) => l.value >= y.domain()[0] && l.value <= y.domain()[1])) drawLimit(frame, y, limit);
  for (const request of shown) {
    frame.svg.append("circle").attr("class", request.drawn ? "request" : "request slow")
      .attr("cx", x(request.sent).toFixed(1)).attr("cy", y(request.value).toFixed(1)).attr("r", request.drawn ? 1.7 : 3);
  }
  drawBottomAxis(frame, d3.axisBottom(x).tickValues(clockTicks(x.domain(), width < 560 ? 5 : 8)).tickFormat(formatClock).tickSize(4), "sent, since the start of the run");
  legend.replaceChildren();
  const cursor = frame.svg.append("circle").attr("class", "cursor").attr("r", 6).attr("fill", "none").attr("visibility", "hidden");
  const stops = shown.map((request) => ({ x: x(request.sent), y: y(request.value), request }));
  makeWalkable(frame, stops, ({ x: cx, y: cy, request }) => {
    cursor.attr("cx", cx).attr("cy", cy).attr("visibility", "visible");
    showReadout(frame.svg, cx, cy, formatClock(request.sent), [[spec.axis, formatTime(request.value)], ["X-Request-Id", request.id]]);
  }, () => cursor.attr("visibility", "hidden"));
}
