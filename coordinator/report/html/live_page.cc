#include "coordinator/report/html/live_page.h"

#include "coordinator/report/html/assets.h"
#include "coordinator/report/html/markup.h"
#include "coordinator/report/html/page.h"
#include "coordinator/words/titles.h"

namespace kneepoint::coordinator::html {

std::string live_page(std::string_view version) {
  const std::string charts =
      chart_figure("stairs", 0, words::kStairs, "wide") +
      chart_figure("throughput", 0, words::kLiveThroughput) + chart_figure("ttft", 0, words::kLiveTtft) +
      chart_figure("tpot", 0, words::kPace) + chart_figure("tradeoff", 0, words::kLiveTradeoff) +
      chart_figure("timeline", 0, words::kLiveTimeline, "wide");
  return render_page({.title = "Kneepoint live",
                      .name = R"(<span id="run-name" class="name">Live</span>)",
                      .when = R"(<span id="run-id"></span>)",
                      .heading = "Live",
                      .headline = fill(assets::live, {{"charts", charts}}),
                      .contents = "",
                      .sections = "",
                      .version = escape(version),
                      .footer = words::kPageAsksCoordinator,
                      .connects = "connect-src 'self'; form-action 'none'",
                      .data = {},
                      .scripts = {assets::script_ladder_chart, assets::script_timeline_chart,
                                  assets::script_heat_chart, assets::script_scatter_chart,
                                  assets::script_charts, assets::script_stairs, assets::script_live}});
}

}  // namespace kneepoint::coordinator::html
