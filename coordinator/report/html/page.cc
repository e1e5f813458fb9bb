#include "coordinator/report/html/page.h"

#include <fmt/format.h>

#include "coordinator/report/html/assets.h"
#include "coordinator/report/html/markup.h"
#include "coordinator/report/json.h"
#include "coordinator/words/titles.h"

namespace kneepoint::coordinator::html {

std::string render_page(const Page& page) {
  std::string data;
  for (const auto& [id, json] : page.data) {
    data += fmt::format("<script type=\"application/json\" id=\"{}\">{}</script>\n", id,
                        escape_script_json(compact_json(json)));
  }
  std::string script;
  for (const std::string_view part :
       {assets::script_units, assets::script_plot, assets::script_xy_chart, assets::script_steps})
    script.append(part);
  for (const std::string_view part : page.scripts) script.append(part);
  script.append(assets::script_page);
  return fill(assets::page, {
                                {"script_hashes", csp_hash(assets::d3) + " " + csp_hash(script)},
                                {"style_hash", csp_hash(assets::style)},
                                {"style", assets::style},
                                {"licences", assets::licences},
                                {"title", page.title},
                                {"name", page.name},
                                {"when", page.when},
                                {"heading", page.heading},
                                {"headline", page.headline},
                                {"contents", page.contents},
                                {"sections", page.sections},
                                {"version", page.version},
                                {"footer", page.footer},
                                {"connects", page.connects},
                                {"data", data},
                                {"d3", assets::d3},
                                {"script", script},
                            });
}

std::string chart_figure(std::string_view kind, std::size_t result, std::string_view title,
                         std::string_view how_to_read, std::string_view extra_class) {
  return fmt::format(
      R"(<figure class="chart {4}" data-chart="{0}" data-result="{1}"><figcaption><h3>{2}</h3><p>{3}</p></figcaption>)"
      R"(<div class="legend"></div><div class="plot"></div>)"
      R"(<noscript><p>{5}</p></noscript></figure>)",
      kind, result, title, how_to_read, extra_class, words::kChartNeedsScript);
}

std::string chart_figure(std::string_view kind, std::size_t result, const words::ChartWords& told,
                         std::string_view classes, const std::string& subject) {
  const std::string title(told.title);
  return chart_figure(kind, result, told.against ? title + subject : subject + title, told.caption, classes);
}

}  // namespace kneepoint::coordinator::html
