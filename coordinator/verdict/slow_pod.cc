#include "coordinator/verdict/slow_pod.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <string_view>
#include <vector>

#include "coordinator/results/units.h"
#include "coordinator/verdict/stands_out.h"
#include "coordinator/words/pages.h"

namespace kneepoint::coordinator {
namespace {

constexpr double kFewestOfAPod = 5;
/// Of an equal share: a pod that answers more than this is not slow, it gets more than the others.
constexpr double kFairShare = 1.1;
/// What a slow pod adds to the mean over all of them must have come here: this part of it at least, and so
/// many times at most, for there may be something between us and the pods.
constexpr double kArrivesLeast = 0.5, kArrivesMost = 2;

/// What a pod is slow in, as against what waits before it: an equal pod that is dealt more has a longer
/// queue.
std::optional<double> decoding(const PodFigures& pod) {
  return pod.tpot_mean_seconds;
}
std::optional<double> prefilling(const PodFigures& pod) {
  if (!pod.ttft_mean_seconds) return std::nullopt;
  if (pod.queue_time_mean_seconds)
    return std::max(0.0, *pod.ttft_mean_seconds - *pod.queue_time_mean_seconds);
  constexpr double kNoQueue = 0.5;
  return pod.waiting_mean.value_or(1) < kNoQueue ? pod.ttft_mean_seconds : std::nullopt;
}

/// A time that pages, the client and the shares of a response header all tell.
struct Witnessed {
  const char* name;
  std::optional<double> (*slow)(const PodFigures&);
  std::optional<double> PodFigures::*page;
  LatencySummary Step::*client;
  LatencySummary Share::*replica;
};
constexpr Witnessed kTimes[] = {
    {"TPOT", &decoding, &PodFigures::tpot_mean_seconds, &Step::tpot_seconds, &Share::tpot_seconds},
    {"TTFT", &prefilling, &PodFigures::ttft_mean_seconds, &Step::ttft_seconds, &Share::ttft_seconds},
};

struct Suspect {
  std::string name;
  std::string sentence;
};

/// What the shares of a response header say of it, as words; nothing where they do not say so.
std::string by_header(const Step& step, const Witnessed& time) {
  std::vector<std::optional<double>> seconds;
  for (const Share& replica : step.replicas) seconds.push_back((replica.*time.replica).p50);
  const auto slow = the_one_that_stands_out(seconds);
  if (!slow) return {};
  return words::so_is_replica(step.replicas[*slow], time.name, *seconds[*slow]);
}

/// What came here has the mean of all pages, as words; nothing where it does not.
std::string by_what_came(const Step& step, const Witnessed& time, double others) {
  const auto& here = (step.*time.client).mean;
  if (!here) return {};
  double mean = 0;
  for (const PodFigures& pod : step.telemetry->pods) {
    if (!pod.requests_share) return {};
    mean += *pod.requests_share * *(pod.*time.page);
  }
  const double lift = mean - others, seen = *here - others;
  if (lift <= 0 || seen < kArrivesLeast * lift || seen > kArrivesMost * lift) return {};
  return words::mean_here_is_that_of_pages(*here, mean);
}

/// The mean over the requests of all pods but one.
double of_the_others(const std::vector<PodFigures>& pods, std::size_t but,
                     std::optional<double> PodFigures::*figure) {
  double sum = 0, share = 0;
  for (std::size_t i = 0; i < pods.size(); ++i) {
    if (i == but || !pods[i].requests_share) continue;
    sum += *pods[i].requests_share * *(pods[i].*figure);
    share += *pods[i].requests_share;
  }
  return share > 0 ? sum / share : 0;
}

std::optional<Suspect> suspect_of(const Step& step) {
  if (step.telemetry->page.state != "covered") return std::nullopt;  // there are pods unseen, or other users
  const std::vector<PodFigures>& pods = step.telemetry->pods;
  for (const Witnessed& time : kTimes) {
    std::vector<std::optional<double>> seconds;
    for (const PodFigures& pod : pods) seconds.push_back(time.slow(pod));
    const auto index = the_one_that_stands_out(seconds);
    if (!index) continue;
    const PodFigures& pod = pods[*index];
    if (pod.requests_per_second.value_or(0) * step.duration_seconds < kFewestOfAPod) continue;
    if (pod.requests_share.value_or(0) * static_cast<double>(pods.size()) > kFairShare) continue;
    const OutOfLine slow = *stands_out(seconds, *index);
    std::string second = by_header(step, time);
    if (second.empty()) second = by_what_came(step, time, of_the_others(pods, *index, time.page));
    if (second.empty()) continue;
    return Suspect{pod_label(pod), words::pod_is_slower(pod, pods.size() - 1, time.name, slow.own,
                                                        slow.others, step, second)};
  }
  return std::nullopt;
}

}  // namespace

std::size_t pods_behind(const ScenarioResult& result, const Target& target) {
  std::size_t most = 0;
  for (const Step& step : result.steps) {
    if (!step.telemetry) continue;
    std::set<std::string_view> pages;
    for (const PodFigures& pod : step.telemetry->pods) pages.insert(pod.name);
    most = std::max(most, pages.size());
  }
  return most > target.urls.size() ? most : 0;
}

bool has_ranks(const ScenarioResult& result) {
  return std::any_of(result.steps.begin(), result.steps.end(), [](const Step& step) {
    return step.telemetry && std::any_of(step.telemetry->pods.begin(), step.telemetry->pods.end(),
                                         [](const PodFigures& pod) { return pod.rank.has_value(); });
  });
}

std::optional<std::string> slow_pod(const ScenarioResult& result) {
  // One step may be chance: the same pod must be the slow one in two, where there are two.
  std::optional<Suspect> found;
  std::size_t measured = 0;
  for (auto step = result.steps.rbegin(); step != result.steps.rend(); ++step) {
    if (!step->valid || !step->telemetry || step->telemetry->pods.size() < 2) continue;
    ++measured;
    auto suspect = suspect_of(*step);
    if (!suspect) continue;
    if (found && found->name == suspect->name) return found->sentence;
    if (!found) found = std::move(suspect);
  }
  return measured == 1 && found ? std::optional(found->sentence) : std::nullopt;
}

}  // namespace kneepoint::coordinator
