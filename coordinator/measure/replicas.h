#pragma once

#include <string>
#include <utility>
#include <vector>

#include "common/plan.h"
#include "coordinator/measure/window_cut.h"
#include "coordinator/results/model.h"
#include "coordinator/timeline/timeline.h"

/// Which replicas answered a row's requests.
namespace kneepoint::coordinator {

/// "host:port" of a base URL, as replicas are named; the URL itself where it does not parse.
std::string replica_name(const std::string& url);

using NamedStats = std::pair<std::string, const SeriesStats*>;

/// The replicas that rows are for: those that responses named, by name, else the URLs; none where there is
/// only one.
std::vector<NamedStats> replicas_of(const Timeline& timeline, const Target& target, WindowCut& cut);

/// Behind one address a kept connection may never leave the replica that it was opened to: who gets how much
/// is then decided by chance when connections are opened, and stays so.
void check_pinning(Step& step, const WindowCut& cut);

}  // namespace kneepoint::coordinator
