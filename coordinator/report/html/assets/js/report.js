// The data of report.html, and what draws its figures.

const report = JSON.parse(document.getElementById("report-data").textContent);
const timeline = JSON.parse(document.getElementById("timeline-data").textContent);

/** What draws a figure of the page, and its spec. */
function drawingOf(figure) {
  const [draw, spec] = chartKinds[figure.dataset.chart];
  return [draw, spec(report.results[figure.dataset.result], timeline, Number(figure.dataset.result))];
}
