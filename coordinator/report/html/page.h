#pragma once

#include <string>
#include <string_view>

#include <utility>
#include <vector>
#include "coordinator/words/charts.h"
#include "coordinator/words/titles.h"

namespace kneepoint::coordinator::html {

/// What fills the one page that every HTML file of ours is. Markup unless said otherwise.
struct Page {
  std::string title;  ///< Of the document, escaped.
  std::string name;   ///< In the bar, escaped.
  std::string when;
  std::string heading;
  std::string headline;  ///< What is above the fold.
  std::string contents;  ///< Links.
  std::string sections;
  std::string version;  ///< Of the program that measured, escaped.
  std::string footer = words::kPageIsComplete;
  std::string connects = "form-action 'none'";  ///< What the page may ask for, beyond nothing: a policy.
  /// JSON by the id of its element.
  std::vector<std::pair<std::string, std::string>> data;
  /// JavaScript between the charts and the page's own: defines drawingOf(figure).
  std::vector<std::string_view> scripts;
};

/// The page as a file that opens offline: style, script, chart library and data are inside, and its content
/// security policy forbids every load.
std::string render_page(const Page& page);

/// The figure of one chart; the script finds it by data-chart and data-result.
std::string chart_figure(std::string_view kind, std::size_t result, std::string_view title,
                         std::string_view how_to_read, std::string_view extra_class = "");
/// With title and caption of `told`; its title goes with `subject`, in front or behind as it says.
std::string chart_figure(std::string_view kind, std::size_t result, const words::ChartWords& told,
                         std::string_view classes = {}, const std::string& subject = {});

}  // namespace kneepoint::coordinator::html
