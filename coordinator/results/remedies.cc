#include "coordinator/results/remedies.h"

#include <algorithm>
#include <array>

namespace kneepoint::coordinator {
namespace {

constexpr std::array kRemedies = {
    Remedy{"agent_lost", "An agent was lost, so the load was not what was asked",
           "look into the agent's log and the memory of its host, then run again"},
    Remedy{"catching_up", "The row shows what the step before left, not its own load",
           "give falling rates a longer warmup, or order the rates upwards"},
    Remedy{"client_bound", "The load generator itself was the limit",
           "give the agents more threads, cores or hosts"},
    Remedy{"clocks", "The agents' clocks are too far apart for windows of whole seconds",
           "run NTP or PTP on the agents' hosts, or use fewer hosts"},
    Remedy{"drift", "The same load, repeated, gave another throughput",
           "see what else the host did meanwhile"},
    Remedy{"guard_rail", "A guard rail of the plan stopped the run",
           "see what passed the limit; raise it only if the host may be loaded further"},
    Remedy{"hysteresis", "On the way back down the host gave less than on the way up",
           "keep the load below saturation: the host does not recover by itself at once"},
    Remedy{"incomplete", "Seconds of an agent are missing, so figures are too low",
           "look at the network between the agents and the coordinator, then run again"},
    Remedy{"interrupted", "The run or a step was cut short", "run again and let it end"},
    Remedy{"invalid_bins", "Some bins of a soak are not valid", ""},
    Remedy{"invalid_row", "A row is not valid", ""},
    Remedy{"littles_law", "Concurrency, throughput and time in the system contradict each other",
           "hold the step longer; if it stays, see whether a proxy answers in the host's place"},
    Remedy{"low_occupancy", "Fewer requests were in flight than were asked for",
           "see why requests fail, or give the agents more cores"},
    Remedy{"no_data", "No request completed in the window",
           "hold longer than a request takes, and see why requests fail"},
    Remedy{"no_valid_step", "No row is valid: there is nothing to decide from", ""},
    Remedy{"not_measured", "A scenario of the plan has no row", "run again and let it end"},
    Remedy{"not_saturated", "The scan ended before throughput stopped growing",
           "go on to a higher concurrency to find the saturation point"},
    Remedy{"proof_fails", "Measured again with another number of agents, the answer was another",
           "give the agents more cores, and run again"},
    Remedy{"restarted", "The host was gone for a while, or another process answered from some moment on",
           "run again on a host that stays up: before and after are not the same host"},
    Remedy{"short_windows", "Windows are short against the time that a request takes",
           "hold the steps longer"},
    Remedy{"soak_moved", "Throughput or latency moved over the soak", "see what grows or wears on the host"},
    Remedy{"soak_undecided", "The soak was too short or too broken for a trend", "soak longer"},
    Remedy{"survey", "The load moved all the time: no figure is of a steady state",
           "confirm it with a stepped ramp or a search"},
    Remedy{"target_down", "The host, or one of its replicas, stopped answering",
           "see why it went, start it again, and run again"},
    Remedy{"unknown", "A report of an older version, which names no codes", ""},
    Remedy{"unsteady", "No steady state was reached inside the window", "give the steps a longer warmup"},
};

}  // namespace

std::span<const Remedy> remedies() {
  return kRemedies;
}

std::string_view remedy_for(std::string_view code) {
  const auto* const found =
      std::find_if(kRemedies.begin(), kRemedies.end(), [&](const Remedy& each) { return each.code == code; });
  return found == kRemedies.end() ? std::string_view() : found->remedy;
}

}  // namespace kneepoint::coordinator
