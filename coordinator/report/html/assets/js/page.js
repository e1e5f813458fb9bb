// The page: draws every chart at its width, follows the theme, copies tables, prepares for paper.

const figures = [...document.querySelectorAll("figure[data-chart]")];

function drawFigure(figure, width) {
  const [draw, spec] = drawingOf(figure);
  const plot = figure.querySelector(".plot");
  draw(plot, figure.querySelector(".legend"), Math.round(width || plot.clientWidth || 600), spec);
  figure.dataset.drawn = plot.querySelector("svg") ? "chart" : "empty";
}

/** Groups of which the Tab key stops at one: arrows up and down lead to the others. */
const oneStops = [...document.querySelectorAll(".charts, table.overview")].map((group) => ({
  group, stops: () => [...group.querySelectorAll(".plot svg, tbody a")],
}));
function stopOnlyAt(stops, kept) { stops.forEach((stop) => stop.setAttribute("tabindex", stop === kept ? 0 : -1)); }
for (const { group, stops } of oneStops) {
  group.addEventListener("keydown", (event) => {
    const all = stops();
    const next = all[all.indexOf(event.target) + { ArrowUp: -1, ArrowDown: 1 }[event.key]];
    if (!next || !all.includes(event.target)) return;
    event.preventDefault();
    stopOnlyAt(all, next);
    next.focus();
  });
}

/** What does not scroll is no stop; of a group one is. */
function settleStops() {
  for (const box of document.querySelectorAll(".table-box, pre")) {
    if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
    else box.removeAttribute("tabindex");
  }
  for (const { stops } of oneStops) {
    const all = stops();
    stopOnlyAt(all, all.find((stop) => stop === document.activeElement) || all[0]);
  }
}

// Charts are drawn in the pixels that they fill, so that text has one size everywhere: a new width, a new drawing.
const drawnWidths = new Map();
function drawWhereWidthChanged() {
  for (const figure of figures) {
    const width = figure.querySelector(".plot").clientWidth;
    if (width === 0 || drawnWidths.get(figure) === width) continue;
    drawnWidths.set(figure, width);
    drawFigure(figure, width);
  }
  settleStops();
}
drawWhereWidthChanged();
let pending = 0;
window.addEventListener("resize", () => {
  cancelAnimationFrame(pending);
  pending = requestAnimationFrame(drawWhereWidthChanged);
});

// What is folded has no width until it is opened.
document.addEventListener("toggle", drawWhereWidthChanged, true);
/** Opens the result that a link of the page leads to. */
function openLinked() {
  const linked = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  const cell = linked && linked.querySelector("details.cell");
  if (!cell) return;
  cell.open = true;
  linked.scrollIntoView();
  cell.querySelector("summary").focus({ preventScroll: true });
}
window.addEventListener("hashchange", openLinked);
openLinked();

// A4 less its margins is 703 CSS pixels wide; two columns there.
const paperWidths = { wide: 683, half: 328 };
const openedForPaper = [];
window.addEventListener("beforeprint", () => {
  for (const figure of figures) drawFigure(figure, figure.classList.contains("wide") ? paperWidths.wide : paperWidths.half);
  // Of many results paper shows what is looked at first, and whatever a reader has opened.
  const many = document.querySelectorAll("section.result").length > 3;
  for (const details of document.querySelectorAll(many ? "details.cell:not([open]), details.all-figures:not([open])" : "details:not([open])")) {
    details.open = true;
    openedForPaper.push(details);
  }
});
window.addEventListener("afterprint", () => {
  for (const details of openedForPaper.splice(0)) details.open = false;
  drawnWidths.clear();
  drawWhereWidthChanged();
});

// The theme follows the system until a reader chooses; the choice lasts as long as the browser lets a file keep it.
const themes = ["auto", "light", "dark"];
const themeButton = document.getElementById("theme");
function storedTheme() {
  try { return localStorage.getItem("kneepoint-theme"); } catch { return null; }
}
function setTheme(theme) {
  if (theme === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  themeButton.textContent = `Theme: ${theme}`;
  themeButton.dataset.theme = theme;
  try { localStorage.setItem("kneepoint-theme", theme); } catch { /* a file may have no storage */ }
}
themeButton.hidden = false;
themeButton.addEventListener("click", () => setTheme(themes[(themes.indexOf(themeButton.dataset.theme) + 1) % themes.length]));
setTheme(themes.includes(storedTheme()) ? storedTheme() : "auto");

/** The table as tab-separated values: unrounded figures in base units where cells carry them. */
function tableAsTsv(table) {
  const lines = [];
  for (const row of table.rows) {
    const cells = [];
    for (const cell of row.cells) {
      const text = cell.dataset.v !== undefined ? cell.dataset.v : cell.dataset.key || cell.textContent;
      cells.push(text.replace(/\s+/g, " ").trim());
      for (let i = 1; i < cell.colSpan; i++) cells.push("");
    }
    lines.push(cells.join("\t"));
  }
  return `${lines.join("\n")}\n`;
}

async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = document.createElement("textarea");
    area.value = text;
    document.body.append(area);
    area.select();
    const copied = document.execCommand("copy");
    area.remove();
    if (!copied) throw new Error("the browser does not let this page copy");
  }
}

for (const block of document.querySelectorAll(".table-block")) {
  const button = block.querySelector(".copy");
  const status = block.querySelector(".copied");
  button.hidden = false;
  button.addEventListener("click", async () => {
    try {
      await copyText(tableAsTsv(block.querySelector("table")));
      status.textContent = "Copied: paste it into a spreadsheet.";
    } catch (error) {
      status.textContent = `Not copied: ${error.message}. Select the table instead.`;
    }
  });
}

document.documentElement.dataset.ready = "true";
