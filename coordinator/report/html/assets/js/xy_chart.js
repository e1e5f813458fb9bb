// Lines with markers over load or throughput: whiskers, the knee with its band, limits, invalid points.

/**
 * spec: {
 *   label, x: {load, label, format}, y: {label, log, format},
 *   series: [{name, points: [{x, y, low, high, valid, tag}], line}],
 *   knee: {at (null: a range is all that is known), low, high, text}, limits: [{value, text}], reference: {name, of(x)},
 * }
 */
function drawXyChart(plot, legend, width, spec) {
  const drawn = spec.series.filter((s) => s.points.some((p) => p.y !== null && p.x !== null));
  const points = drawn.flatMap((s) => s.points.filter((p) => p.y !== null && p.x !== null));
  if (!points.length) return drawNothing(plot, legend);

  const height = Math.round(Math.max(236, Math.min(360, width * 0.56)));
  const frame = createFrame(plot, { width, height, label: spec.label, margin: { left: 58, right: 16, top: 34, bottom: 40 } });
  const spread = points.flatMap((p) => [p.y, p.low, p.high]).filter((v) => v !== null && v !== undefined);
  const y = valueScale([...spread, ...(spec.limits || []).map((l) => l.value)],
    { log: spec.y.log, bottom: frame.bottom, top: frame.top });
  drawValueAxis(frame, y, spec.y);
  const x = horizontal(frame, points, spec);
  const clamp = (v) => Math.max(frame.top, Math.min(frame.bottom, y(v)));

  if (spec.knee) drawKnee(frame, x, spec.knee);
  for (const limit of spec.limits || []) drawLimit(frame, y, limit);
  if (spec.reference) drawReference(frame, x, y, spec.reference);

  drawn.forEach((series, at) => {
    const style = (series.style === undefined ? at : series.style) % styles;
    const kept = series.points.filter((p) => p.y !== null && p.x !== null);
    if (series.line !== false) {
      frame.svg.append("path").datum(kept.filter((p) => p.valid)).attr("class", `line c${style}`)
        .attr("stroke-dasharray", dashes[style]).attr("d", d3.line().x((p) => x(p.x)).y((p) => clamp(p.y)));
    }
    for (const p of kept) {
      if (p.low !== null && p.low !== undefined) drawWhisker(frame, x(p.x), clamp(p.low), clamp(p.high), style);
    }
    for (const p of kept) drawPoint(frame, x(p.x), clamp(p.y), p, style);
  });
  drawInvalidWords(frame, x, clamp, points);
  drawTags(frame, x, clamp, points.filter((p) => p.tag));

  drawLegend(legend, [
    ...drawn.map((s, at) => ({ name: s.name, style: s.style === undefined ? at : s.style, line: s.line })),
    ...(spec.knee ? [{ name: "N_sat with 95 % CI", kind: "knee" }] : []),
    ...(spec.limits && spec.limits.length ? [{ name: "SLO limit", kind: "slo" }] : []),
    ...(spec.reference ? [{ name: spec.reference.name, kind: "reference" }] : []),
    ...spec.series.filter((s) => !drawn.includes(s) && s.absent).map((s) => ({ name: `${s.name} n/a: ${s.absent}`, aside: true })),
  ]);
  walkXy(frame, x, clamp, drawn, spec);
}

function drawNothing(plot, legend) {
  legend.replaceChildren();
  plot.replaceChildren();
  d3.select(plot).append("p").attr("class", "empty").text("Nothing was measured for this chart.");
}

function horizontal(frame, points, spec) {
  if (!spec.x.load) {
    const x = d3.scaleLinear().domain([0, d3.max(points, (p) => p.x) * 1.06]).range([frame.left, frame.right]).nice(5);
    drawBottomAxis(frame, d3.axisBottom(x).ticks(frame.width / 90).tickFormat(spec.x.format).tickSize(4), spec.x.label);
    return x;
  }
  const tested = [...new Set(points.map((p) => p.x))].sort((a, b) => a - b);
  const { scale, log } = loadScale(tested, frame.left, frame.right);
  const ticks = sparse(tested, scale, formatNumber);
  drawBottomAxis(frame, d3.axisBottom(scale).tickValues(ticks).tickFormat(formatNumber).tickSize(4),
    `${spec.x.load}${log ? " (log)" : ""}`);
  return scale;
}

function drawKnee(frame, x, knee) {
  const [low, high] = x.domain();
  const inside = (v) => x(Math.max(low, Math.min(high, v)));
  const { svg } = frame;
  if (knee.low !== null && knee.low !== undefined) {
    svg.append("rect").attr("class", "knee-band").attr("x", inside(knee.low)).attr("y", frame.top)
      .attr("width", Math.max(1, inside(knee.high) - inside(knee.low))).attr("height", frame.bottom - frame.top);
  }
  const at = knee.at === null ? (inside(knee.low) + inside(knee.high)) / 2 : inside(knee.at);
  if (knee.at !== null)
    svg.append("line").attr("class", "knee").attr("x1", at).attr("x2", at).attr("y1", frame.top - 4).attr("y2", frame.bottom);
  const half = knee.text.length * 3.4;
  svg.append("text").attr("class", "strong halo").attr("x", Math.max(frame.left + half, Math.min(frame.right - half, at)))
    .attr("y", frame.top - 9).attr("text-anchor", "middle").text(knee.text);
}

function drawLimit(frame, y, limit) {
  frame.svg.append("line").attr("class", "slo").attr("x1", frame.left).attr("x2", frame.right)
    .attr("y1", y(limit.value)).attr("y2", y(limit.value));
  frame.svg.append("text").attr("class", "slo-word halo").attr("x", frame.left + 6).attr("y", y(limit.value) - 5).text(limit.text);
}

function drawReference(frame, x, y, reference) {
  const [low, high] = x.domain();
  const top = y.domain()[1];
  const line = d3.range(0, 1.001, 0.01).map((t) => (x.base ? low * (high / low) ** t : low + t * (high - low)))
    .map((n) => [n, reference.of(n)]).filter((p) => p[1] <= top);
  frame.svg.append("path").attr("class", "reference").attr("d", d3.line().x((p) => x(p[0])).y((p) => y(p[1]))(line));
}

function drawWhisker(frame, x, low, high, style) {
  frame.svg.append("path").attr("class", `whisker c${style}`)
    .attr("d", `M${x - 5},${low}h10M${x},${low}V${high}M${x - 5},${high}h10`);
}

/** A valid point is filled; one that is not is hollow and crossed out. */
function drawPoint(frame, x, y, point, style) {
  frame.svg.append("path").attr("class", `marker c${style} ${point.valid ? `f${style}` : "hollow"}`)
    .attr("d", markerPath(style)).attr("transform", `translate(${x},${y})`);
  if (!point.valid) frame.svg.append("path").attr("class", "cross").attr("d", `M${x - 6},${y - 6}l12,12m0,-12l-12,12`);
}

/** Says "invalid" once for each step that is, under its lowest point, or over the highest where there is no room. */
function drawInvalidWords(frame, x, y, points) {
  const columns = d3.nest().key((p) => p.stop || p.x).entries(points.filter((p) => !p.valid));
  for (const { values } of columns) {
    const [top, bottom] = d3.extent(values, (p) => y(p.y));
    const at = Math.max(frame.left + 20, Math.min(frame.width - 20, x(values[0].x)));
    frame.svg.append("text").attr("class", "cross-word halo").attr("text-anchor", "middle").attr("x", at)
      .attr("y", bottom + 20 < frame.bottom ? bottom + 20 : top - 12).text("invalid");
  }
}

/** Labels beside points, on whichever side is free of the labels drawn before. */
function drawTags(frame, x, y, points) {
  const taken = points.map((p) => ({ left: x(p.x) - 6, right: x(p.x) + 6, top: y(p.y) - 6, bottom: y(p.y) + 6, of: p }));
  for (const p of points) {
    const half = p.tag.length * 3.6 + 1;
    const sides = [[0, -11], [half + 9, 4], [-half - 9, 4], [0, 21], [half + 7, -9], [-half - 7, -9], [half + 7, 17]];
    const box = ([dx, dy]) => ({ left: x(p.x) + dx - half, right: x(p.x) + dx + half, top: y(p.y) + dy - 11, bottom: y(p.y) + dy + 2 });
    const free = (b) => b.right < frame.width && b.left > frame.left && b.top > 0 &&
      taken.every((t) => t.of === p || b.right < t.left || b.left > t.right || b.bottom < t.top || b.top > t.bottom);
    const side = sides.find((s) => free(box(s)));
    if (!side) continue;
    taken.push(box(side));
    frame.svg.append("text").attr("class", "strong halo").attr("x", x(p.x) + side[0]).attr("y", y(p.y) + side[1])
      .attr("text-anchor", "middle").text(p.tag);
  }
}

function walkXy(frame, x, y, series, spec) {
  const cursor = frame.svg.append("line").attr("class", "cursor").attr("y1", frame.top).attr("y2", frame.bottom).attr("visibility", "hidden");
  const steps = new Map();
  series.forEach((s) => s.points.forEach((p) => {
    if (p.y === null || p.x === null) return;
    const key = p.stop === undefined ? p.x : p.stop;
    if (!steps.has(key)) steps.set(key, { x: x(p.x), y: spec.x.load ? undefined : y(p.y), title: p.title, rows: [] });
    const interval = p.low === null || p.low === undefined ? "" : `${spec.y.format(p.low)} to ${spec.y.format(p.high)}`;
    steps.get(key).rows.push([s.name, spec.y.format(p.y), interval]);
  }));
  const stops = [...steps.values()].sort((a, b) => a.x - b.x);
  makeWalkable(frame, stops, (stop) => {
    cursor.attr("x1", stop.x).attr("x2", stop.x).attr("visibility", "visible");
    showReadout(frame.svg, stop.x, frame.top + 4, stop.title, stop.rows);
  }, () => cursor.attr("visibility", "hidden"));
}
