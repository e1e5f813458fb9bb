#include "coordinator/measure/delivery.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "coordinator/measure/statistics.h"
#include "coordinator/words/rows.h"

namespace kneepoint::coordinator {
namespace {

/// Of the long answers, surely, before a row's times are no longer the host's.
constexpr double kBuffered = 1.0 / 3, kBeginAlone = 1.0 / 3;

/// Chunks closer together than this came together: one flush may take several reads.
constexpr double kTogether = 0.001;
constexpr double kFewestFlushes = 20;
/// Gaps that lie within a quarter of the period: a timer's do, but for the last of each answer, whose end
/// flushes what is there. Where answers are short that is one of few.
constexpr double kRegular = 0.8, kRegularWithin = 0.25, kFewestRegular = 0.4;
/// Of the gaps of a timer, where the period is read: short ones lie below it.
constexpr double kPeriodAt = 0.4;
/// 20,000 tokens a second in one stream.
constexpr double kFasterThanAnyHost = 50e-6;
/// Of the long answers, surely, before they are more than a stall in which everything gathered.
constexpr double kAtOnce = 0.05;
/// A flush carries what took a host this many times its time per token, in at least that period: more than a
/// speculative step yields, or slower than one is.
struct FlushRule {
  double tokens, period;
};
constexpr std::array kFlushRules = {FlushRule{5.5, 0.03}, FlushRule{3, 0.08}};

/// A queue's waits end; what waits through this many of the longest of them hangs.
constexpr double kLongestWaits = 4;

/// A request that hangs throughout, but for rounding at the edges.
constexpr double kNearlyOne = 0.9;

bool undecidable(std::string_view limit, std::initializer_list<std::string_view> metrics) {
  return std::any_of(metrics.begin(), metrics.end(),
                     [&](std::string_view m) { return limit.starts_with(m); });
}

void undecide(SloCheck& check) {
  check = {.name = std::move(check.name), .state = "INDETERMINATE"};
}

template <class Forget>
void of_every_share(Step& step, Forget forget) {
  for (auto* shares : {&step.replicas, &step.classes, &step.turns}) {
    for (Share& share : *shares) forget(share);
  }
}

/// Limits on `metrics` are undecided, and so are all limits together unless another one surely fails.
void undecide(Step& step, std::initializer_list<std::string_view> metrics) {
  bool any = false, fails = false;
  for (SloCheck& check : step.slo) {
    if (undecidable(check.name, metrics)) {
      undecide(check);
      any = true;
    } else {
      fails = fails || check.state == "FAIL";
    }
  }
  if (!any || !step.slo_joint) return;
  step.goodput_ratio.reset();
  step.goodput_requests_per_second.reset();
  of_every_share(step, [](Share& share) { share.goodput_ratio.reset(); });
  if (!fails) undecide(*step.slo_joint);
}

/// Long answers that came whole at once although nothing kept them back. Of TPOTs it is not known how many
/// chunks they are of: short answers, which may be one step of a speculative decoder, are left out first.
std::optional<double> at_once(const SeriesStats& window) {
  const double answers = static_cast<double>(window.witnesses.long_answers);
  const double all = static_cast<double>(window.tpot.count());
  const double fast = all - window.tpot.count_above(kFasterThanAnyHost) - std::max(0.0, all - answers) -
                      static_cast<double>(window.witnesses.one_piece_answers);
  if (fast <= 0 || proportion_lower(fast, answers) <= kAtOnce) return std::nullopt;
  return fast / answers;
}

}  // namespace

bool buffered(const SeriesStats& window) {
  const AnswerWitnesses& answers = window.witnesses;
  return proportion_lower(static_cast<double>(answers.one_piece_answers),
                          static_cast<double>(answers.long_answers)) > kBuffered;
}

std::optional<EarlyFirst> early_first(const SeriesStats& window) {
  const AnswerWitnesses& answers = window.witnesses;
  const auto alone = static_cast<double>(answers.early_firsts);
  const auto all = static_cast<double>(answers.long_answers);
  if (proportion_lower(alone, all) <= kBeginAlone) return std::nullopt;
  return EarlyFirst{.ratio = alone / all,
                    .gap = static_cast<double>(answers.early_first_micros) * 1e-6 / alone};
}

Delivery delivery_of(const SeriesStats& window) {
  Delivery delivery;
  const AnswerWitnesses& answers = window.witnesses;
  if (answers.long_answers > 0) {
    delivery.one_piece_ratio =
        static_cast<double>(answers.one_piece_answers) / static_cast<double>(answers.long_answers);
  }
  delivery.at_once_ratio = at_once(window);
  const Histogram& gaps = window.icl;
  const double all = static_cast<double>(gaps.count());
  const double apart = gaps.count_above(kTogether);
  if (apart < kFewestFlushes || buffered(window)) return delivery;
  const double period = *gaps.quantile_seconds(1 - kPeriodAt * apart / all);
  const double each = *gaps.mean_seconds();
  const double long_enough = gaps.count_above((1 - kRegularWithin) * period);
  const double regular = long_enough - gaps.count_above((1 + kRegularWithin) * period);
  const double cut_short = std::min(apart - long_enough, static_cast<double>(window.completed()));
  if (regular < kFewestRegular * apart || regular + cut_short < kRegular * apart) return delivery;
  for (const FlushRule& rule : kFlushRules) {
    if (period < rule.period || period < rule.tokens * each) continue;
    delivery.flush_seconds = period;
    delivery.events_per_flush = period / each;
  }
  return delivery;
}

std::optional<double> hanging(const SeriesStats& window, double seconds) {
  if (window.ttft.empty() || seconds <= 0) return std::nullopt;
  if (window.ttft.max_seconds() * kLongestWaits > seconds) return std::nullopt;
  // A request that failed has waited, too, and has no TTFT: as long as an answer takes, at most.
  std::uint64_t failed = 0;
  for (std::size_t i = 0; i < kOutcomeCount; ++i) {
    const auto outcome = static_cast<Outcome>(i);
    if (outcome != Outcome::kSuccess && outcome != Outcome::kRejected) failed += window.outcomes[i];
  }
  const double longest =
      std::max(window.ttft.max_seconds(), window.e2e.empty() ? 0 : window.e2e.max_seconds());
  const double of_failed = static_cast<double>(failed) * longest;
  const double stuck = (window.waiting - window.ttft.sum_seconds() - of_failed) / seconds;
  // The edges of the window cut waits: each request in flight once, by its own wait at most.
  const double edges = window.in_flight / seconds * window.ttft.max_seconds() / seconds;
  if (stuck < kNearlyOne || stuck < edges) return std::nullopt;
  return stuck;
}

std::optional<double> unconnected(const WindowCut& cut, std::uint32_t slots, double bin_seconds) {
  double least = slots;
  for (const SeriesStats& bin : cut.seconds)
    least =
        std::min(least, slots - (bin.in_flight + bin.backing_off + bin.thinking - bin.beside) / bin_seconds);
  const double seconds = bin_seconds * static_cast<double>(cut.seconds.size());
  if (seconds <= 0) return std::nullopt;
  // A late start of ours leaves a slot empty, too.
  least -= (cut.generator.connect.sum_seconds() + cut.generator.send_lag.sum_seconds()) / seconds;
  return least < kNearlyOne ? std::nullopt : std::optional(least);
}

void settle_flushes(std::vector<Step>& steps, std::vector<Step>& after) {
  constexpr std::size_t kOneOf = 3;
  std::vector<Step*> rows;
  for (auto* part : {&steps, &after}) {
    for (Step& step : *part) {
      if (step.requests.completed > 0) rows.push_back(&step);
    }
  }
  std::size_t blurred = 0;
  double fewest = 0;  // Chunks in a flush.
  for (const Step* row : rows) {
    if (!row->has_flag("FLUSHED") || !row->has_flag("TPOT_UNKNOWN") || !row->delivery.events_per_flush)
      continue;
    const double events = *row->delivery.events_per_flush;
    fewest = blurred++ == 0 ? events : std::min(fewest, events);
  }
  if (blurred == 0 || kOneOf * blurred < rows.size()) return;
  for (Step* row : rows) {
    if (row->has_flag("FLUSHED") || row->tpot_seconds.count == 0) continue;
    // Enough gaps would have shown a flush, unless the generator was too late to tell.
    const double flushes = static_cast<double>(row->icl_seconds.count) / fewest;
    if (!row->delivery.flush_seconds && flushes >= kFewestFlushes) continue;
    void_tpot(*row);
    row->warn("TPOT_UNKNOWN", words::flushed_elsewhere(blurred, rows.size()));
  }
}

void void_stream_times(Step& step) {
  for (LatencySummary* times : {&step.ttft_seconds, &step.ttfo_seconds, &step.tpot_seconds, &step.icl_seconds,
                                &step.ttft_intended_seconds})
    *times = {};
  of_every_share(step, [](Share& share) { share.ttft_seconds = share.tpot_seconds = {}; });
  undecide(step, {"ttft", "ttfo", "tpot", "icl"});
}

void void_tpot(Step& step) {
  step.tpot_seconds = {};
  of_every_share(step, [](Share& share) { share.tpot_seconds = {}; });
  undecide(step, {"tpot"});
}

}  // namespace kneepoint::coordinator
