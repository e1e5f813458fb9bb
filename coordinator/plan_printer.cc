#include "coordinator/plan_printer.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

#include "coordinator/plan/duration.h"
#include "coordinator/plan/workload_printer.h"

namespace kneepoint::coordinator {
namespace {

using namespace std::chrono_literals;

// The shortest window in which batch means are worth having, and the fewest requests behind a p95.
constexpr Nanos kShortWindow = 20s;
constexpr std::uint32_t kRequestsForP95 = 130;

std::string describe_search(const Ramp& ramp) {
  const Search& search = *ramp.search;
  std::string text = fmt::format("search for saturation, up to {} requests in flight, to within {:g} %",
                                 search.max, search.precision * 100);
  text += fmt::format("\n{:15}each step: at least {} warm-up, then ", "", format_duration(ramp.warmup));
  text += ramp.hold ? fmt::format("{} measured", format_duration(*ramp.hold))
                    : "as long as its figures need (20s to 5m)";
  if (search.max_duration)
    text += fmt::format("\n{:15}at most {} in all", "", format_duration(*search.max_duration));
  return text;
}

/// What follows the ramp, a line each.
std::string describe_afterwards(const Ramp& ramp) {
  std::string text;
  const auto line = [&](const std::string& words) { text += fmt::format("\n{:15}{}", "", words); };
  if (!ramp.proof.empty()) {
    const bool one = ramp.proof.back() == 1;
    line(fmt::format("then a proof: the knee again with {} agent{}", fmt::join(ramp.proof, ", then "),
                     one ? "" : "s"));
  }
  if (ramp.descend) line("then back down from the top, for hysteresis and recovery");
  return text;
}

std::string describe_steps(const Ramp& ramp) {
  if (ramp.search) return describe_search(ramp);
  if (ramp.soak) {
    return fmt::format("soak: {} requests in flight for {}, measured in bins of {}\n{:15}{} warm-up",
                       ramp.steps.front(), format_duration(*ramp.hold), format_duration(soak_bin(*ramp.hold)),
                       "", format_duration(ramp.warmup));
  }
  std::string text = fmt::format("{}: {}", plural(ramp.steps.size(), "step"), fmt::join(ramp.steps, " "));
  text += fmt::format("\n{:15}each step: ", "");
  if (ramp.warmup > 0s) text += fmt::format("{} warm-up, then ", format_duration(ramp.warmup));
  return text + (ramp.requests ? fmt::format("{}", plural(*ramp.requests, "request"))
                               : fmt::format("{} measured", format_duration(ramp.hold.value_or(0s))));
}

std::string describe_ramp(const Ramp& ramp) {
  return describe_steps(ramp) + describe_afterwards(ramp);
}

std::string describe_slo(const std::vector<SloLimit>& slo) {
  std::vector<std::string> limits;
  for (const SloLimit& limit : slo) {
    limits.push_back(fmt::format("{} p{:g} <= {}", to_string(limit.metric), limit.quantile * 100,
                                 format_duration(limit.limit)));
  }
  return limits.empty() ? "none" : fmt::format("{}", fmt::join(limits, ", "));
}

std::string describe_time(const Ramp& ramp) {
  if (ramp.search) {
    std::string time = ramp.search->max_duration
                           ? fmt::format("at most {}", format_duration(*ramp.search->max_duration))
                           : "as long as the search takes, often 10 to 30 minutes";
    return ramp.descend || !ramp.proof.empty() ? time + ", and the steps after it" : time;
  }
  const auto time = planned_time(ramp);
  if (time) return format_duration(*time);
  return fmt::format("as long as {} take",
                     plural(std::size_t{ramp.requests.value_or(0)} * ramp.steps.size(), "request"));
}

std::string describe_auth(const SecretRef& auth) {
  switch (auth.source) {
    case SecretRef::Source::kNone:
      return "none";
    case SecretRef::Source::kEnvironment:
      return fmt::format("bearer token from environment variable {}", auth.name);
    case SecretRef::Source::kFile:
      return fmt::format("bearer token from file {}", auth.name);
  }
  return "";
}

std::string describe_tls(const TlsOptions& tls) {
  std::string text = tls.verify ? "verified against " : "NOT VERIFIED";
  if (tls.verify) text += tls.ca_file.empty() ? "the system's roots" : tls.ca_file;
  if (!tls.client_cert.empty()) text += fmt::format(", client certificate {}", tls.client_cert);
  if (!tls.server_name.empty()) text += fmt::format(", server name {}", tls.server_name);
  return text;
}

bool uses_https(const Target& target) {
  return std::any_of(target.urls.begin(), target.urls.end(),
                     [](const std::string& url) { return url.starts_with("https:"); });
}

std::string describe_dialect(const DialectDescription& dialect) {
  const bool lines = dialect.framing == DialectDescription::Framing::kJsonLines;
  return fmt::format("POST {}, streamed as {}", dialect.path, lines ? "JSON lines" : "server-sent events");
}

std::string describe_replica(const Target& target) {
  std::vector<std::string> facts;
  if (target.gpus) facts.push_back(plural(*target.gpus, "GPU"));
  if (target.cost_per_hour) facts.push_back(fmt::format("costs {:g} an hour", *target.cost_per_hour));
  return fmt::format("{}", fmt::join(facts, ", "));
}

std::string describe_target(const Target& target) {
  std::string text = fmt::format("  {}: {}, {}\n", target.name, to_string(target.api),
                                 target.model.empty() ? "the host's model" : "model " + target.model);
  for (const std::string& url : target.urls) text += fmt::format("    {}\n", url);
  if (target.dialect) text += fmt::format("    dialect   {}\n", describe_dialect(*target.dialect));
  text += fmt::format("    auth      {}\n", describe_auth(target.auth));
  if (uses_https(target)) text += fmt::format("    tls       {}\n", describe_tls(target.tls));
  // Values may be nobody's business; names say enough.
  std::vector<std::string> names;
  for (const auto& [name, value] : target.headers) names.push_back(name);
  if (!names.empty()) text += fmt::format("    headers   {}\n", fmt::join(names, ", "));
  if (target.gpus || target.cost_per_hour)
    text += fmt::format("    replica   {}\n", describe_replica(target));
  return text + fmt::format("    timeouts  connect {}, request {}, silence in a stream {}\n",
                            format_duration(target.connect_timeout), format_duration(target.request_timeout),
                            format_duration(target.idle_timeout));
}

bool is_loopback(std::string_view url) {
  const std::string_view host = url.substr(std::min(url.size(), url.find("://") + 3));
  return host.starts_with("127.") || host.starts_with("localhost") || host.starts_with("[::1]");
}

void warn_about_target(const Target& target, const Plan& plan, std::vector<std::string>& warnings) {
  const std::vector<Cell> cells = cells_of(plan);
  const auto used = [&](const Cell& cell) { return plan.targets[cell.target].name == target.name; };
  if (std::none_of(cells.begin(), cells.end(), used)) {
    warnings.push_back(fmt::format("target {}: no scenario runs on it.", target.name));
  }
  const bool open_http = std::any_of(target.urls.begin(), target.urls.end(), [](const std::string& url) {
    return url.starts_with("http:") && !is_loopback(url);
  });
  if (open_http && target.auth.source != SecretRef::Source::kNone) {
    warnings.push_back(
        fmt::format("target {}: the token travels unencrypted over http; use https.", target.name));
  }
  if (uses_https(target) && !target.tls.verify) {
    warnings.push_back(
        fmt::format("target {}: the host's certificate is not verified; give tls.ca instead of "
                    "verify: false.",
                    target.name));
  }
  if (!uses_https(target) && target.tls != TlsOptions{}) {
    warnings.push_back(
        fmt::format("target {}: its tls settings have no effect, no URL is https.", target.name));
  }
}

void warn_about_ramp(const Scenario& scenario, const Plan& plan, std::vector<std::string>& warnings) {
  const Ramp& ramp = scenario.ramp;
  if (ramp.hold && *ramp.hold < kShortWindow) {
    warnings.push_back(
        fmt::format("{}: a hold of {} is short. Below {}, or ten answers' time, intervals are wide and "
                    "rows may be flagged SHORT_WINDOW.",
                    scenario.name, format_duration(*ramp.hold), format_duration(kShortWindow)));
  }
  if (ramp.hold && ramp.warmup == 0s) {
    warnings.push_back(fmt::format(
        "{}: without a warm-up each window holds the transition from the step before.", scenario.name));
  }
  if (ramp.search) return;  // it starts with a request for each replica
  const std::uint32_t most = highest_step(ramp);
  const auto fewest = *std::min_element(ramp.steps.begin(), ramp.steps.end());
  if (ramp.requests && *ramp.requests < most) {
    warnings.push_back(fmt::format("{}: {} cannot keep {} in flight; raise requests.", scenario.name,
                                   plural(*ramp.requests, "request"), most));
  }
  if (ramp.requests && *ramp.requests < kRequestsForP95 && !scenario.slo.empty()) {
    warnings.push_back(fmt::format("{}: {} a step are too few to judge a limit; p95 needs {}.", scenario.name,
                                   plural(*ramp.requests, "request"), kRequestsForP95));
  }
  for (const Target& target : plan.targets) {
    const bool chosen =
        scenario.targets.empty() ||
        std::find(scenario.targets.begin(), scenario.targets.end(), target.name) != scenario.targets.end();
    if (!chosen || fewest >= target.urls.size()) continue;
    warnings.push_back(fmt::format("{}: a step of {} leaves some of the {} replicas of {} idle.",
                                   scenario.name, fewest, target.urls.size(), target.name));
  }
}

}  // namespace

std::optional<Nanos> planned_time(const Ramp& ramp) {
  if (ramp.search) return ramp.search->max_duration;
  if (!ramp.hold) return std::nullopt;
  std::size_t steps = ramp.steps.size() + ramp.proof.size();
  if (ramp.descend) steps += std::set<std::uint32_t>(ramp.steps.begin(), ramp.steps.end()).size();
  return (ramp.warmup + *ramp.hold) * static_cast<Nanos::rep>(steps);
}

std::vector<std::string> plan_warnings(const Plan& plan) {
  std::vector<std::string> warnings;
  for (const Target& target : plan.targets) warn_about_target(target, plan, warnings);
  for (const Scenario& scenario : plan.scenarios) {
    warn_about_workload(scenario, plan, warnings);
    warn_about_ramp(scenario, plan, warnings);
  }
  return warnings;
}

std::string describe_plan(const Plan& plan) {
  std::string text = fmt::format("Plan {} (seed {})\n\nTargets\n", plan.name, plan.seed);
  for (const Target& target : plan.targets) text += describe_target(target);

  const std::vector<Cell> cells = cells_of(plan);
  std::size_t steps = 0, counted_requests = 0, searches = 0;
  bool open_ended = false;
  bool after_search = false;
  Nanos time{0};
  text += "\nRuns, in this order\n";
  for (const Cell& cell : cells) {
    const Scenario& scenario = plan.scenarios[cell.scenario];
    const Ramp& ramp = scenario.ramp;
    text += fmt::format("  {}. {} on {}\n", cell.id + 1, scenario.name, plan.targets[cell.target].name);
    text += fmt::format("     workload  {}\n", describe_workload(cell.workload, plan));
    text += fmt::format("     ramp      {}\n", describe_ramp(ramp));
    text += fmt::format("     slo       {}\n", describe_slo(cell.slo));
    text += fmt::format("     time      {}\n", describe_time(ramp));
    steps += ramp.steps.size();
    time += planned_time(ramp).value_or(0s);
    counted_requests += ramp.requests.value_or(0) * ramp.steps.size();
    if (ramp.search) ++searches;
    open_ended = open_ended || (ramp.search && !ramp.search->max_duration);
    after_search = after_search || (ramp.search && (ramp.descend || !ramp.proof.empty()));
  }
  // Between steps the added slots start spread out, and a cell ends when its last answers have arrived.
  const Nanos likely = time + 1s * static_cast<Nanos::rep>(steps);
  std::vector<std::string> all;
  if (steps > 0 || searches == 0) all.push_back(plural(steps, "step"));
  if (searches > 0) all.push_back(searches == 1 ? "a search" : fmt::format("{} searches", searches));
  text += fmt::format("\nIn all {}, about {}", fmt::join(all, " and "),
                      format_duration(std::chrono::ceil<std::chrono::seconds>(likely)));
  if (open_ended) text += " and as long as an unbounded search takes";
  if (after_search) text += " and the steps after a search";
  if (counted_requests > 0)
    text += fmt::format(" and the time of {} more", plural(counted_requests, "request"));
  text += ".\n";

  const std::vector<std::string> warnings = plan_warnings(plan);
  if (warnings.empty()) return text;
  text += "\nWarnings\n";
  for (const std::string& warning : warnings) text += fmt::format("  - {}\n", warning);
  return text;
}

}  // namespace kneepoint::coordinator
