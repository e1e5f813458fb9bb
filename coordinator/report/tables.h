#pragma once

#include <string>
#include <vector>

#include "coordinator/results/model.h"

/// The report's tables as cells, once for every renderer that draws tables.
namespace kneepoint::coordinator {

struct Column {
  std::string title;
  std::size_t width = 0;  ///< On a terminal; wider cells push the rest of their line.
  bool left = false;      ///< Figures are flush right, words flush left.
  int spare = 0;          ///< Where lines are too narrow the column with the most goes first; 0 stays.
};

struct Table {
  std::vector<Column> columns;
  std::vector<std::vector<std::string>> rows;
};

/// The columns of the live table and of the report's first one: load, throughput, the latencies that decide,
/// note.
const std::vector<Column>& load_columns();
std::vector<std::string> load_cells(const Step& step);

/// What tables show of a result: of a search, for each concurrency the valid row that was measured longest,
/// rising; of anything else, every row.
ScenarioResult brief(const ScenarioResult& result);
/// "9 of 21 rows …" where brief() left rows out, else empty.
std::string brief_note(const ScenarioResult& result);

Table load_table(const ScenarioResult& result);
/// TTFT mean ± SD and percentiles, TPOT, E2E, ICL p99 and the longest silence; time to first answer only
/// where reasoning makes it differ from TTFT.
Table latency_table(const ScenarioResult& result);
/// What an open loop offered and achieved, with latencies from the intended start; without rows for a closed
/// one.
Table open_loop_table(const ScenarioResult& result);
/// What the engine said of itself in each step's window; no rows where it said nothing, and only columns that
/// some row fills.
Table engine_table(const ScenarioResult& result);
/// Where a first token takes its time: before the server, in its front end, in the queue, in prefill.
/// What requests beside the load felt, one row a step.
Table bystander_table(const ScenarioResult& result);
/// Of servers that do a part of each request, each role's own figures, one row a step and role.
Table role_table(const ScenarioResult& result);
/// Of a target with several pages or data parallel ranks, each one's own, one row a step and pod or rank.
Table pod_table(const ScenarioResult& result);
Table first_token_table(const ScenarioResult& result);
/// What the host said of its GPUs, as engine_table.
Table gpu_table(const ScenarioResult& result);
/// The results side by side; no rows where there is only one.
Table overview_table(const Report& report);
/// What became of the requests, and of the connections that were opened in the window.
Table requests_table(const ScenarioResult& result);
/// The generator's own cost and error.
Table generator_table(const ScenarioResult& result);
/// The rows that came after the ramp, like load_table; none where there are none.
Table after_table(const ScenarioResult& result);
/// Shares of every step by prompt class or by replica; no rows where there is only one.
Table share_table(const ScenarioResult& result, std::vector<Share> Step::*which, const std::string& title);

}  // namespace kneepoint::coordinator
