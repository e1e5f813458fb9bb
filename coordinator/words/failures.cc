#include "coordinator/words/failures.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "coordinator/results/units.h"

namespace kneepoint::coordinator {
namespace {

/// What a failure is to somebody who did not read docs/report.md.
std::string_view outcome_words(Outcome outcome) {
  switch (outcome) {
    case Outcome::kRejected:
      return "429 or 503";
    case Outcome::kHttp4xx:
      return "other 4xx";
    case Outcome::kHttp5xx:
      return "other 5xx";
    case Outcome::kDns:
      return "name not found";
    case Outcome::kConnect:
      return "not connected";
    case Outcome::kTls:
      return "TLS failed";
    case Outcome::kTimeout:
      return "timed out";
    case Outcome::kStream:
      return "broken off";
    case Outcome::kParse:
      return "not understood";
    case Outcome::kErrorAt200:
      return "error inside a 200";
    case Outcome::kAborted:
      return "aborted by the host";
    case Outcome::kEmpty:
      return "empty";
    case Outcome::kTruncated:
      return "no end";
    case Outcome::kUnread:
      return "unreadable";
    case Outcome::kSuccess:
    case Outcome::kCancelled:
      break;
  }
  return "";
}

std::string kind_words(Outcome outcome, const FailureKind& kind) {
  const bool by_status =
      outcome == Outcome::kRejected || outcome == Outcome::kHttp4xx || outcome == Outcome::kHttp5xx;
  return by_status && kind.status ? fmt::format("{}", *kind.status) : std::string(outcome_words(outcome));
}

/// So many failures, in a reader's words.
struct Counted {
  std::uint64_t count = 0;
  std::string words;
  const FailureKind* example = nullptr;  ///< One in which the host said something, else any.
};

/// Most first. What no kind tells of, as in reports of old, has the words of its outcome.
std::vector<Counted> counted(const RequestCounts& all) {
  std::vector<Counted> list;
  const auto add = [&](std::uint64_t count, const std::string& words, const FailureKind* example) {
    if (count == 0 || words.empty()) return;
    const auto same =
        std::find_if(list.begin(), list.end(), [&](const Counted& each) { return each.words == words; });
    Counted& into = same == list.end() ? list.emplace_back(Counted{.words = words}) : *same;
    into.count += count;
    if (example && (!into.example || (into.example->said.empty() && !example->said.empty())))
      into.example = example;
  };
  for (const Outcome outcome : kOutcomes) {
    std::uint64_t left = all.by_outcome[static_cast<std::size_t>(outcome)];
    for (const FailureKind& kind : all.failures) {
      if (kind.outcome != to_string(outcome)) continue;
      add(kind.count, kind_words(outcome, kind), &kind);
      left -= std::min(left, kind.count);
    }
    add(left, std::string(outcome_words(outcome)), nullptr);
  }
  std::stable_sort(list.begin(), list.end(),
                   [](const Counted& a, const Counted& b) { return a.count > b.count; });
  return list;
}

/// "8, 16 and 64": the loads of the rows in which a kind of failure was counted.
std::string loads_of(const ScenarioResult& result, const std::string& words) {
  std::vector<std::string> loads;
  for (const Step& step : result.steps) {
    const auto kinds = counted(step.requests);
    const std::string load = format_figure(step.load());
    if (std::any_of(kinds.begin(), kinds.end(), [&](const Counted& each) { return each.words == words; }) &&
        std::find(loads.begin(), loads.end(), load) == loads.end())
      loads.push_back(load);
  }
  if (loads.size() < 2) return fmt::format("{}", fmt::join(loads, ""));
  const std::string last = loads.back();
  loads.pop_back();
  return fmt::format("{} and {}", fmt::join(loads, ", "), last);
}

}  // namespace

std::string kinds_words(const RequestCounts& all) {
  std::vector<std::string> counts;
  for (const Counted& each : counted(all)) counts.push_back(fmt::format("{} × {}", each.count, each.words));
  return fmt::format("{}", fmt::join(counts, ", "));
}

std::string kinds_in_short(const RequestCounts& all) {
  const auto kinds = counted(all);
  return kinds.size() == 1 ? kinds.front().words : kinds_words(all);
}

std::string errors_words(const RequestCounts& all) {
  if (all.failed == 0) return "none";
  const double ratio = static_cast<double>(all.failed) / static_cast<double>(all.failed + all.completed);
  return fmt::format("{} % ({})", format_share(ratio), kinds_words(all));
}

std::string example_of(const RequestCounts& all) {
  for (const Counted& each : counted(all)) {
    if (each.example && !each.example->said.empty())
      return fmt::format("{}: {}", each.words, each.example->said);
  }
  return "";
}

std::vector<std::string> failure_sentences(const ScenarioResult& result, const RequestCounts& all) {
  std::vector<std::string> sentences;
  for (const Counted& each : counted(all)) {
    std::string text = fmt::format("{} × {} at {}", each.count, each.words, loads_of(result, each.words));
    if (each.example && !each.example->said.empty()) text += "; one said: " + each.example->said;
    if (each.example && !each.example->request_id.empty())
      text += "; X-Request-Id " + each.example->request_id;
    sentences.push_back(std::move(text));
  }
  return sentences;
}

}  // namespace kneepoint::coordinator
