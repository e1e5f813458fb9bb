#include "coordinator/measure/reconcile.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <set>

namespace kneepoint::coordinator {
namespace {

using Limits = ReconcileLimits;

/// The growth of a counter over the readings within [begin, end], and between which instants.
struct Counted {
  double begin = 0, end = 0, increase = 0;
};

std::optional<Counted> counted_in(const Readings& readings, Signal signal, double begin, double end) {
  std::optional<double> previous;
  Counted growth;
  int count = 0;
  for (const auto& [second, sample] : readings) {
    const double at = sample.instant();
    const auto value = value_of(sample, signal);
    if (at < begin || at > end || !value) continue;
    if (previous) growth.increase += step_between(*previous, *value);
    if (!previous) growth.begin = at;
    growth.end = at;
    previous = value;
    ++count;
  }
  if (count < 2 || growth.end - growth.begin < Limits::kShortest) return std::nullopt;
  return growth;
}

/// Engine over client, of all pages together; absent where too little was seen.
std::optional<double> ratio_of(const std::vector<EnginePage>& pages, const ClientLoad& client, Signal signal,
                               double ClientSecond::*what, double begin, double end, double fewest) {
  double engine = 0, seen = 0;
  int told = 0;
  for (const EnginePage& page : pages) {
    const auto growth = counted_in(*page.readings, signal, begin, end);
    if (!growth) continue;
    ++told;
    engine += growth->increase / (growth->end - growth->begin);
    seen += client.sum(what, growth->begin, growth->end) / (growth->end - growth->begin);
  }
  if (told == 0) return std::nullopt;
  seen /= told;  // each page was compared with the whole load, over its own readings
  if (seen * (end - begin) < fewest) return std::nullopt;
  return engine / seen;
}

bool within(double ratio) {
  return ratio >= Limits::kLeast && ratio <= Limits::kMost;
}

}  // namespace

Reconciler::Reconciler(const ClientLoad& client, std::vector<EnginePage> pages)
    : client_(client), pages_(std::move(pages)) {
  std::map<std::int64_t, Rate> by_second;
  for (const EnginePage& page : pages_) {
    const TelemetrySample* previous = nullptr;
    for (const auto& [second, sample] : *page.readings) {
      if (!value_of(sample, Signal::kGenerationTokens)) continue;
      if (previous != nullptr) {
        const double before = *value_of(*previous, Signal::kGenerationTokens);
        const double now = *value_of(sample, Signal::kGenerationTokens);
        Rate& rate = by_second[second];
        rate.at = sample.instant();
        rate.seconds = sample.instant() - previous->instant();
        rate.engine += step_between(before, now);
      }
      previous = &sample;
    }
  }
  for (const auto& [second, rate] : by_second) rates_.push_back(rate);
  lag_ = find_lag();
}

double Reconciler::residence(double begin, double end) const {
  const double ended = client_.sum(&ClientSecond::ended, begin, end);
  return ended > 0 ? client_.sum(&ClientSecond::in_flight, begin, end) / ended : end - begin;
}

/// A server that was restarted falls once, to little; what falls again and again, or falls and comes back,
/// are several servers behind one address.
bool Reconciler::rotates(double begin, double end) const {
  for (const EnginePage& page : pages_) {
    std::optional<double> previous, before_fall, start;
    std::set<double> starts;
    int falls = 0;
    for (const auto& [second, sample] : *page.readings) {
      if (sample.instant() < begin || sample.instant() > end) continue;
      if (const auto began = value_of(sample, Signal::kProcessStart)) {
        if (start && *began != *start && starts.contains(*began)) return true;
        starts.insert(*began);
        start = began;
      }
      const auto value = value_of(sample, Signal::kGenerationTokens);
      if (!value) continue;
      if (previous && *value < *previous) {
        ++falls;
        before_fall = previous;
      } else if (before_fall && *value >= *before_fall && previous &&
                 *previous<*before_fall&& * value - *previous> 0.5 * *before_fall && *before_fall > 0) {
        return true;  // up again at one stroke to where it was
      }
      if (falls >= 2) return true;
      previous = value;
    }
  }
  return false;
}

/// The longest time in which no page counted a token while the client received some all the time.
std::optional<double> Reconciler::still(double begin, double end) const {
  double longest = 0, since = 0;
  for (const Rate& rate : rates_) {
    if (rate.at - rate.seconds < begin || rate.at > end) continue;
    const double tokens = client_.sum(&ClientSecond::tokens, rate.at - rate.seconds, rate.at);
    since = rate.engine <= 0 && tokens > 0 ? since + rate.seconds : 0;
    longest = std::max(longest, since);
  }
  if (longest > std::max(Limits::kOld, Limits::kResidences * residence(begin, end))) return longest;
  return std::nullopt;
}

/// How much earlier the load was that the pages tell of, over the whole run: the shift at which the engine's
/// rates follow the client's, where without one they do not.
std::optional<double> Reconciler::find_lag() const {
  if (rates_.size() < 10 || client_.empty()) return std::nullopt;
  const auto mismatch = [&](double lag) -> std::optional<double> {
    double engine = 0, client = 0;
    std::vector<std::pair<double, double>> pairs;
    for (const Rate& rate : rates_) {
      if (rate.seconds <= 0 || rate.seconds > 2) continue;
      const double seen =
          client_.sum(&ClientSecond::tokens, rate.at - rate.seconds - lag, rate.at - lag) / rate.seconds;
      pairs.emplace_back(rate.engine / rate.seconds, seen);
      engine += pairs.back().first;
      client += seen;
    }
    if (engine <= 0 || client <= 0) return std::nullopt;
    double off = 0;
    for (const auto& [told, seen] : pairs) off += std::abs(told / engine - seen / client);
    return off;  // 0 where they agree at every instant, 2 where at none
  };
  const auto now = mismatch(0);
  if (!now) return std::nullopt;
  // What follows the load at no shift is no old page: a part whose share changes, say.
  constexpr double kPlain = 0.1, kFollows = 0.2;
  double best = *now;
  int lag = 0;
  for (int candidate = 1; candidate <= Limits::kOldest; ++candidate) {
    const auto off = mismatch(candidate);
    if (off && *off < best) {
      best = *off;
      lag = candidate;
    }
  }
  const double first = rates_.front().at, last = rates_.back().at;
  // Loads that double from step to step look like themselves a step later, on a page of a part: what is old
  // tells of all of the load, only later.
  double told = 0, seen = 0;
  for (const Rate& rate : rates_) {
    told += rate.engine;
    seen += client_.sum(&ClientSecond::tokens, rate.at - rate.seconds - lag, rate.at - lag);
  }
  constexpr double kWhole = 0.8;
  const bool old =
      lag >= std::max(Limits::kOld, Limits::kResidences * residence(first, last)) && told >= kWhole * seen;
  return old && *now > kPlain && best < 0.5 * *now && best < kFollows ? std::optional<double>(lag)
                                                                      : std::nullopt;
}

PageCheck Reconciler::check(double begin, double end) const {
  PageCheck page;
  if (pages_.empty() || client_.empty()) return page;
  if (rotates(begin, end)) {
    page.state = "rotating";
    return page;
  }
  page.tokens_ratio =
      ratio_of(pages_, client_, Signal::kGenerationTokens, &ClientSecond::tokens, begin, end, 1);
  const auto at_end =
      ratio_of(pages_, client_, Signal::kGenerationTokens, &ClientSecond::ended_tokens, begin, end, 1);
  page.requests_ratio = ratio_of(pages_, client_, Signal::kRequestsFinished, &ClientSecond::ended, begin, end,
                                 Limits::kFewestRequests);
  double held = 0;
  int readings = 0;
  for (const EnginePage& source : pages_) {
    double sum = 0;
    int count = 0;
    for (const auto& [second, sample] : *source.readings) {
      const auto running = value_of(sample, Signal::kRunning), waiting = value_of(sample, Signal::kWaiting);
      if (sample.instant() < begin || sample.instant() > end || !running) continue;
      sum += *running + waiting.value_or(0);
      ++count;
    }
    if (count > 0) held += sum / count;
    readings += count;
  }
  const double in_flight = client_.sum(&ClientSecond::in_flight, begin, end) / std::max(1e-9, end - begin);
  if (readings > 0 && in_flight > 0) page.in_flight_ratio = held / in_flight;

  if (lag_) {
    page.state = "stale";
    page.lag_seconds = lag_;
    return page;
  }
  if (const auto stood = still(begin, end)) {
    page.state = "frozen";
    page.still_seconds = stood;
    return page;
  }
  // A batch and a queue that hold more than there is: at a steady rate an old page counts as much as a new
  // one.
  if (page.in_flight_ratio.value_or(0) > Limits::kHeldMost && held - in_flight >= Limits::kHeldMore &&
      page.tokens_ratio && within(*page.tokens_ratio)) {
    page.state = "unlike";
    return page;
  }
  // Either count may be wrong by itself: a page is off only where tokens and requests say so. Where too few
  // requests ended to say anything, what the page holds must agree with what it counted; and an engine that
  // counts tokens when a request ends must not look like a part.
  const auto agrees = [](const std::optional<double>& ratio) { return ratio && within(*ratio); };
  const std::optional<double>& second = page.requests_ratio ? page.requests_ratio : page.in_flight_ratio;
  const auto both = [&](auto holds) {
    return page.tokens_ratio && holds(*page.tokens_ratio) && second && holds(*second);
  };
  // Others' answers may be so long that none of them ended: then what the page holds is the second witness.
  const bool others_hold = page.tokens_ratio && *page.tokens_ratio > Limits::kMost &&
                           page.in_flight_ratio.value_or(0) > Limits::kMost;
  if (agrees(page.tokens_ratio) || (agrees(page.requests_ratio) && !others_hold)) {
    page.state = "covered";
  } else if (others_hold) {
    page.state = "others";
  } else if (!agrees(at_end) || page.requests_ratio) {
    const bool no_counter = !page.tokens_ratio && page.requests_ratio;
    const auto below = [](double ratio) { return ratio < Limits::kLeast; };
    const auto above = [](double ratio) { return ratio > Limits::kMost; };
    if (both(below) || (no_counter && below(*page.requests_ratio))) page.state = "partial";
    if (both(above) || (no_counter && above(*page.requests_ratio))) page.state = "others";
  }
  return page;
}

}  // namespace kneepoint::coordinator
