#include "coordinator/init/starting_plan.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/printable.h"
#include "coordinator/init/plan_text.h"
#include "coordinator/init/replicas.h"

namespace kneepoint::coordinator {
namespace {

constexpr std::uint64_t kInputTokens = 512, kOutputTokens = 256;

std::string_view usage_text(const HostFacts& facts) {
  if (!facts.writes_text)
    return "it gives embeddings: requests a second are its throughput, e2e is its latency";
  if (!facts.streams) return "it answers whole: when its first token comes cannot be measured";
  switch (facts.usage) {
    case UsageReport::kRunning:
      return "it counts tokens while it streams: figures are exact";
    case UsageReport::kAtEnd:
      return "it counts tokens at the end of an answer: those of running ones are estimated";
    case UsageReport::kNone:
      break;
  }
  return "it does not count tokens: content chunks are counted instead";
}

std::string metrics_text(const HostFacts& facts) {
  if (facts.engine) return "/metrics are those of " + engine_words(facts);
  return facts.has_metrics ? "/metrics are of no engine that is known" : "there are no /metrics";
}

std::string health_text(const HostFacts& facts) {
  if (!facts.healthy) return "/health is not there, or was not asked";
  return *facts.healthy ? "/health says ready" : "/health says NOT READY";
}

/// Limits that suit a chat, or a search that waits for a vector.
std::string slo_lines(const HostFacts& facts, std::uint64_t output) {
  if (!facts.writes_text) {
    return fmt::format("      e2e: {{p95: {}}}     # 95 % of the vectors are there within this time\n",
                       kEmbeddingTime);
  }
  if (!facts.streams) {
    return fmt::format("      e2e: {{p95: {}s}}       # 95 % of the answers are there within this time\n",
                       whole_answer_seconds(1, output));
  }
  return R"(      ttft: {p95: 1s}       # 95 % of the users see something within a second …
      tpot: {p95: 50ms}     # … and then at least 20 tokens a second, faster than they read
)";
}

std::string models_text(const HostFacts& facts) {
  std::string text;
  for (const HostFacts::Model& model : facts.models) {
    text += fmt::format(
        "#   model {}{}\n", printable(model.id),
        model.max_length ? fmt::format(", at most {} tokens of prompt and answer", *model.max_length) : "");
  }
  return text;
}

}  // namespace

Result<std::string> starting_plan(const std::vector<HostFacts>& hosts, const std::string& name) {
  if (const auto alike = check_replicas(hosts); !alike) return alike.error();
  const HostFacts& facts = hosts.front();
  std::vector<std::string> urls;
  for (const HostFacts& host : hosts) urls.push_back(fmt::format("\"{}\"", host.url));
  const std::uint64_t room = smallest_context(hosts).value_or(1 << 20);
  const std::uint64_t input = std::clamp<std::uint64_t>(room / 2, 1, kInputTokens);
  const std::uint64_t output = std::clamp<std::uint64_t>(room / 4, 1, kOutputTokens);
  return fmt::format(
      R"(# yaml-language-server: $schema=plan.schema.json
# Where does {url} saturate? Written by `kneepoint init`, which asked the host:
{models}#   it speaks {dialect}; {health}; {metrics}
#   {usage}
#
#   kneepoint validate {file}    the plan as understood, and how long it takes
#   kneepoint run {file}         a local agent is started by itself
#   kneepoint run {file} --set longest=5m    sooner, and less sure
#
# Every key is in docs/plan.md. `kneepoint schema plan > plan.schema.json` beside this file lets editors check and
# complete it.
kneepoint: 1
name: {name}
targets:
  - name: host
    urls: [{urls}]       # add further replicas of the same model here
{api}    model: {model}
{auth}scenarios:
  - name: {scenario}
    workload:
      # Texts made to a length, no two alike, so that no prefix cache helps. Put the lengths of your own traffic
      # here, or your own prompts (prompts: [...], dataset: {{...}}).
      synthetic: {{input_tokens: {input}}}
{answer}    ramp:
      # Doubles the requests in flight until throughput stops to follow, then narrows down. Instead, with fixed
      # steps: {{steps: [1, 2, 4, 8, 16, 32, 64], warmup: 10s, hold: 60s}}
      search: {{max: 1024}}
      max_duration: ${{longest:-30m}}     # it ends early rather than take longer
    slo:
{slo})",
      fmt::arg("url", facts.url), fmt::arg("urls", fmt::join(urls, ", ")),
      fmt::arg("models", models_text(facts)), fmt::arg("health", health_text(facts)),
      fmt::arg("metrics", metrics_text(facts)), fmt::arg("usage", usage_text(facts)),
      fmt::arg("name", yaml_name(name)), fmt::arg("file", shell_word(name + ".yaml")),
      fmt::arg("api", api_text(facts)), fmt::arg("model", yaml_quoted(facts.models.front().id)),
      fmt::arg("slo", slo_lines(facts, output)), fmt::arg("auth", auth_text(facts.auth)),
      fmt::arg("input", input),
      fmt::arg("answer",
               answer_text(facts, output,
                           "   # varied, as users' answers are: equal ones end and begin together")),
      fmt::arg("scenario", facts.writes_text ? "chat" : "texts"), fmt::arg("dialect", dialect_words(facts)));
}

}  // namespace kneepoint::coordinator
