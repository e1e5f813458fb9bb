#include "coordinator/report/html/live_page.h"

#include "coordinator/report/html/assets.h"
#include "coordinator/report/html/markup.h"
#include "coordinator/report/html/page.h"

namespace kneepoint::coordinator::html {

std::string live_page(std::string_view version) {
  const std::string charts =
      chart_figure("stairs", 0, "The plan", "Each step is a load; filled ones are measured.", "wide") +
      chart_figure("throughput", 0, "Throughput against load",
                   "Output tokens per second with 95 % intervals. The band is the interval of the saturation "
                   "point, as far as the rows say.") +
      chart_figure("ttft", 0, "Time to first token", "Percentiles over the requests of each step.") +
      chart_figure("tpot", 0, "Time per output token", "The pace after the first token.") +
      chart_figure("tradeoff", 0, "Throughput against latency", "Each point is a step.") +
      chart_figure("timeline", 0, "Second by second",
                   "Load, throughput, latency, and what engine and GPU say beside them.", "wide");
  return render_page({.title = "Kneepoint live",
                      .name = R"(<span id="run-name" class="name">Live</span>)",
                      .when = R"(<span id="run-id"></span>)",
                      .heading = "Live",
                      .headline = fill(assets::live, {{"charts", charts}}),
                      .contents = "",
                      .sections = "",
                      .version = escape(version),
                      .footer = "This page asks for nothing but the coordinator that serves it.",
                      .connects = "connect-src 'self'; form-action 'none'",
                      .data = {},
                      .scripts = {assets::script_ladder_chart, assets::script_timeline_chart,
                                  assets::script_heat_chart, assets::script_scatter_chart,
                                  assets::script_charts, assets::script_stairs, assets::script_live}});
}

}  // namespace kneepoint::coordinator::html
