#include "coordinator/calibration/settle_usage.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "common/secrets.h"
#include "coordinator/calibration/ask_targets.h"
#include "coordinator/calibration/usage_probe.h"

namespace kneepoint::coordinator {
namespace {

/// Whether requests ask for usage at all.
bool asks_for_usage(const Target& target, const Workload& workload) {
  const bool openai = target.api == Api::kOpenAiChat || target.api == Api::kOpenAiCompletions;
  return openai && workload.stream;
}

Result<UsageAnswer> ask(const Target& target, const std::string& extra_body,
                        const SettleUsageOptions& options) {
  const auto secret = resolve_secret(target.auth);
  if (!secret) return secret.error();
  TargetClient client(target, *secret,
                      {.stop = options.stop,
                       .limit = std::min(options.limit, target.request_timeout),
                       .run_id = options.run_id});
  return probe_usage(client, target, {.extra_body = extra_body});
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

void settle_usage(const Plan& plan, std::vector<Cell>& cells, const SettleUsageOptions& options) {
  std::set<Question> questions;
  for (const Cell& cell : cells) {
    if (asks_for_usage(plan.targets[cell.target], cell.workload))
      questions.emplace(cell.target, cell.workload.extra_body);
  }
  const auto answers = ask_targets(
      plan, questions, options.stop,
      [&](const Target& target, const std::string& extra_body) { return ask(target, extra_body, options); });
  if (options.stop.stop_requested()) return;
  std::set<std::string> told;
  for (Cell& cell : cells) {
    const auto at = answers.find({cell.target, cell.workload.extra_body});
    if (at == answers.end() || !asks_for_usage(plan.targets[cell.target], cell.workload)) continue;
    const Result<UsageAnswer>& answer = at->second;
    const std::string line = line_about_usage(plan.targets[cell.target], answer);
    if (options.tell && !line.empty() && told.insert(line).second) options.tell(line);
    cell.usage = answer ? answer->taken : UsageOption::kContinuous;
  }
}

}  // namespace kneepoint::coordinator
