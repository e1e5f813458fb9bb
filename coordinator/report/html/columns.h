#pragma once

#include <functional>
#include <string>
#include <vector>

#include "coordinator/report/html/figures.h"
#include "coordinator/results/model.h"

namespace kneepoint::coordinator::html {

/// A figure that every step has.
struct Column {
  std::string group;    ///< "TTFT"
  std::string label;    ///< "p95"
  std::string key;      ///< Where report.json has it: "ttft_seconds.p95"; "" for text made for a reader.
  std::string explain;  ///< One line.
  bool brief = false;   ///< Shown in the table of steps; the others only in the table of all figures.
  std::function<Figure(const Step&)> figure;
  bool optional = false;  ///< Left out of tables where no step has it.
};

/// Every figure of a step, in the order of the tables.
const std::vector<Column>& step_columns();

/// What a table says of a latency's percentile that is absent.
std::string absent_latency_reason(const LatencySummary& latency);

}  // namespace kneepoint::coordinator::html
