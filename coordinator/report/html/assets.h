#pragma once

#include <string_view>

/// The report's parts that are not computed: files of assets/ and the chart library, embedded at build time.
namespace kneepoint::coordinator::html::assets {

extern const std::string_view page;      ///< The document, with {{placeholders}}.
extern const std::string_view live;      ///< What stands in it where a run is followed.
extern const std::string_view style;     ///< CSS: light, dark, print.
extern const std::string_view licences;  ///< Of the embedded chart library.
extern const std::string_view d3;        ///< The chart library.
extern const std::string_view script_units, script_plot, script_xy_chart, script_steps, script_ladder_chart,
    script_timeline_chart, script_heat_chart, script_scatter_chart, script_charts, script_report,
    script_comparison, script_stairs, script_live,
    script_page;  ///< JavaScript: each uses those before it; report, comparison and live exclude each other.

}  // namespace kneepoint::coordinator::html::assets
