#include "coordinator/measure/target_health.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

#include "coordinator/measure/replicas.h"
#include "coordinator/words/health.h"

namespace kneepoint::coordinator {
namespace {

/// Fewer failures in a row are no outage.
constexpr double kFewestFailures = 3;
/// Shorter is a hiccup: it costs a row little, and the failures are counted there.
constexpr std::int64_t kShortestOutage = 3;
/// Errors that are answers (HTTP 4xx and 5xx, malformed ones) may come in a row from a host that works.
constexpr std::int64_t kShortestOfErrors = 10;
constexpr std::int64_t kStopAfter = 10;
constexpr std::int64_t kStopAfterTimeouts = 60;
/// A silence is one that never ends, so long, and so many times the longest before it.
constexpr std::int64_t kShortestSilence = 10;
constexpr std::int64_t kSilenceFactor = 4;
/// Failures in a row that are likelier than this by chance are no outage.
constexpr double kByChance = 1e-4;

/// What one second says of a target's life.
struct Pulse {
  std::int64_t second = 0, span = 1;
  bool alive = false;
  std::uint64_t succeeded = 0, failed = 0;
  std::array<std::uint64_t, kOutcomeCount> failures{};
  double in_flight = 0;  // request-seconds
};

/// A refusal is a sign of life; so is an answer that is of no use, as one without content.
bool lives(const SeriesStats& stats) {
  std::uint64_t signs = stats.chunks + stats.first_tokens + stats.completed();
  for (const Outcome kind : {Outcome::kRejected, Outcome::kEmpty, Outcome::kUnread, Outcome::kTruncated})
    signs += stats.outcomes[static_cast<std::size_t>(kind)];
  return signs > 0;
}

/// Failures that came as an answer, of a host or of a gateway before it.
std::uint64_t errors_of(const Outage& outage) {
  return outage.failed(
      {Outcome::kHttp4xx, Outcome::kHttp5xx, Outcome::kParse, Outcome::kErrorAt200, Outcome::kAborted});
}

using Concerns = std::function<bool(const SeriesKey&)>;

/// @param from a second: those before it are left out.
std::vector<Pulse> pulses_of(const Timeline& timeline, const Concerns& concerns, std::int64_t from) {
  std::vector<Pulse> pulses;
  const std::int64_t complete = timeline.complete_through();
  for (auto at = timeline.seconds().lower_bound(from); at != timeline.seconds().end(); ++at) {
    const auto& [second, data] = *at;
    if (second > complete) break;
    Pulse pulse{.second = second, .span = data.span};
    for (const auto& [key, stats] : data.series) {
      if (!concerns(key)) continue;
      pulse.alive = pulse.alive || lives(stats);
      pulse.succeeded += stats.completed();
      pulse.failed += stats.failed();
      pulse.in_flight += stats.in_flight;
      for (const Outcome outcome : kOutcomes) {
        const auto i = static_cast<std::size_t>(outcome);
        if (outcome != Outcome::kSuccess && outcome != Outcome::kCancelled)
          pulse.failures[i] += stats.outcomes[i];
      }
    }
    // A second without a request says nothing.
    if (pulse.alive || pulse.failed > 0 || pulse.in_flight > 0) pulses.push_back(pulse);
  }
  return pulses;
}

/// A run of pulses without life: [first, last) of the pulses.
struct Gap {
  std::size_t first, last;
};

std::vector<Gap> gaps_of(const std::vector<Pulse>& pulses) {
  std::vector<Gap> gaps;
  for (std::size_t i = 0; i < pulses.size(); ++i) {
    if (pulses[i].alive) continue;
    if (!gaps.empty() && gaps.back().last == i) {
      gaps.back().last = i + 1;
    } else {
      gaps.push_back({i, i + 1});
    }
  }
  return gaps;
}

/// Seconds of a gap in which requests were in flight.
std::int64_t waited(const std::vector<Pulse>& pulses, const Gap& gap) {
  constexpr double kOccupied = 0.5;
  std::int64_t seconds = 0;
  for (std::size_t i = gap.first; i < gap.last; ++i) {
    if (pulses[i].in_flight >= kOccupied) seconds += pulses[i].span;
  }
  return seconds;
}

class Finder {
 public:
  explicit Finder(std::vector<Pulse> pulses) : pulses_(std::move(pulses)), gaps_(gaps_of(pulses_)) {
    double failed = 1, ended = 2;  // the rule of succession
    for (const Pulse& pulse : pulses_) {
      if (!pulse.alive) continue;
      failed += static_cast<double>(pulse.failed);
      ended += static_cast<double>(pulse.failed + pulse.succeeded);
    }
    // One that was never seen to answer has no other share to be held against.
    const bool answered =
        std::any_of(pulses_.begin(), pulses_.end(), [](const Pulse& pulse) { return pulse.alive; });
    log_failing_ = answered ? std::log(failed / ended) : -std::numeric_limits<double>::infinity();
  }

  std::vector<Outage> all() const {
    std::vector<Outage> outages;
    std::int64_t longest_wait = 0;
    for (const Gap& gap : gaps_) {
      if (const auto outage = judged(gap, longest_wait)) outages.push_back(*outage);
      longest_wait = std::max(longest_wait, waited(pulses_, gap));
    }
    return outages;
  }

 private:
  std::optional<Outage> judged(const Gap& gap, std::int64_t longest_wait) const {
    Outage outage{.ended = gap.last<pulses_.size(), .ever_answered = gap.first> 0};
    const Pulse& last = pulses_[gap.last - 1];
    std::optional<std::int64_t> first_failure;
    double in_flight = 0, seconds = 0;
    for (std::size_t i = gap.first; i < gap.last; ++i) {
      const Pulse& pulse = pulses_[i];
      for (std::size_t k = 0; k < kOutcomeCount; ++k) outage.failures[k] += pulse.failures[k];
      if (pulse.failed > 0 && !first_failure) first_failure = pulse.second;
      if (!first_failure) continue;
      in_flight += pulse.in_flight;
      seconds += static_cast<double>(pulse.span);
    }
    outage.begin = pulses_[gap.first].second;
    outage.end = last.second + last.span;
    outage.first_failure = first_failure.value_or(outage.begin);
    if (!first_failure) {
      const std::int64_t least = std::max(kShortestSilence, kSilenceFactor * longest_wait);
      if (outage.ended || !outage.ever_answered || waited(pulses_, gap) < least) return std::nullopt;
    } else if (!lasts(outage) ||
               !(surely(outage, in_flight / std::max(seconds, 1.0)) || never_answers(outage))) {
      return std::nullopt;
    }
    // It began and ended within seconds in which something came.
    if (gap.first > 0 && pulses_[gap.first - 1].failed > 0) outage.begin = pulses_[gap.first - 1].second;
    if (outage.ended) outage.end = pulses_[gap.last].second + pulses_[gap.last].span;
    return outage;
  }

  static bool lasts(const Outage& outage) {
    const std::uint64_t answers = errors_of(outage);
    const bool timeouts = outage.failed({Outcome::kTimeout}) == outage.failed();
    if (timeouts && outage.ended) return false;
    const std::int64_t least = 2 * answers > outage.failed() ? kShortestOfErrors : kShortestOutage;
    return outage.end - outage.first_failure >= least;
  }

  /// Nothing ever came: a request has waited as long as it may, and all others for a while after that. More
  /// of them would only wait as long again.
  static bool never_answers(const Outage& outage) {
    return !outage.ever_answered && outage.failed({Outcome::kTimeout}) == outage.failed() &&
           outage.end - outage.first_failure >= kStopAfterTimeouts;
  }

  /// More failures than requests that may still be answered, and more in a row than chance makes.
  bool surely(const Outage& outage, double in_flight) const {
    const auto failed = static_cast<double>(outage.failed());
    constexpr double kNearlyAll = 0.9;
    return failed >= std::max(kFewestFailures, kNearlyAll * in_flight) &&
           failed * log_failing_ < std::log(kByChance);
  }

  std::vector<Pulse> pulses_;
  std::vector<Gap> gaps_;
  double log_failing_ = 0;
};

std::vector<Outage> outages_of(const Timeline& timeline, const Concerns& concerns, std::int64_t from = 0) {
  return Finder(pulses_of(timeline, concerns, from)).all();
}

words::Absence told(const Outage& outage, const Target& target) {
  return {.replica = outage.replica ? replica_name(target.urls.at(*outage.replica)) : "",
          .replicas = target.urls.size(),
          .begin = outage.begin,
          .end = outage.end,
          .ended = outage.ended,
          .ever_answered = outage.ever_answered,
          .silent = outage.silent(),
          .with_errors = 2 * errors_of(outage) > outage.failed(),
          .failed = outage.failed(),
          .kinds = {.failed = outage.failed(), .by_outcome = outage.failures}};
}

}  // namespace

std::uint64_t Outage::failed() const {
  std::uint64_t sum = 0;
  for (const std::uint64_t count : failures) sum += count;
  return sum;
}

std::uint64_t Outage::failed(std::initializer_list<Outcome> kinds) const {
  std::uint64_t sum = 0;
  for (const Outcome kind : kinds) sum += failures[static_cast<std::size_t>(kind)];
  return sum;
}

std::vector<Outage> find_outages(const Timeline& timeline, const Target& target, std::uint32_t cell) {
  auto outages = outages_of(timeline, [&](const SeriesKey& key) { return key.cell == cell; });
  // Where headers name replicas, what a URL answers is not counted as its own.
  if (target.urls.size() < 2 || !target.replica_header.empty()) return outages;
  std::vector<Outage> partial;
  for (std::uint32_t replica = 0; replica < target.urls.size(); ++replica) {
    for (Outage& outage : outages_of(
             timeline, [&](const SeriesKey& key) { return key.cell == cell && key.replica == replica; })) {
      const bool whole = std::any_of(outages.begin(), outages.end(), [&](const Outage& all) {
        return all.touches(outage.begin, outage.end);
      });
      if (whole) continue;
      outage.replica = replica;
      partial.push_back(outage);
    }
  }
  outages.insert(outages.end(), partial.begin(), partial.end());
  std::stable_sort(outages.begin(), outages.end(),
                   [](const Outage& a, const Outage& b) { return a.begin < b.begin; });
  return outages;
}

std::optional<Outage> target_down(const Timeline& timeline, std::uint32_t cell) {
  const auto outages = outages_of(
      timeline, [&](const SeriesKey& key) { return key.cell == cell; }, timeline.from());
  if (outages.empty() || outages.back().ended) return std::nullopt;
  const Outage& outage = outages.back();
  const bool waits = outage.failed({Outcome::kTimeout}) == outage.failed();
  const std::int64_t since = outage.silent() ? outage.begin : outage.first_failure;
  return outage.end - since >= (waits ? kStopAfterTimeouts : kStopAfter) ? std::optional(outage)
                                                                         : std::nullopt;
}

std::string outage_sentence(const Outage& outage, const Target& target) {
  return words::absence(told(outage, target));
}

std::string outage_in_short(const Outage& outage, const Target& target) {
  return words::absence_in_short(told(outage, target));
}

}  // namespace kneepoint::coordinator
