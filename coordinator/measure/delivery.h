#pragma once

#include <optional>
#include <vector>

#include "common/second_stats.h"
#include "coordinator/measure/window_cut.h"
#include "coordinator/results/model.h"

/// What lies between the host and us: gateways that keep answers back, and hosts that leave requests hanging.
namespace kneepoint::coordinator {

/// How the answers of a window came. Its rules, and what must not be taken for a buffer: docs/method.md.
Delivery delivery_of(const SeriesStats& window);

/// Whether so many answers came in one piece that first-token times and times per token are those of whatever
/// kept them back.
bool buffered(const SeriesStats& window);

/// First chunks that nothing follows for long, where surely over a third of the long answers begin so.
std::optional<EarlyFirst> early_first(const SeriesStats& window);

/// Requests that were in flight without any answer throughout the window, on average: ∫waiting beyond what
/// the first tokens of the window account for (Little's law of those that wait for one). Absent where first
/// tokens take so long that a queue cannot be told from it. Only of closed loops at a steady level.
std::optional<double> hanging(const SeriesStats& window, double seconds);

/// Slots that are nowhere, neither in flight nor backing off nor thinking, throughout the window and beyond
/// what connecting and late starts of ours took: those that wait for a connection. Of closed loops. @param
/// bin_seconds of each of `cut.seconds`.
std::optional<double> unconnected(const WindowCut& cut, std::uint32_t slots, double bin_seconds);

/// What flushes a third of a result's rows flushes the others, too: rows with too few flushes to show it lose
/// their TPOT as well (TPOT_UNKNOWN), where it is blurred in the rows that do.
void settle_flushes(std::vector<Step>& steps, std::vector<Step>& after);

/// Takes what is not the host's from a row: TTFT, TTFO, TPOT and ICL are absent, limits on them undecided.
void void_stream_times(Step& step);
/// The same for TPOT alone.
void void_tpot(Step& step);

}  // namespace kneepoint::coordinator
