#include "coordinator/report/markdown.h"

#include <fmt/format.h>

#include "coordinator/report/markdown_layout.h"
#include "coordinator/report/tables.h"
#include "coordinator/words/answer.h"
#include "coordinator/words/definitions.h"
#include "coordinator/words/failures.h"
#include "coordinator/words/flags.h"

namespace kneepoint::coordinator {
namespace {

std::string result_as_markdown(const ScenarioResult& whole) {
  const ScenarioResult result = brief(whole);
  std::string out = fmt::format("\n## {} on {} ({})\n", markdown_escaped(result.scenario),
                                markdown_escaped(result.target), markdown_escaped(result.model));
  if (result.load_seconds) out += fmt::format("\n{}.\n", markdown_escaped(title_sentence(result)));
  out += "\n" + markdown_escaped(saturation_text(result)) + "\n";
  for (const auto& [title, sentences] : findings_of(result))
    out += fmt::format("\n**{}**: {}\n", title, markdown_escaped(sentences));
  if (!result.slo.criteria.empty()) {
    out += "\n";
    for (const SloCriterion& criterion : result.slo.criteria)
      out += fmt::format("- {}\n", markdown_escaped(slo_sentence(criterion, result.load_kind())));
    if (result.slo.joint)
      out += fmt::format("- {}\n", markdown_escaped(slo_sentence(*result.slo.joint, result.load_kind())));
  }
  if (!result.recommendations.empty()) out += "\n### Recommendations\n\n";
  for (const Recommendation& each : result.recommendations)
    out += fmt::format("- **{}**: {}\n", markdown_escaped(each.name),
                       markdown_escaped(recommendation_sentence(each)));
  out += draw_markdown("Load and throughput", load_table(result));
  if (const std::string note = brief_note(whole); !note.empty()) out += "\n" + markdown_escaped(note) + "\n";
  const auto remarks = step_remarks(result);
  if (!remarks.empty()) out += "\n";
  for (const std::string& remark : remarks) out += fmt::format("- {}\n", markdown_escaped(remark));
  if (const std::string prompts = prompt_sentence(result); !prompts.empty())
    out += fmt::format("\nPrompts: {}.\n", markdown_escaped(prompts));
  if (const std::string sessions = sessions_sentence(result); !sessions.empty())
    out += fmt::format("\nSessions: {}.\n", markdown_escaped(sessions));
  out += draw_markdown("After the ramp", after_table(result));
  out += draw_markdown("Latency", latency_table(result));
  out += draw_markdown("Open loop: latencies from when a request was due", open_loop_table(result));
  out += draw_markdown("What others feel: requests beside the load", bystander_table(result));
  out += draw_markdown("By prompt class", share_table(result, &Step::classes, "class"));
  out += draw_markdown("By turn", share_table(result, &Step::turns, "turn"));
  out += draw_markdown("By replica", share_table(result, &Step::replicas, "replica"));
  out += draw_markdown("What the engine said", engine_table(result));
  out += draw_markdown("By role of the servers", role_table(result));
  out += draw_markdown("By pod, as each one's page has it", pod_table(result));
  out += draw_markdown("Where a first token takes its time", first_token_table(result));
  out += draw_markdown("What the GPUs said", gpu_table(result));
  out += draw_markdown("Requests and connections", requests_table(result));
  const auto failures = failure_sentences(result);
  if (!failures.empty()) out += "\n### Errors\n\n";
  for (const std::string& failure : failures) out += fmt::format("- {}\n", markdown_escaped(failure));
  out += draw_markdown("The slowest to their first token", slowest_table(result));
  out += draw_markdown("The generator's own error", generator_table(result));
  return out;
}

}  // namespace

std::string render_markdown(const Report& report) {
  std::string out = fmt::format("# {}\n\n", markdown_escaped(report.run_name));
  for (const ThresholdOutcome& each : report.thresholds)
    out += fmt::format("- {}\n", markdown_escaped(threshold_sentence(each)));
  if (!report.thresholds.empty()) out += "\n";
  out += fmt::format("**Verdict: {}**\n\n", to_string(report.verdict.trust()));
  const bool several = report.results.size() > 1;
  for (const ScenarioResult& result : report.results) {
    out += fmt::format("- {}\n",
                       markdown_escaped(saturation_sentence(result) +
                                        (several ? " " + trust_sentence(result.verdict.trust()) : "")));
  }
  for (const Remark& remark : report.verdict.remarks())
    out +=
        fmt::format("- **{}**: {}\n", weight_word(remark.weight), markdown_escaped(remark_sentence(remark)));
  out += draw_markdown("Side by side (TTFT at the lowest step)", overview_table(report));
  for (const ScenarioResult& result : report.results) out += result_as_markdown(result);
  out += fmt::format("\n## Run\n\n{}\n\n{}\n\n", markdown_escaped(run_line(report)),
                     markdown_escaped(totals_line(report.totals)));
  if (const auto flags = flags_explained(report); !flags.empty()) {
    out += "<details><summary>States and flags</summary>\n\n";
    for (const auto& [flag, meaning] : flags)
      out += fmt::format("- **{}**: {}\n", markdown_escaped(flag), markdown_escaped(std::string(meaning)));
    out += "\n</details>\n\n";
  }
  out += "<details><summary>Definitions</summary>\n\n";
  out += markdown_escaped(clock_definition()) + "\n\n";
  for (const Definition& each : definitions(report))
    out += fmt::format("- **{}**: {}\n", markdown_escaped(each.term), markdown_escaped(to_sentence(each)));
  return out + "\n</details>\n";
}

}  // namespace kneepoint::coordinator
