#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/clock.h"
#include "coordinator/cli/probe_hosts.h"
#include "coordinator/init/quick_plan.h"
#include "coordinator/report/ending.h"

namespace kneepoint::coordinator {

/// `kneepoint quick`
struct QuickOptions {
  HostsToProbe hosts;
  std::string loads;  ///< As "1,8,32"; empty: those of QuickShape.
  QuickShape shape;
  std::optional<Nanos> length;      ///< Of all steps; absent: a minute, of a search five.
  Detail detail = Detail::kAnswer;  ///< Of what is printed at the end.
};

/// Asks the hosts, writes a plan, measures briefly and says what it saw. @returns kDone where it measured,
/// kBadInput where nothing was loaded, kNoVerdict where the host stopped answering or no step is valid, else
/// what the run ended with.
int quick_command(const QuickOptions& options);

}  // namespace kneepoint::coordinator
