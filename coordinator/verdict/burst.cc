#include "coordinator/verdict/burst.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "coordinator/measure/statistics.h"
#include "coordinator/measure/validity.h"
#include "coordinator/results/throughput.h"

namespace kneepoint::coordinator {
namespace {

/// More of a load than this was taken once, and is refused now. Refusals by load begin within a few percent.
constexpr double kSurelyMore = 1.08;
/// A rate that lasts lies below what was had before by this much at least.
constexpr double kSurelyLess = 0.95;

std::uint64_t rejected(const Step& step) {
  return step.requests.by_outcome[static_cast<std::size_t>(Outcome::kRejected)];
}

bool refuses(const Step& step) {
  return surely_failing(step.requests) && 2 * rejected(step) > step.requests.failed;
}

/// The first second from which on requests are refused in most seconds to the end; absent where none are.
std::optional<std::size_t> refusals_begin(const Step& step) {
  const auto first = std::find_if(step.refused.begin(), step.refused.end(), [](double n) { return n > 0; });
  if (first == step.refused.end()) return std::nullopt;
  return static_cast<std::size_t>(first - step.refused.begin());
}

/// What the row gave from second `from` on; absent where too little of it is left.
std::optional<double> throughput_from(const Step& step, std::size_t from) {
  constexpr std::size_t kFewest = 8;
  const std::size_t begin = 2 * from;
  if (!throughput_of(step).value || begin + 2 * kFewest > step.half_seconds.size()) return std::nullopt;
  const double all = std::accumulate(step.half_seconds.begin(), step.half_seconds.end(), 0.0);
  if (all <= 0) return std::nullopt;
  const auto at = step.half_seconds.begin() + static_cast<std::ptrdiff_t>(begin);
  const double late = std::accumulate(at, step.half_seconds.end(), 0.0);
  const auto n = static_cast<double>(step.half_seconds.size());
  return *throughput_of(step).value * (late / (n - static_cast<double>(begin))) / (all / n);
}

/// What a second of a row was like.
enum class Second { kOpen, kShut, kNeither };

/// @param usual tokens in a half second while it is open.
Second second_of(const Step& step, std::size_t second, double usual) {
  constexpr double kNothing = 0.1, kMost = 0.5;
  const double tokens = (step.half_seconds[2 * second] + step.half_seconds[2 * second + 1]) / 2;
  const double refused = second < step.refused.size() ? step.refused[second] : 0;
  if (refused > 0 && tokens < kNothing * usual) return Second::kShut;
  if (refused == 0 && tokens > kMost * usual) return Second::kOpen;
  return Second::kNeither;
}

/// What a row gave once its allowance was spent, and whether it was spent all along.
struct Rate {
  double throughput = 0, requests = 0;
  bool settled = false;
};

/// The middle one; of an even number the lower, as what is left of an allowance only adds.
double middle(std::vector<double> values) {
  const auto at = values.begin() + static_cast<std::ptrdiff_t>((values.size() - 1) / 2);
  std::nth_element(values.begin(), at, values.end());
  return *at;
}

/// Rows that refused throughout where there are such, else what the others gave after refusals began.
void settle_rates(Burst& found, std::vector<Rate> rates) {
  if (std::any_of(rates.begin(), rates.end(), [](const Rate& r) { return r.settled; }))
    std::erase_if(rates, [](const Rate& r) { return !r.settled; });
  std::vector<double> throughput, requests;
  for (const Rate& rate : rates) {
    throughput.push_back(rate.throughput);
    if (rate.requests > 0) requests.push_back(rate.requests);
  }
  found.sustained = middle(throughput);
  if (!requests.empty()) found.requests_per_second = middle(requests);
  const auto n = static_cast<double>(throughput.size());
  found.sustained_error = std::max(moments(throughput).stddev / std::sqrt(n), 0.005 * found.sustained);
  found.rows = throughput.size();
}

}  // namespace

bool has_quota(const std::vector<Step>& steps) {
  constexpr std::size_t kShut = 5, kOpen = 10;
  double usual = 0;  // of the loads that were refused
  for (const Step& step : steps) {
    if (!refuses(step)) continue;
    for (const double tokens : step.half_seconds) usual = std::max(usual, tokens);
  }
  if (usual <= 0) return false;
  double least = 0;  // the least load that was shut out; 0 while none was
  std::size_t shut = 0, open = 0;
  for (const Step& step : steps) {
    shut = open = 0;
    for (std::size_t i = 0; 2 * i + 1 < step.half_seconds.size(); ++i) {
      const Second is = second_of(step, i, usual);
      shut = is == Second::kShut ? shut + 1 : 0;
      open = is == Second::kOpen ? open + 1 : 0;
      if (shut >= kShut && (least == 0 || step.load() < least)) least = step.load();
      if (least > 0 && open >= kOpen && step.load() >= least) return true;
    }
  }
  return false;
}

bool holds_whole_minutes(const Step& step) {
  constexpr double kMinute = 60;
  return step.duration_seconds >= kMinute && std::fmod(step.duration_seconds, kMinute) == 0;
}

std::optional<Burst> find_burst(const std::vector<Step>& steps) {
  constexpr std::size_t kAWhile = 5;
  const bool quota = has_quota(steps);
  std::optional<Burst> found;
  double taken = 0;  // the largest load so far that was not refused anything
  double most = 0;
  std::vector<Rate> rates;
  for (const Step& step : steps) {
    const auto& x = throughput_of(step).value;
    if (!x || *x <= 0) continue;
    if (!refuses(step)) {
      if (step.requests.failed == 0) {
        taken = std::max(taken, step.load());
        if (!found) most = std::max(most, *x);
      }
      continue;
    }
    if (quota && found) {
      if (holds_whole_minutes(step)) rates.push_back({*x, step.requests_per_second.value.value_or(0), true});
      continue;
    }
    const std::size_t begin = refusals_begin(step).value_or(0);
    const bool within = begin >= kAWhile && taken > 0;
    const bool moving = within || step.has_flag("DRIFTING") || step.has_flag("UNSTEADY");
    // What queued before refusals began is served at the host's full pace yet.
    const std::size_t half =
        begin + (step.half_seconds.size() / 2 - std::min(begin, step.half_seconds.size() / 2)) / 2;
    const auto late = moving ? throughput_from(step, std::max(begin + 2, half)) : x;
    if (!found && (taken > kSurelyMore * step.load() || within)) {
      found = Burst{.at_seconds = step.window_begin_seconds + static_cast<double>(within ? begin : 0),
                    .load = step.load()};
    }
    if (late && !quota)
      rates.push_back({*late, step.requests_per_second.value.value_or(0) * *late / *x, !moving});
  }
  if (!found || rates.empty()) return std::nullopt;
  settle_rates(*found, std::move(rates));
  found->most = most;
  if (found->sustained > kSurelyLess * most) return std::nullopt;
  return found;
}

}  // namespace kneepoint::coordinator
