// What every chart shares: the frame, the axes, markers and dashes, the readout. Colours come from CSS classes, so that
// a change of theme, or paper, needs no drawing.

const markers = [d3.symbolCircle, d3.symbolSquare, d3.symbolTriangle, d3.symbolDiamond, d3.symbolCross, d3.symbolStar];
const dashes = [null, "7 3", "2 3", "9 3 2 3", "4 2", "1 2"];
const styles = markers.length;

/** An SVG that fills `plot` at `width`, with its drawing area `inner`. */
function createFrame(plot, { width, height, margin, label }) {
  plot.replaceChildren();
  const svg = d3.select(plot).append("svg")
    .attr("viewBox", `0 0 ${width} ${height}`).attr("role", "img").attr("aria-label", label).attr("tabindex", 0);
  return {
    svg, width, height, margin,
    right: width - margin.right, bottom: height - margin.bottom, left: margin.left, top: margin.top,
  };
}

/** The values of a logarithmic axis that are labelled: 1, 2, 5 of each decade, all where the axis is short and fewer where it is long. */
function logTicks(scale, room) {
  const [low, high] = scale.domain();
  const decades = Math.log10(high / low);
  const steps = decades * 9 <= Math.min(room, 6) ? [1, 2, 3, 4, 5, 6, 7, 8, 9] : decades * 3 <= room ? [1, 2, 5] : decades * 2 <= room ? [1, 3] : [1];
  const ticks = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power++) {
    for (const step of steps) {
      const value = Number(`${step}e${power}`);
      if (value >= low * 0.999 && value <= high * 1.001) ticks.push(value);
    }
  }
  return ticks;
}

/** A vertical scale over `values` in [bottom, top]; logarithmic ones start and end on a round value. */
function valueScale(values, { log, bottom, top }) {
  const positive = values.filter((v) => v > 0);
  if (log && positive.length) {
    const round = (value, up) => {
      const power = 10 ** Math.floor(Math.log10(value));
      const steps = [1, 2, 5, 10].map((s) => s * power);
      return up ? steps.find((s) => s >= value * 0.999) : steps.reverse().find((s) => s <= value * 1.001);
    };
    let [low, high] = [round(d3.min(positive), false), round(d3.max(positive), true)];
    if (low === high) high = low * 10;
    return d3.scaleLog().domain([low, high]).range([bottom, top]);
  }
  const high = d3.max(values) > 0 ? d3.max(values) : 1;
  return d3.scaleLinear().domain([0, high * 1.06]).range([bottom, top]).nice(5);
}

function drawValueAxis(frame, scale, { format, label, log }) {
  const room = Math.max(2, (frame.bottom - frame.top) / 26);
  const ticks = log && scale.base ? logTicks(scale, room) : scale.ticks(Math.min(6, room));
  const { svg } = frame;
  svg.append("g").attr("class", "grid").attr("transform", `translate(${frame.left},0)`)
    .call(d3.axisLeft(scale).tickValues(ticks).tickSize(-(frame.right - frame.left)).tickFormat(""));
  svg.append("g").attr("class", "axis").attr("transform", `translate(${frame.left},0)`)
    .call(d3.axisLeft(scale).tickValues(ticks).tickSize(4).tickFormat(format)).attr("font-family", null).attr("font-size", null);
  if (label) svg.append("text").attr("x", 0).attr("y", 11).text(label + (log ? " (log)" : ""));
}

function drawBottomAxis(frame, axis, label) {
  frame.svg.append("g").attr("class", "axis").attr("transform", `translate(0,${frame.bottom})`)
    .call(axis).attr("font-family", null).attr("font-size", null);
  if (label) {
    frame.svg.append("text").attr("x", (frame.left + frame.right) / 2).attr("y", frame.height - 3)
      .attr("text-anchor", "middle").text(label);
  }
}

/** The horizontal scale of load: logarithmic where the steps span a factor of 8, as geometric ramps do. */
function loadScale(values, left, right) {
  const [low, high] = d3.extent(values);
  const log = low > 0 && high / low >= 8;
  const scale = (log ? d3.scaleLog() : d3.scaleLinear()).domain(low === high ? [low * 0.9, high * 1.1 + 0.1] : [low, high]);
  return { scale: scale.range([left + 12, right - 14]), log };
}

/** Of `values`, those whose labels do not touch. The ends are kept. */
function sparse(values, position, label) {
  const width = (value) => 7 * label(value).length;
  const apart = (a, b) => Math.abs(position(a) - position(b)) >= (width(a) + width(b)) / 2 + 5;
  const kept = [];
  for (const value of values) {
    if (!kept.length || apart(value, kept[kept.length - 1])) kept.push(value);
  }
  const last = values[values.length - 1];
  while (kept.length > 1 && kept[kept.length - 1] !== last && !apart(kept[kept.length - 1], last)) kept.pop();
  if (kept[kept.length - 1] !== last && apart(kept[0], last)) kept.push(last);
  return kept;
}

function markerPath(style, size = 52) { return d3.symbol().type(markers[style % styles]).size(size)(); }

/** Fills `legend` with a swatch and a name for each entry {name, style, line, kind}; `aside` is words only. */
function drawLegend(legend, entries) {
  legend.replaceChildren();
  for (const entry of entries) {
    const item = d3.select(legend).append("span");
    if (entry.aside) {
      item.attr("class", "aside").text(entry.name);
      continue;
    }
    const swatch = item.append("svg").attr("width", 34).attr("height", 14).attr("viewBox", "0 0 34 14").attr("aria-hidden", true)
      .attr("class", "swatch");
    const plotLike = swatch.append("g").attr("class", "marks");
    if (entry.kind) {
      plotLike.append("line").attr("x1", 1).attr("x2", 33).attr("y1", 7).attr("y2", 7).attr("class", entry.kind);
    } else {
      const style = entry.style % styles;
      if (entry.line !== false) {
        plotLike.append("line").attr("x1", 1).attr("x2", 33).attr("y1", 7).attr("y2", 7)
          .attr("class", `line c${style}`).attr("stroke-dasharray", dashes[style]);
      }
      if (entry.marker !== false) {
        plotLike.append("path").attr("d", markerPath(style, 44)).attr("transform", "translate(17,7)").attr("class", `marker c${style} f${style}`);
      }
    }
    item.append("span").text(entry.name);
  }
}

const readout = document.getElementById("readout");

/** Shows `title` and rows of [name, value] near the point (x, y) of `svg`, in its own units. */
function showReadout(svg, x, y, title, rows) {
  readout.replaceChildren();
  d3.select(readout).append("strong").text(title);
  const table = d3.select(readout).append("table");
  for (const cells of rows) {
    const row = table.append("tr");
    for (const cell of cells) row.append("td").text(cell);
  }
  readout.hidden = false;
  const box = svg.node().getBoundingClientRect();
  const scale = box.width / svg.attr("viewBox").split(" ")[2];
  const pageWidth = document.documentElement.clientWidth;
  let left = box.left + x * scale + 14;
  if (left + readout.offsetWidth > pageWidth - 6) left = box.left + x * scale - readout.offsetWidth - 14;
  readout.style.left = `${Math.max(6, Math.min(left, pageWidth - readout.offsetWidth - 6)) + window.scrollX}px`;
  readout.style.top = `${box.top + y * scale + window.scrollY}px`;
}

function hideReadout() { readout.hidden = true; }

/**
 * Lets pointer and keyboard walk over `stops`: things with an `x`, and a `y` where nearness counts in both directions.
 * `show(stop)` draws the cursor and the readout, `hide()` removes them.
 */
function makeWalkable(frame, stops, show, hide) {
  if (!stops.length) return;
  let current = -1;
  const go = (index) => { current = Math.max(0, Math.min(stops.length - 1, index)); show(stops[current]); };
  const leave = () => { hide(); hideReadout(); };
  frame.svg
    .on("pointermove", () => {
      const box = frame.svg.node().getBoundingClientRect();
      const scale = frame.width / box.width;
      const [x, y] = [(d3.event.clientX - box.left) * scale, (d3.event.clientY - box.top) * scale];
      go(d3.scan(stops, (a, b) => away(a, x, y) - away(b, x, y)));
    })
    .on("pointerleave blur", leave)
    .on("keydown", () => {
      const move = { ArrowLeft: -1, ArrowRight: 1, Home: -Infinity, End: Infinity }[d3.event.key];
      if (d3.event.key === "Escape") leave();
      if (move === undefined) return;
      d3.event.preventDefault();
      go(move === -Infinity ? 0 : move === Infinity ? stops.length - 1 : current + move);
    });
}

function away(stop, x, y) { return Math.hypot(stop.x - x, stop.y === undefined ? 0 : stop.y - y); }
