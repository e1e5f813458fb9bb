#include "coordinator/calibration/settle_usage.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "common/secrets.h"
#include "coordinator/calibration/ask_targets.h"
#include "coordinator/calibration/usage_probe.h"

namespace kneepoint::coordinator {
namespace {

/// Whether requests ask for usage at all.
bool asks_for_usage(const Target& target, const Workload& workload) {
  return speaks_openai(target) && workload.stream;
}

/// What chats without a stream and described hosts are asked settles nothing; it only shows faults.
bool is_asked(const Target& target, const Workload& workload, const SettleUsageOptions& options) {
  return asks_for_usage(target, workload) ||
         (options.for_faults && (speaks_openai(target) || target.dialect));
}

UsageQuestion question_of(const Workload& workload) {
  return {.extra_body = workload.extra_body,
          .stream = workload.stream,
          .temperature = workload.temperature,
          .top_p = workload.top_p};
}

/// Cells with one key are asked once.
Question key_of(const Cell& cell) {
  const UsageQuestion question = question_of(cell.workload);
  return {cell.target, fmt::format("{} {} {} {}", question.stream, question.temperature.value_or(-1),
                                   question.top_p.value_or(-1), question.extra_body)};
}

Result<UsageAnswer> ask(const Target& target, const UsageQuestion& question,
                        const SettleUsageOptions& options) {
  const auto secret = resolve_secret(target.auth);
  if (!secret) return secret.error();
  TargetClient client(target, *secret,
                      {.stop = options.stop,
                       .limit = std::min(options.limit, target.request_timeout),
                       .run_id = options.run_id});
  return probe_usage(client, target, question);
}

/// Whether requests say how long an answer may be.
bool sends_limit(const Workload& workload) {
  return workload.output_tokens || (workload.dataset && workload.dataset->output_lengths);
}

/// Why no request of a workload would be answered; empty where they may be.
std::string fault_of(const Target& target, const Workload& workload, const UsageAnswer& answer) {
  if (answer.limit != target.token_limit && sends_limit(workload)) {
    return fmt::format("{}: it does not take {} ({}); set token_limit: {} in the target", target.name,
                       to_string(target.token_limit), answer.refusal, to_string(answer.limit));
  }
  for (const auto& [name, value, words] :
       {std::tuple("temperature", workload.temperature, answer.temperature_refusal),
        std::tuple("top_p", workload.top_p, answer.top_p_refusal)}) {
    if (!words.empty())
      return fmt::format(
          "{}: it does not take {}: {} ({}); leave it out of the workload, or write what it takes",
          target.name, name, *value, words);
  }
  if (workload.stream && answer.form == AnswerForm::kWhole) {
    return fmt::format(
        "{}: it answers a request for a stream with one whole JSON; set stream: false in the workload",
        target.name);
  }
  if (!workload.stream && answer.form == AnswerForm::kStream) {
    return fmt::format(
        "{}: it answers with a stream, though none is asked for; take stream: false out of the "
        "workload",
        target.name);
  }
  return {};
}

/// What the answer itself showed goes before what was asked for: hosts may ignore it.
UsageReport report_of(const UsageAnswer& answer) {
  if (answer.reported) return *answer.reported;
  return answer.taken == UsageOption::kContinuous ? UsageReport::kRunning
         : answer.taken == UsageOption::kFinal    ? UsageReport::kAtEnd
                                                  : UsageReport::kNone;
}

/// Empty where all is as usual.
std::string line_about_usage(const Target& target, const Result<UsageAnswer>& answer) {
  if (!answer) {
    return fmt::format("{}: not asked for running token counts, the first requests find out: {}", target.name,
                       answer.error().message);
  }
  switch (report_of(*answer)) {
    case UsageReport::kRunning:
      break;
    case UsageReport::kAtEnd:
      return target.name +
             ": no running token counts: the tokens of running answers are estimated from their chunks";
    case UsageReport::kNone:
      return target.name + ": no token counts: content chunks are counted instead";
  }
  return {};
}

}  // namespace

std::vector<std::string> settle_usage(const Plan& plan, std::vector<Cell>& cells,
                                      const SettleUsageOptions& options) {
  std::set<Question> questions;
  std::map<std::string, UsageQuestion> by_key;
  for (const Cell& cell : cells) {
    if (!is_asked(plan.targets[cell.target], cell.workload, options)) continue;
    const Question key = key_of(cell);
    questions.insert(key);
    by_key.emplace(key.second, question_of(cell.workload));
  }
  const auto answers = ask_targets(
      plan, questions, options.stop,
      [&](const Target& target, const std::string& key) { return ask(target, by_key.at(key), options); });
  if (options.stop.stop_requested()) return {};
  std::set<std::string> told;
  std::vector<std::string> faults;
  for (Cell& cell : cells) {
    const Target& target = plan.targets[cell.target];
    const auto at = answers.find(key_of(cell));
    if (at == answers.end() || !is_asked(target, cell.workload, options)) continue;
    const Result<UsageAnswer>& answer = at->second;
    const std::string fault = answer ? fault_of(target, cell.workload, *answer) : "";
    if (!fault.empty() && std::find(faults.begin(), faults.end(), fault) == faults.end())
      faults.push_back(fault);
    if (!asks_for_usage(target, cell.workload)) continue;
    cell.usage = answer ? answer->taken : UsageOption::kContinuous;
    const std::string line = line_about_usage(target, answer);
    if (options.tell && fault.empty() && !line.empty() && told.insert(line).second) options.tell(line);
  }
  return faults;
}

}  // namespace kneepoint::coordinator
