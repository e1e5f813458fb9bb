#include "coordinator/report/llmd_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <optional>
#include <utility>

#include "common/json_quoted.h"
#include "common/printable.h"
#include "coordinator/results/units.h"
#include "coordinator/words/comparison.h"

namespace kneepoint::coordinator {
namespace {

constexpr std::string_view kUnknown = "unknown";  // where the format insists on a text

/// One row, and what it is a row of.
struct Stage {
  const Report& report;
  const ScenarioResult& result;
  const Step& step;
  std::size_t number;
};

/// Without an exponent: YAML 1.1, which their tools read, takes "1e-05" for a text. Nanoseconds are kept.
std::string decimal(double value) {
  std::string text = fmt::format("{:.9f}", value);
  text.erase(std::max(text.find_last_not_of('0'), text.find('.') + 1) + 1);
  return text;
}

std::string yaml_text(std::string_view key, std::string_view text) {
  return fmt::format("{}: {}\n", key, json_quoted(printable(text)));
}

std::string yaml_count(std::string_view key, std::uint64_t count) {
  return fmt::format("{}: {}\n", key, count);
}

/// Nothing where it is absent.
std::string yaml_figure(std::string_view key, const std::optional<double>& value) {
  return value ? fmt::format("{}: {}\n", key, decimal(*value)) : "";
}

std::string indented(std::string_view lines) {
  std::string out;
  while (!lines.empty()) {
    const std::size_t end = lines.find('\n') + 1;
    out.append("  ").append(lines.substr(0, end));
    lines.remove_prefix(end);
  }
  return out;
}

/// `lines` below `key`; nothing where there are none.
std::string yaml_block(std::string_view key, const std::string& lines) {
  return lines.empty() ? "" : fmt::format("{}:\n{}", key, indented(lines));
}

/// `lines` as the only member of a list.
std::string yaml_single(std::string_view key, const std::string& lines) {
  std::string member = indented(lines);
  member.front() = '-';
  return fmt::format("{}:\n{}", key, member);
}

/// A distribution needs a mean.
std::string mean_only(std::string_view key, std::string_view unit, const std::optional<double>& mean) {
  return mean ? yaml_block(key, yaml_text("units", unit) + yaml_figure("mean", mean)) : "";
}

std::string distribution(std::string_view key, std::string_view unit, const LatencySummary& latency) {
  if (!latency.mean) return "";
  std::string lines = yaml_text("units", unit);
  using Figure = std::optional<double> LatencySummary::*;
  for (const auto& [name, figure] :
       std::initializer_list<std::pair<const char*, Figure>>{{"mean", &LatencySummary::mean},
                                                             {"stddev", &LatencySummary::stddev},
                                                             {"min", &LatencySummary::min},
                                                             {"p50", &LatencySummary::p50},
                                                             {"p90", &LatencySummary::p90},
                                                             {"p95", &LatencySummary::p95},
                                                             {"p99", &LatencySummary::p99},
                                                             {"max", &LatencySummary::max}})
    lines += yaml_figure(name, latency.*figure);
  return yaml_block(key, lines);
}

/// Tokens of a prompt, on average.
std::optional<double> prompt_length(const Step& step) {
  const auto requests = step.requests_per_second.value;
  if (!step.prompt_tokens_per_second || requests.value_or(0) <= 0) return std::nullopt;
  return *step.prompt_tokens_per_second / *requests;
}

/// Whether chunks bring one token each: only then are the gaps between them those between tokens.
bool token_by_token(const Step& step) {
  constexpr double kNear = 0.05;
  if (!step.token_count) return false;
  const auto rate_of = [&](std::string_view name) {
    const auto& all = step.token_count->witnesses;
    const auto found = std::find_if(all.begin(), all.end(), [&](const auto& w) { return w.name == name; });
    return found == all.end() ? 0 : found->output_tokens_per_second;
  };
  const double tokens = rate_of("usage"), chunks = rate_of("chunks");
  return chunks > 0 && std::abs(tokens / chunks - 1) <= kNear;
}

std::string run_of(const Stage& stage) {
  const Report& report = stage.report;
  return yaml_text("uid", fmt::format("{}-{}", report.run_id, stage.number)) +
         yaml_text("eid", report.run_id) +
         yaml_block("time",
                    yaml_text("start", format_utc(report.started_at)) +
                        yaml_text("duration", fmt::format("PT{}S", decimal(report.duration_seconds)))) +
         yaml_text("description",
                   fmt::format("{}: {} ({})", report.run_name, words::scenario_on_target(stage.result),
                               to_string(stage.result.verdict.trust())));
}

/// The host, of which no more is known than its name and its model's.
std::string stack_of(const ScenarioResult& result) {
  return yaml_block("metadata", yaml_text("label", result.target) + yaml_text("cfg_id", kUnknown)) +
         yaml_block("standardized", yaml_text("kind", "generic") + yaml_text("tool", kUnknown) +
                                        yaml_text("tool_version", kUnknown) +
                                        yaml_block("model", yaml_text("name", result.model))) +
         "native: {}\n";
}

/// How the texts of prompts come about, as far as a row tells.
std::string_view source_of(const Stage& stage) {
  if (stage.step.prompt_tokens) return "random";  // made to a length
  return stage.result.dataset ? "sampled" : kUnknown;
}

std::string load_of(const Stage& stage) {
  const Step& step = stage.step;
  const auto length = prompt_length(step);
  if (!length) return "";
  std::string standard = yaml_text("tool", "kneepoint") + yaml_text("tool_version", stage.report.version);
  standard +=
      yaml_count("parallelism", std::max<std::uint64_t>(step.agents.value_or(stage.report.agents), 1));
  standard += yaml_text("source", source_of(stage)) + yaml_count("stage", stage.number);
  standard += yaml_block("input_seq_len", yaml_text("distribution", "other") + yaml_figure("value", length));
  if (!step.turns.empty()) standard += "multi_turn:\n  enabled: true\n";
  // A rate of sessions is none of requests, and an open loop's concurrency only a bound.
  if (step.load_kind() == LoadKind::kRate) standard += yaml_figure("rate_qps", step.offered_rate);
  if (!is_rate(step.load_kind()) && step.concurrency > 0)
    standard += yaml_count("concurrency", step.concurrency);
  const WorkloadIdentity& workload = stage.result.workload;
  std::string metadata;
  if (!workload.id.empty()) metadata += yaml_text("cfg_id", workload.id);
  metadata += yaml_text("description", workload.summary);
  const std::string config =
      yaml_text("run", stage.report.run_id) + yaml_text("target", stage.result.target) +
      yaml_text("scenario", stage.result.scenario) + yaml_text("row", row_label(step)) +
      yaml_figure("window_begin_seconds", step.window_begin_seconds) +
      yaml_figure("window_seconds", step.duration_seconds);
  return yaml_block("metadata", metadata) + yaml_block("standardized", standard) +
         yaml_block("native", yaml_block("config", config));
}

/// Of the requests that ended in the window, as the latencies are.
std::string requests_of(const Step& step) {
  const RequestCounts& counts = step.requests;
  const std::uint64_t cancelled = counts.by_outcome[static_cast<std::size_t>(Outcome::kCancelled)];
  return yaml_count("total", counts.completed + counts.failed + cancelled) +
         yaml_count("failures", counts.failed) + yaml_count("incomplete", cancelled) +
         mean_only("input_length", "count", prompt_length(step)) +
         mean_only("output_length", "count", step.answer_tokens_mean);
}

std::string latency_of(const Step& step) {
  return distribution("time_to_first_token", "s", step.ttft_seconds) +
         distribution("time_per_output_token", "s/token", step.tpot_seconds) +
         (token_by_token(step) ? distribution("inter_token_latency", "s/token", step.icl_seconds) : "") +
         distribution("request_latency", "s", step.e2e_seconds);
}

std::string throughput_of(const Step& step) {
  const auto& prompts = step.prompt_tokens_per_second;
  const auto& answers = step.output_tokens_per_second.value;
  const auto both = prompts && answers ? std::optional(*prompts + *answers) : std::nullopt;
  return mean_only("input_token_rate", "tokens/s", prompts) +
         mean_only("output_token_rate", "tokens/s", answers) +
         mean_only("total_token_rate", "tokens/s", both) +
         mean_only("request_rate", "queries/s", step.requests_per_second.value);
}

std::string document_of(const Stage& stage) {
  const std::string aggregate = yaml_block("requests", requests_of(stage.step)) +
                                yaml_block("latency", latency_of(stage.step)) +
                                yaml_block("throughput", throughput_of(stage.step));
  return yaml_text("version", kLlmdFormat) + yaml_block("run", run_of(stage)) +
         yaml_block("scenario",
                    yaml_single("stack", stack_of(stage.result)) + yaml_block("load", load_of(stage))) +
         yaml_block("results", yaml_block("request_performance", yaml_block("aggregate", aggregate)));
}

}  // namespace

std::vector<LlmdReport> render_llmd_reports(const Report& report) {
  std::vector<LlmdReport> documents;
  std::size_t number = 0;
  for (const ScenarioResult& result : report.results) {
    for (const auto* steps : {&result.steps, &result.after}) {
      for (const Step& step : *steps) {
        const Stage stage{report, result, step, number++};
        // Of the family 0.2, whatever comes after it: what their tools look for ends in a comma there.
        if (step.valid)
          documents.push_back(
              {fmt::format("benchmark_report_v0.2,_stage_{}.yaml", stage.number), document_of(stage)});
      }
    }
  }
  return documents;
}

}  // namespace kneepoint::coordinator
