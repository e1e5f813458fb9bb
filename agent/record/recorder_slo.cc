// The SLO's part of the recorder: every request against every limit of its cell, as soon as that is decided.
#include <algorithm>
#include <string_view>

#include "agent/record/recorded_series.h"
#include "agent/record/recorder.h"

namespace kneepoint::agent {

std::uint32_t exempt_limits(const Cell& cell, std::uint32_t prompt_class) {
  const auto& classes = cell.workload.classes;
  const std::string_view name =
      prompt_class < classes.size() ? std::string_view(classes[prompt_class].name) : std::string_view();
  const bool has_own = std::any_of(cell.slo.begin(), cell.slo.end(), [&](const SloLimit& limit) {
    return !limit.prompt_class.empty() && limit.prompt_class == name;
  });
  std::uint32_t exempt = 0;
  for (std::size_t i = 0; i < cell.slo.size(); ++i) {
    if (cell.slo[i].prompt_class != (has_own ? name : std::string_view())) exempt |= 1u << i;
  }
  return exempt;
}

void Recorder::judge(RequestRecord& record, std::size_t limit, std::int64_t second, bool met) {
  record.judged |= 1u << limit;
  record.missed = record.missed || !met;
  SloCount& count = stats(*record.series, second).slo[limit];
  ++(met ? count.met : count.missed);
}

/// TTFT's or TTFO's event has come at `at`.
void Recorder::judge_time_limits(RequestRecord& record, SloMetric metric, MonoTime at) {
  const auto& limits = record.series->cell->slo;
  bool open = false;
  for (std::size_t i = 0; i < limits.size(); ++i) {
    if (!is_time_limit(limits[i].metric) || (record.judged & (1u << i)) != 0) continue;
    if (limits[i].metric != metric) {
      open = true;
      continue;
    }
    const MonoTime due = record.due + limits[i].limit;
    judge(record, i, second_of(std::min(at, due)), at <= due);
  }
  if (!open) unwatch(record);
}

void Recorder::judge_at_end(RequestRecord& record, MonoTime at, Outcome outcome) {
  if (outcome == Outcome::kCancelled) return;
  const bool success = outcome == Outcome::kSuccess;
  const auto& limits = record.series->cell->slo;
  const std::int64_t second = second_of(at);
  for (std::size_t i = 0; i < limits.size(); ++i) {
    if ((record.judged & (1u << i)) != 0) continue;
    const Nanos limit = limits[i].limit;
    if (!success) {
      judge(record, i, second, false);
    } else if (limits[i].metric == SloMetric::kE2e) {
      judge(record, i, second, record.chunks > 0 && record.last - record.due <= limit);
    } else if (!record.streamed) {
      record.missed = true;  // cannot be shown, so not counted either way
    } else if (limits[i].metric == SloMetric::kTpot) {
      const auto gaps = static_cast<std::int64_t>(record.tokens()) -
                        static_cast<std::int64_t>(record.known_first().value_or(1));
      judge(record, i, second, gaps < 1 || record.last - record.first <= limit * gaps);
    } else if (limits[i].metric == SloMetric::kIcl) {
      judge(record, i, second, record.longest_gap <= limit);
    } else {
      judge(record, i, second, false);  // it ended without a first token or answer
    }
  }
  if (success && !record.missed) ++stats(*record.series, second).joint_good;
}

/// Counts the time limits that have passed unanswered by `now`, each in the second in which it passed.
void Recorder::miss_overdue(MonoTime now) {
  for (RequestRecord *record = oldest_watched_, *next; record != nullptr; record = next) {
    next = record->later;
    const auto& limits = record->series->cell->slo;
    bool open = false;
    for (std::size_t i = 0; i < limits.size(); ++i) {
      if (!is_time_limit(limits[i].metric) || (record->judged & (1u << i)) != 0) continue;
      const MonoTime due = record->due + limits[i].limit;
      if (due < now) {
        judge(*record, i, second_of(due), false);
      } else {
        open = true;
      }
    }
    if (!open) unwatch(*record);
  }
}

void Recorder::watch(RequestRecord& record) {
  record.earlier = std::exchange(newest_watched_, &record);
  (record.earlier != nullptr ? record.earlier->later : oldest_watched_) = &record;
}

void Recorder::unwatch(RequestRecord& record) {
  if (record.earlier == nullptr && oldest_watched_ != &record) return;
  (record.earlier != nullptr ? record.earlier->later : oldest_watched_) = record.later;
  (record.later != nullptr ? record.later->earlier : newest_watched_) = record.earlier;
  record.earlier = record.later = nullptr;
}

}  // namespace kneepoint::agent
