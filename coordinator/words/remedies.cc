#include "coordinator/words/remedies.h"

#include <algorithm>
#include <array>

namespace kneepoint::coordinator {
namespace {

constexpr std::array kRemedies = {
    Remedy{"agent_lost", "An agent was lost: its step was run again by the others, or the run ended",
           "look into the agent's log and the memory of its host"},
    Remedy{"answers_shrink", "Answers get shorter, or end early, as the load grows",
           "ask the host beside the load (curl), and look at what it answers"},
    Remedy{"buffered", "Something before the host holds answers back: TTFT and TPOT are not the host's",
           "switch response buffering off in the gateway, or aim at the host itself"},
    Remedy{"cached_answers", "Answers come out of a cache, not out of the model",
           "let the prompts differ ('synthetic', or a dataset), or switch the cache off"},
    Remedy{"catching_up", "The row shows what the step before left, not its own load",
           "give falling rates a longer warmup, or order the rates upwards"},
    Remedy{"client_bound", "The load generator itself was the limit",
           "give the agents more threads, cores or hosts"},
    Remedy{"clocks", "The agents' clocks are too far apart for windows of whole seconds",
           "run NTP or PTP on the agents' hosts, or use fewer hosts"},
    Remedy{"contradicted", "The saturation point, measured again, was another one",
           "find out what changes on the host, or run it longer"},
    Remedy{"count_unconfirmed", "Nothing confirms how many tokens there were",
           "ask for a fixed output_tokens with ignore_eos, or let the engine's metrics be read"},
    Remedy{"draft_acceptance", "Speculative decoding helps less as the load grows",
           "measure with prompts like those of your users, and compare with a run without drafts"},
    Remedy{"drift", "The same load, repeated, gave another throughput",
           "see what else the host did meanwhile"},
    Remedy{"early_first", "Nothing follows the first chunk for long: TTFT may not be that of a token",
           "see what comes first (curl -N): a gateway that keeps connections alive with content, or a server "
           "that hands requests on after the first token"},
    Remedy{"echo", "More content chunks came than tokens: TTFT may not be that of a token",
           "see what comes first (curl -N): a prompt that is sent back, or a gateway's own content"},
    Remedy{"flushed", "Something before the host passes chunks on in bundles",
           "switch response buffering off in the gateway"},
    Remedy{"guard_rail", "A guard rail of the plan stopped the run",
           "see what passed the limit; raise it only if the host may be loaded further"},
    Remedy{"hanging", "Connections beyond a limit get no answer",
           "look for a limit on connections in the host or before it"},
    Remedy{"hysteresis", "On the way back down the host gave less than on the way up",
           "keep the load below saturation: the host does not recover by itself at once"},
    Remedy{"imprecise", "A search ended with an interval wider than it promises",
           "run it when the host has no other load, or with a longer 'hold' or 'max_duration'"},
    Remedy{"in_step", "Streams run in step: answers of one length end and begin together",
           "let the lengths of the answers vary, as users' do"},
    Remedy{"incomplete", "Seconds of an agent are missing, so figures are too low",
           "look at the network between the agents and the coordinator, then run again"},
    Remedy{"interrupted", "The run or a step was cut short", "run again and let it end"},
    Remedy{"invalid_bins", "Some bins of a soak are not valid", "see the reasons of these rows"},
    Remedy{"invalid_row", "A row is not valid", "see the reasons of the row"},
    Remedy{"light_load_slow", "Light load was slower for each request than more load was",
           "the host warmed up during the ramp, saves power, or waits to fill batches: warm up longer, and "
           "measure the light load again"},
    Remedy{"littles_law", "Concurrency, throughput and time in the system contradict each other",
           "hold the step longer; if it stays, see whether a proxy answers in the host's place"},
    Remedy{"low_occupancy", "Fewer requests were in flight than were asked for",
           "see why requests fail, or give the agents more cores"},
    Remedy{"measured_once", "What is claimed was measured and not measured again",
           "leave out 'confirm: false', or give a search more 'max_duration'"},
    Remedy{"moved", "The host did not stay as it was",
           "see how it moved, and let it settle under load first"},
    Remedy{"no_data", "No request completed in the window",
           "hold longer than a request takes, and see why requests fail"},
    Remedy{"no_valid_step", "No row is valid: there is nothing to decide from",
           "mend what the rows' reasons name, and run again"},
    Remedy{"not_measured", "A scenario of the plan has no row", "run again and let it end"},
    Remedy{"not_saturated", "The scan ended before throughput stopped growing",
           "go on to a higher load to find the saturation point"},
    Remedy{"nothing_stands", "Every row was refuted by what was measured later",
           "let the host settle under load first, and measure again"},
    Remedy{"other_models", "Answers come from another model as the load grows",
           "switch the fallback of the gateway off, or aim at the host itself"},
    Remedy{"other_tenants", "The host serves others as well",
           "measure again without them, or read the figures as what they leave"},
    Remedy{"page_frozen", "The host's page stands still while tokens flow",
           "read the server's own /metrics and not a copy of it"},
    Remedy{"page_partial", "The host's page shows a part of the load",
           "name the /metrics of every server behind the address under the target's telemetry"},
    Remedy{"page_rotating", "The host's page is of one server after the other",
           "name the /metrics of every server behind the address under the target's telemetry"},
    Remedy{"page_stale", "The host's page shows what was a while ago",
           "read the server's own /metrics and not a copy of it"},
    Remedy{"page_unlike", "The host's page holds more requests than are in flight",
           "read the server's own /metrics and not a copy of it, and measure without other users"},
    Remedy{"pod_skew", "Pods behind one address, or ranks of one server, get unequal parts of the load",
           "see how connections and requests are dealt out (connection: per_request gives each request a new "
           "one; ranks are dealt requests by their server)"},
    Remedy{"prefix_cache", "Many prompt tokens came out of the server's prefix cache",
           "use more prompts, or ones that share no beginning; to measure a warm cache, warm it up first"},
    Remedy{"proof_fails", "Measured again with another number of agents, the answer was another",
           "see first whether the host is steady; if it is, give the agents more cores, and run again"},
    Remedy{
        "reconnects", "Requests found their connection closed, and were sent again",
        "see which limit on connections or idle time the host or a gateway has, and why it drops requests"},
    Remedy{"restarted", "The host was gone for a while, or another process answered from some moment on",
           "run again on a host that stays up"},
    Remedy{"resumed", "The coordinator was gone for a while, and another one went on", ""},
    Remedy{"short_windows", "Windows are short against the time that a request takes",
           "hold the steps longer"},
    Remedy{"sick_replica", "One replica does worse than the others",
           "take it out, or look after it, and measure again"},
    Remedy{"slow_pod", "One pod behind the address, or one rank, is slower than the others",
           "take it out, or look after it, and measure again"},
    Remedy{"soak_moved", "Throughput or latency moved over the soak", "see what grows or wears on the host"},
    Remedy{"soak_undecided", "The soak was too short or too broken for a trend", "soak longer"},
    Remedy{"survey", "The load moved all the time: no figure is of a steady state",
           "confirm it with a stepped ramp or a search"},
    Remedy{"target_down", "The host, or one of its replicas, stopped answering",
           "see why it went, start it again, and run again"},
    Remedy{"token_counts_differ", "The engine and the answers count another number of tokens",
           "rely on neither before it is known which is right"},
    Remedy{"ttft_differs", "Content came before the engine had made a token: TTFT is not the host's",
           "see what comes first (curl -N): a gateway that keeps connections alive with content, or an echo"},
    Remedy{"unanswered", "Requests got no answer until the end",
           "see what the host does with them, or allow a longer request timeout"},
    Remedy{"undecided", "No load is surely below saturation, and none surely past it",
           "hold the steps longer, and see whether the host moved"},
    Remedy{"unknown", "A report of an older version, which names no codes", ""},
    Remedy{"unsteady", "No steady state was reached inside the window", "give the steps a longer warmup"},
    Remedy{"user_stopped", "A user stopped the run on the live page", "run it again"},
    Remedy{"witnesses_differ", "Two counts of the same tokens differ",
           "ask for a fixed output_tokens with ignore_eos, or let the engine's metrics be read: they show "
           "which is right"},
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
