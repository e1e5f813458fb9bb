#include "coordinator/init/preflight.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <future>
#include <set>
#include <utility>

#include "common/printable.h"
#include "common/secrets.h"
#include "coordinator/calibration/usage_probe.h"
#include "coordinator/init/host_words.h"
#include "coordinator/telemetry/host_pages.h"
#include "coordinator/telemetry/prometheus_text.h"
#include "coordinator/telemetry/target_client.h"

namespace kneepoint::coordinator {
namespace {

using namespace std::chrono_literals;

constexpr Nanos kPreflightLimit = 10s;

/// A length that will be asked for. What has no real end (a lognormal's tail) is cut by the host's, if it is
/// ever drawn.
double surely(const Distribution& length) {
  const bool ends = length.kind == Distribution::Kind::kFixed || length.kind == Distribution::Kind::kUniform;
  return ends ? length.largest() : length.mean;
}

/// Only of a host whose own page is the one that will be read.
std::string metrics_remark(const Target& target, TargetClient& client) {
  if (target.telemetry.off || !target.telemetry.urls.empty() || !target.telemetry.pods.empty()) return "";
  const auto page = client.get("/metrics");
  const bool found = page && page->status == 200 &&
                     !parse_exposition(page->body, [](std::string_view) { return true; }).samples.empty();
  return found ? "/metrics found" : "no /metrics, so that what gives out cannot be named";
}

/// What the classes of its workloads ask of a target, beside its own model.
std::set<std::string> models_of_classes(const Plan& plan, std::uint32_t target) {
  std::set<std::string> models;
  for (const Cell& cell : cells_of(plan)) {
    if (cell.target != target) continue;
    for (const PromptClass& each : cell.workload.classes) {
      if (!each.model.empty()) models.insert(each.model);
    }
  }
  return models;
}

HostCheck ask(const Target& target, const std::string& url, const std::string& run_id,
              const std::stop_token& stop, std::optional<std::uint64_t> longest,
              const std::set<std::string>& more_models) {
  const auto secret = resolve_secret(target.auth);
  if (!secret) return {.url = url, .fault = secret.error().message};
  Target alone = target;
  alone.urls = {url};
  TargetClient client(
      alone, *secret,
      {.stop = stop, .limit = std::max(kPreflightLimit, target.connect_timeout), .run_id = run_id});
  const std::string path = models_path(target);
  const auto reply = client.get(path);
  if (!reply) return {.url = url, .fault = unreachable(url, reply.error().message)};
  HostCheck check{.url = url, .fault = not_well(path, *reply)};
  if (check.fault.empty() && speaks_openai(target)) check.fault = redirected(path, *reply);
  if (check.fault.empty() && speaks_openai(target)) check.fault = judge_models(target, *reply, longest);
  for (const std::string& model : more_models) {
    alone.model = model;
    if (check.fault.empty() && speaks_openai(target)) check.fault = judge_models(alone, *reply, std::nullopt);
  }
  if (check.fault.empty() && wants_health(*reply)) {
    const auto health = client.get("/health");
    check.fault = health ? not_well("/health", *health) : unreachable(url, health.error().message);
  }
  if (!check.fault.empty()) return check;
  const std::string clock = clock_remark(reply->date, SystemClock().real_now());
  check.remarks = metrics_remark(target, client);
  if (!clock.empty()) check.remarks += (check.remarks.empty() ? "" : "; ") + clock;
  return check;
}

}  // namespace

std::string judge_models(const Target& target, const HttpReply& reply, std::optional<std::uint64_t> longest) {
  if (reply.status == 401 || reply.status == 403) {
    return target.auth.source == SecretRef::Source::kNone
               ? fmt::format("it asks for a key ({}); name it in the plan, as auth: {{env: NAME}}",
                             own_words(reply))
               : fmt::format("it does not take the key ({}); check what auth names", own_words(reply));
  }
  simdjson::dom::parser parser;
  simdjson::dom::array entries;
  // A host without a list may serve the model all the same.
  if (reply.status != 200 || parser.parse(reply.body)["data"].get(entries)) return "";
  std::vector<std::string> others;
  for (const simdjson::dom::element entry : entries) {
    std::string_view id, owner;
    if (entry["id"].get(id)) continue;
    // llama.cpp serves the one model that it has, whatever the request calls it.
    if (!entry["owned_by"].get(owner) && owner == "llamacpp") return "";
    if (id != target.model) {
      others.emplace_back(id);
      continue;
    }
    std::uint64_t length = 0;
    if (longest && !entry["max_model_len"].get(length) && length > 0 && length < *longest) {
      return fmt::format(
          "its context of {} tokens is too short for {} of prompt and answer; ask for less, or start "
          "it with a longer one",
          length, *longest);
    }
    return "";
  }
  if (others.empty()) return "";
  for (std::string& name : others) name = fmt::format("'{}'", printable(name));
  return fmt::format("it does not serve '{}' but {}; correct model in the plan", printable(target.model),
                     fmt::join(others, ", "));
}

std::optional<std::uint64_t> longest_request(const Plan& plan, std::uint32_t target) {
  std::optional<std::uint64_t> longest;
  for (const Cell& cell : cells_of(plan)) {
    const Workload& work = cell.workload;
    if (cell.target != target || !work.synthetic || work.conversation || !work.output_tokens) continue;
    const double tokens = surely(work.synthetic->input_tokens) + surely(*work.output_tokens);
    longest = std::max(longest.value_or(0), static_cast<std::uint64_t>(tokens));
  }
  return longest;
}

std::vector<HostCheck> preflight(const Plan& plan, const std::string& run_id, const std::stop_token& stop) {
  std::vector<std::future<HostCheck>> asked;
  for (std::uint32_t i = 0; i < plan.targets.size(); ++i) {
    const Target& target = plan.targets[i];
    if (target.wait_ready) continue;
    for (const std::string& url : target.urls) {
      asked.push_back(std::async(
          std::launch::async,
          [&target, &url, &run_id, &stop, longest = longest_request(plan, i),
           models = models_of_classes(plan, i)] { return ask(target, url, run_id, stop, longest, models); }));
    }
  }
  std::vector<HostCheck> checks;
  for (auto& answer : asked) checks.push_back(answer.get());
  return checks;
}

}  // namespace kneepoint::coordinator
