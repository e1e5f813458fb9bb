#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "common/plan.h"
#include "coordinator/telemetry/host_look_up.h"
#include "coordinator/telemetry/scraper.h"

namespace kneepoint::coordinator {

/// The target of URLs that only guard rails watch. No target's name has a blank.
inline constexpr const char* kGuardedElsewhere = "guarded elsewhere";

/// Every URL that a run of `plan` scrapes: of each target its replicas' own /metrics, or what its `telemetry`
/// names instead and besides (a name of several pods is looked up); and the URLs that guard rails watch,
/// which count for no target. Targets' headers and tokens go to URLs of their own hosts only; a token that
/// this machine does not have is left out.
std::vector<ScrapeEndpoint> scrape_endpoints(const Plan& plan, HostLookUp::Find find = &HostLookUp::find);

/// The targets that this machine's own GPUs serve: those whose `telemetry` says so, or whose URLs are all
/// loopback.
std::vector<std::string> targets_on_this_machine(const Plan& plan);

/// The ports of a target whose server runs on this machine; empty where it does not.
std::set<std::uint16_t> local_ports(const Target& target);

}  // namespace kneepoint::coordinator
