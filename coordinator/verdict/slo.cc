#include "coordinator/verdict/slo.h"

#include <algorithm>
#include <functional>
#include <map>

#include "coordinator/measure/repeat.h"
#include "coordinator/measure/statistics.h"
#include "coordinator/measure/validity.h"
#include "coordinator/words/remarks.h"

namespace kneepoint::coordinator {
namespace {

/// Several measurements of one N: a failure outweighs a pass, and both outweigh doubt, unless all of them
/// together missed more than may.
enum class Outlook { kIndeterminate, kPass, kFail };

Outlook outlook_of(const SloCheck& check, const Step& step) {
  if (check.state == "FAIL" && (step.valid || invalid_by_target_only(step))) return Outlook::kFail;
  // A rate that was not reached, or only for a while, cannot be one that holds.
  const bool held = !step.has_flag("RATE_NOT_REACHED") && !step.has_flag("OVERLOADED");
  if (check.state == "PASS" && step.valid && held) return Outlook::kPass;
  return Outlook::kIndeterminate;
}

/// What kept a load from being judged though its requests are many: surely more missed the limit than may,
/// but all at once, so that another window might see none.
std::string doubt_of(const Step& step, const SloCheck& check, double allowed) {
  if (host_was_gone(step)) return "";
  const auto missed = static_cast<double>(check.missed), n = static_cast<double>(check.met + check.missed);
  if (check.state != "INDETERMINATE" || n == 0 || proportion_lower(missed, n) <= allowed) return "";
  return words::missed_in_bursts(step, check.missed, check.met + check.missed);
}

/// A check, and the share of requests that may miss it.
struct Judged {
  const SloCheck* check = nullptr;
  double allowed = 0;
};

SloCriterion bracket(const std::vector<Step>& steps, std::string name, double limit,
                     const std::function<Judged(const Step&)>& check_of) {
  std::map<double, Outlook> by_load;
  std::map<double, std::string> doubts;
  struct Sum {
    double missed = 0, all = 0, allowed = 0;
  };
  std::map<double, Sum> sums;
  for (const Step& step : steps) {
    const auto [check, allowed] = check_of(step);
    if (step.has_flag(kSuperseded)) continue;
    Outlook& outlook = by_load[step.load()];  // of a row of which nothing came too: it was tried
    if (check == nullptr) continue;
    outlook = std::max(outlook, outlook_of(*check, step));
    if (step.valid) {
      Sum& sum = sums[step.load()];
      sum.missed += static_cast<double>(check->missed);
      sum.all += static_cast<double>(check->met + check->missed);
      sum.allowed = std::max(sum.allowed, allowed);
    }
    if (std::string doubt = doubt_of(step, *check, allowed); !doubt.empty())
      doubts[step.load()] = std::move(doubt);
  }
  for (const auto& [load, sum] : sums) {
    Outlook& outlook = by_load[load];
    if (outlook == Outlook::kPass && sum.missed > sum.allowed * sum.all) outlook = Outlook::kIndeterminate;
  }
  SloCriterion criterion{.name = std::move(name), .limit = limit, .state = "INDETERMINATE"};
  std::optional<double> failed;
  for (const auto& [load, outlook] : by_load) {
    if (outlook == Outlook::kPass) criterion.concurrency = load;
    if (outlook == Outlook::kFail) {
      failed = load;
      break;
    }
  }
  if (failed && criterion.concurrency) {
    criterion.state = "BRACKETED";
    criterion.ci95 = Interval{*criterion.concurrency, *failed};
  } else if (failed && *failed > by_load.begin()->first) {
    criterion.ci95 = Interval{0, *failed};  // what lies below had too few requests to tell
  } else if (failed) {
    criterion.state = "FAIL";
  } else if (!by_load.empty() && by_load.rbegin()->second == Outlook::kPass) {
    criterion.state = "PASS";
  }
  if (criterion.state == "INDETERMINATE") {
    for (const auto& [load, doubt] : doubts) {
      const bool open = by_load[load] == Outlook::kIndeterminate && load > criterion.concurrency.value_or(0);
      if (open && criterion.doubt.empty()) criterion.doubt = doubt;
    }
  }
  return criterion;
}

/// All limits together. A class of few requests would drown among the others': it has to hold for itself.
Judged worst_of(const Step& step, const std::vector<SloLimit>& limits) {
  double lowest_quantile = 1;
  for (const SloLimit& limit : limits) lowest_quantile = std::min(lowest_quantile, limit.quantile);
  Judged worst{step.slo_joint ? &*step.slo_joint : nullptr, 1 - lowest_quantile};
  for (std::size_t i = 0; worst.check != nullptr && i < std::min(limits.size(), step.slo.size()); ++i) {
    const bool by_class = !limits[i].prompt_class.empty();
    const bool fails = step.slo[i].state == "FAIL" && worst.check->state != "FAIL";
    const bool unsure = step.slo[i].state == "INDETERMINATE" && worst.check->state == "PASS";
    if (by_class && (fails || unsure)) worst = {&step.slo[i], 1 - limits[i].quantile};
  }
  return worst;
}

}  // namespace

SloResult find_slo(const std::vector<Step>& steps, const std::vector<SloLimit>& limits) {
  SloResult result;
  if (limits.empty()) return result;
  for (std::size_t i = 0; i < limits.size(); ++i) {
    result.criteria.push_back(
        bracket(steps, limits[i].name(), to_seconds(limits[i].limit), [&, i](const Step& step) {
          return Judged{i < step.slo.size() ? &step.slo[i] : nullptr, 1 - limits[i].quantile};
        }));
  }
  result.joint = bracket(steps, "joint", 0, [&](const Step& step) { return worst_of(step, limits); });
  return result;
}

}  // namespace kneepoint::coordinator
