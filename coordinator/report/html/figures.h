#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "coordinator/results/model.h"

/// How the page writes a measured figure, or says why there is none.
namespace kneepoint::coordinator::html {

/// One figure of a table: what a reader sees and what a spreadsheet gets.
struct Figure {
  std::string text;
  std::optional<double> raw;  ///< In base units, as in report.json.
  std::string absent_reason;  ///< Not empty exactly where the figure is absent; `text` is then "n/a".
  std::string suffix;         ///< Said beside the figure: "± 2.1".
};

/// "2.1 %"
std::string percent_text(double ratio);
/// "21.6 to 24.7"
std::string interval_text(const Interval& interval);
/// "2026-11-21 19:45:55 UTC"
std::string utc_text(RealTime at);

Figure absent(std::string reason);
Figure number(std::optional<double> value, std::string reason);
Figure count(std::uint64_t value);
Figure time(std::optional<double> seconds, std::string reason);
Figure percent(std::optional<double> ratio, std::string reason);
Figure text(std::string value);
/// The value with half its interval's width beside it.
Figure estimate(const Estimate& estimate, std::string reason);

/// The markup of a figure without a cell around it. An absent one is an `abbr` whose title is the reason;
/// below a table (boxed) its reasons stand as text, for those who have no mouse.
std::string inline_markup(const Figure& figure);

}  // namespace kneepoint::coordinator::html
