#include "coordinator/words/pages.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "coordinator/results/units.h"

namespace kneepoint::coordinator::words {
namespace {

std::string pod_or_rank(const PodFigures& pod) {
  return pod.rank ? pod_label(pod) : "pod " + pod_label(pod);
}

/// What a target's parts are, of which there may be both kinds: "pods", "ranks".
std::string pods_or_ranks(const std::vector<PodFigures>& pods) {
  const auto ranks =
      std::count_if(pods.begin(), pods.end(), [](const PodFigures& p) { return p.rank.has_value(); });
  if (ranks == 0) return "pods";
  return static_cast<std::size_t>(ranks) == pods.size() ? "ranks" : "pods and ranks";
}

}  // namespace

std::string page(const PageCheck& page) {
  const double seen = page.tokens_ratio.value_or(page.requests_ratio.value_or(0));
  if (page.state == "partial") return fmt::format("the server's page shows {:.0f} % of our load", seen * 100);
  if (page.state == "others" && seen > 0)
    return fmt::format("{:.0f} % of what the server generated was for others", (1 - 1 / seen) * 100);
  if (page.state == "stale")
    return fmt::format("the server's page is {:.0f} s old", page.lag_seconds.value_or(0));
  if (page.state == "unlike")
    return fmt::format(
        "the server's page holds {:.1f} times as many requests as are in flight: it tells of another time, "
        "or "
        "of requests of others",
        page.in_flight_ratio.value_or(0));
  if (page.state == "frozen")
    return fmt::format("the server's page stood still for {:.0f} s while tokens came",
                       page.still_seconds.value_or(0));
  if (page.state == "rotating") return "the server's page is of one server after another";
  return "";
}

std::string page_at(const Step& plainest, std::size_t steps, std::size_t all, bool witness) {
  std::string text = fmt::format("at {} {}", row_label(plainest), page(plainest.telemetry->page));
  if (steps > 1) text += fmt::format(" (and so at {} of {} steps)", steps, all);
  return witness ? text : text + "; no bottleneck rests on it";
}

std::string engine_counts_otherwise(const Step& step) {
  return fmt::format(
      "at {} the engine counted {} output tokens a second and the answers {}, for the same requests; one of "
      "the two counts is wrong",
      row_label(step), format_figure(step.telemetry->server_tokens_per_second.value_or(0)),
      format_figure(step.output_tokens_per_second.value.value_or(0)));
}

std::string first_content_before_engine(const Step& step) {
  return fmt::format(
      "at {} the first content came after {} on average, the engine's first token after {}: what comes first "
      "is no token",
      row_label(step), format_time(step.ttft_seconds.mean), format_time(step.telemetry->ttft_mean_seconds));
}

std::string prefix_cache(const Step& most, double hits, std::optional<double> by_page, const Step& least,
                         std::optional<double> fewest) {
  std::string text = fmt::format("{:.0f} % of the prompt tokens at {} came out of the server's prefix cache",
                                 hits * 100, row_label(most));
  if (by_page) text += fmt::format(" as its answers say, {:.0f} % as its page does", *by_page * 100);
  if (fewest)
    text +=
        fmt::format(", {:.0f} % at {}: rows were not spared the same work", *fewest * 100, row_label(least));
  return text;
}

std::string fewer_drafts_accepted(const Step& lowest, const Step& highest) {
  const auto accepted = [](const Step& step) {
    return step.telemetry->spec_acceptance_ratio.value_or(0) * 100;
  };
  std::string text =
      fmt::format("fewer draft tokens are accepted as the load grows: {:.0f} % at {}, {:.0f} % at {}",
                  accepted(lowest), row_label(lowest), accepted(highest), row_label(highest));
  const auto& before = lowest.telemetry->spec_acceptance_length;
  const auto& after = highest.telemetry->spec_acceptance_length;
  if (before && after) text += fmt::format(" ({:.2f} tokens a step, then {:.2f})", *before, *after);
  return text + "; the saturation point holds for this acceptance";
}

std::string pod_is_slower(const PodFigures& pod, std::size_t others, const char* time, double own,
                          double of_others, const Step& row, const std::string& witness) {
  std::string share;
  if (pod.requests_share)
    share = fmt::format(", and it answers {:.0f} % of the requests", *pod.requests_share * 100);
  return fmt::format(
      "{} is slower than the other {}: {} {} by its own {} at {}, where the others have {}{}{}",
      pod_or_rank(pod), others, time, format_time(own), pod.rank ? "series" : "page", row_label(row),
      format_time(of_others), share, witness);
}

std::string so_is_replica(const Share& replica, const char* time, double p50) {
  return fmt::format("; so is replica {} by the response header ({} p50 {})", replica.name, time,
                     format_time(p50));
}

std::string mean_here_is_that_of_pages(double here, double of_pages) {
  return fmt::format("; the mean that came here, {}, is the one of all of them, {}", format_time(here),
                     format_time(of_pages));
}

std::string pods_get_unequal_parts(const Step& row, const PodFigures& most, const PodFigures& least) {
  const std::vector<PodFigures>& pods = row.telemetry->pods;
  return fmt::format(
      "the {} {} get unequal parts of the load: at {} {} answers {:.0f} % of the requests, {} {:.0f} %; "
      "the host is full when its fullest {} is",
      pods.size(), pods_or_ranks(pods), row_label(row), pod_or_rank(most),
      most.requests_share.value_or(0) * 100, pod_or_rank(least), least.requests_share.value_or(0) * 100,
      most.rank ? "rank" : "pod");
}

std::string pods_get_no_requests(const Step& row, const PodFigures& first, std::size_t idle, double waiting) {
  const std::vector<PodFigures>& pods = row.telemetry->pods;
  return fmt::format("{} of the {} {} get{} no requests at {} ({}{}), while {} wait at the others", idle,
                     pods.size(), pods_or_ranks(pods), idle == 1 ? "s" : "", row_label(row),
                     pod_or_rank(first), idle == 1 ? "" : " is one", format_figure(waiting));
}

std::string streams_run_in_step(const std::vector<const Step*>& steps) {
  std::vector<std::string> labels;
  for (const Step* step : steps) labels.push_back(row_label(*step));
  const std::string where = labels.size() > 3
                                ? fmt::format("{} steps ({} is one)", labels.size(), labels.front())
                                : fmt::format("{}", fmt::join(labels, " and "));
  return fmt::format("at {} streams run in step: answers of one length end and begin together", where);
}

}  // namespace kneepoint::coordinator::words
