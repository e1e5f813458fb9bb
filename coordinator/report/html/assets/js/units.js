"use strict";
// How axes and readouts write numbers. The page's text and tables are written by the program; these follow its rules.

const timeUnits = [[3600, "h"], [60, "min"], [1, "s"], [1e-3, "ms"], [1e-6, "µs"]];

function trimmed(value) {
  const digits = Math.abs(value) >= 100 ? value.toFixed(0) : value.toPrecision(3);
  return String(Number(digits));
}

/** "39.2 ms", "1.34 s". Seconds in. */
function formatTime(seconds) {
  if (seconds === 0) return "0 s";
  const [size, name] = timeUnits.slice(2).find(([unit]) => Math.abs(seconds) >= unit * 0.9995) || timeUnits[4];
  return `${trimmed(seconds / size)} ${name}`;
}

/** "1:05" or "2:01:05": an instant of the run. */
function formatClock(seconds) {
  const whole = Math.round(Math.abs(seconds));
  const two = (n) => String(n).padStart(2, "0");
  const tail = `${whole >= 3600 ? two(Math.floor(whole / 60) % 60) : Math.floor(whole / 60)}:${two(whole % 60)}`;
  return (seconds < 0 ? "−" : "") + (whole >= 3600 ? `${Math.floor(whole / 3600)}:${tail}` : tail);
}

function formatNumber(value) {
  return Math.abs(value) >= 999.5 ? d3.format(",.0f")(value) : trimmed(value);
}

function formatPercent(ratio) { return `${trimmed(ratio * 100)} %`; }

/** How values of a telemetry unit are written. */
function formatterOf(unit) {
  if (unit === "ratio") return formatPercent;
  if (unit === "s") return formatTime;
  if (unit === "bytes") return (value) => `${trimmed(value / 2 ** 30)} GiB`;
  return formatNumber;
}
