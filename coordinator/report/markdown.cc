#include "coordinator/report/markdown.h"

#include <fmt/format.h>

#include "coordinator/report/failures.h"
#include "coordinator/report/markdown_layout.h"
#include "coordinator/report/tables.h"
#include "coordinator/words/answer.h"
#include "coordinator/words/definitions.h"
#include "coordinator/words/failures.h"
#include "coordinator/words/flags.h"
#include "coordinator/words/titles.h"

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
  if (!result.recommendations.empty()) out += fmt::format("\n### {}\n\n", words::kRecommendations);
  for (const Recommendation& each : result.recommendations)
    out += fmt::format("- **{}**: {}\n", markdown_escaped(each.name),
                       markdown_escaped(recommendation_sentence(each)));
  out += draw_markdown(words::kLoadAndThroughput, load_table(result));
  if (const std::string note = brief_note(whole); !note.empty()) out += "\n" + markdown_escaped(note) + "\n";
  const auto remarks = step_remarks(result);
  if (!remarks.empty()) out += "\n";
  for (const std::string& remark : remarks) out += fmt::format("- {}\n", markdown_escaped(remark));
  if (const std::string prompts = prompt_sentence(result); !prompts.empty())
    out += fmt::format("\nPrompts: {}.\n", markdown_escaped(prompts));
  if (const std::string sessions = sessions_sentence(result); !sessions.empty())
    out += fmt::format("\nSessions: {}.\n", markdown_escaped(sessions));
  out += draw_markdown(words::kAfterTheRamp, after_table(result));
  out += draw_markdown(words::kLatencies, latency_table(result));
  out += draw_markdown(words::kOpenLoop, open_loop_table(result));
  out += draw_markdown(words::kOthersFeel, bystander_table(result));
  out += draw_markdown(words::kByClass, share_table(result, &Step::classes, "class"));
  out += draw_markdown(words::kByTurn, share_table(result, &Step::turns, "turn"));
  out += draw_markdown(words::kByReplica, share_table(result, &Step::replicas, "replica"));
  out += draw_markdown(words::kEngineSaid, engine_table(result));
  out += draw_markdown(words::kByRole, role_table(result));
  out += draw_markdown(words::kByPod, pod_table(result));
  out += draw_markdown(words::kFirstToken, first_token_table(result));
  out += draw_markdown(words::kGpusSaid, gpu_table(result));
  out += draw_markdown(words::kRequestsTitle, requests_table(result));
  const auto failures = failure_sentences(result, all_requests(result.steps));
  if (!failures.empty()) out += fmt::format("\n### {}\n\n", words::kErrorsTitle);
  for (const std::string& failure : failures) out += fmt::format("- {}\n", markdown_escaped(failure));
  out += draw_markdown(words::kSlowest, slowest_table(result));
  out += draw_markdown(words::kGeneratorError, generator_table(result));
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
  out += draw_markdown(words::kSideBySide, overview_table(report));
  for (const ScenarioResult& result : report.results) out += result_as_markdown(result);
  out += fmt::format("\n## Run\n\n{}\n\n{}\n\n", markdown_escaped(run_line(report)),
                     markdown_escaped(totals_line(report.totals)));
  if (const auto flags = flags_explained(report); !flags.empty()) {
    out += fmt::format("<details><summary>{}</summary>\n\n", words::kStatesAndFlags);
    for (const auto& [flag, meaning] : flags)
      out += fmt::format("- **{}**: {}\n", markdown_escaped(flag), markdown_escaped(std::string(meaning)));
    out += "\n</details>\n\n";
  }
  out += fmt::format("<details><summary>{}</summary>\n\n", words::kDefinitions);
  out += markdown_escaped(clock_definition()) + "\n\n";
  for (const Definition& each : definitions(report))
    out += fmt::format("- **{}**: {}\n", markdown_escaped(each.term), markdown_escaped(to_sentence(each)));
  return out + "\n</details>\n";
}

}  // namespace kneepoint::coordinator
