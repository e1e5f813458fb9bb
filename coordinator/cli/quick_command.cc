#include "coordinator/cli/quick_command.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

#include "coordinator/cli/failure.h"
#include "coordinator/cli/run_command.h"
#include "coordinator/cli/standard_output.h"
#include "coordinator/cli/write_plan.h"
#include "coordinator/plan/plan_loader.h"
#include "coordinator/plan/plan_printer.h"
#include "coordinator/report/summary.h"
#include "coordinator/report/text_layout.h"
#include "coordinator/words/answer.h"
#include "coordinator/words/endings.h"

namespace kneepoint::coordinator {
namespace {

using namespace std::chrono_literals;

constexpr Nanos kLength = 1min, kSearchLength = 5min;

/// "15 min": what the whole measurement takes, roughly.
std::string about(const Plan& plan) {
  const Ramp& ramp = plan.scenarios.front().ramp;
  const Forecast steps = forecast(ramp);
  const Nanos time = (steps.least + steps.most) / 2 + least_confirmation(ramp);
  return words::about_minutes(std::chrono::round<std::chrono::minutes>(time).count());
}

/// Whether any row tells anything.
bool measured(const Report& report) {
  return !report.verdict.has("target_down") &&
         std::any_of(report.results.begin(), report.results.end(), [](const ScenarioResult& result) {
           return std::any_of(result.steps.begin(), result.steps.end(),
                              [](const Step& step) { return step.valid; });
         });
}

/// What went wrong comes before the figures; what is merely not confirmed is so of every quick look.
std::string quick_ending(const Report& report, const std::string& directory, const std::string& next) {
  const std::size_t width = answer_width();
  std::string out;
  for (const Remark& remark : report.verdict.remarks()) {
    if (remark.weight == Remark::Weight::kFatal) out += wrapped("! ", remark_sentence(remark), width);
  }
  out += render_answer(report, width);
  out += wrapped("", words::quick_look(next), width);
  out += words::where_the_report_is(directory);
  return out;
}

}  // namespace

int quick_command(const QuickOptions& options) {
  QuickShape shape = options.shape;
  if (!options.loads.empty()) {
    auto loads = parse_loads(options.loads);
    if (!loads) return refuse(loads.error().message);
    shape.steps = *std::move(loads);
  }
  if (const auto slo = slo_text(shape.slo); !slo) return refuse(slo.error().message);
  const auto hosts = probe_hosts(options.hosts, true);
  if (!hosts) return refuse(hosts.error().message);
  const auto text = quick_plan(*hosts, "quick", shape);
  if (!text) return refuse(text.error().message);
  const auto plan = parse_plan(*text, "quick.yaml", {});
  if (!plan) return refuse(plan.error().message);
  const auto file = keep_plan("quick", *text);
  if (!file) return refuse(file.error().message);

  const std::string next = fmt::format("kneepoint run {} ({})", *file, about(*plan));
  bool told_something = false;
  const int code = run_command(
      {.plan = *file,
       .set = quick_settings(shape, options.length.value_or(shape.search ? kSearchLength : kLength)),
       .out = {},
       .serve = "none",
       .detail = options.detail,
       .preflight = false,  // they have just been asked
       .ending = [&](const Report& report, const std::filesystem::path& directory) {
         told_something = measured(report);
         return options.detail == Detail::kAnswer
                    ? quick_ending(report, directory.string(), next)
                    : render_ending(report, directory.string(), options.detail, answer_width(options.detail));
       }});
  // A look that measured is done, whatever it may be worth; it says itself that it is for no decision.
  if (code != kDone && code != kNoVerdict) return code;
  return told_something ? kDone : kNoVerdict;
}

}  // namespace kneepoint::coordinator
