#pragma once

#include <string_view>

/// Titles and captions of the charts of report.html, the live page and a comparison: sentences. A title with
/// `against` set is followed by what the load is called: "Throughput against concurrency".
namespace kneepoint::coordinator::words {

struct ChartWords {
  std::string_view title, caption;
  bool against = false;
};

inline constexpr ChartWords kTtftHeat{
    "Time to first token over time",
    "Each column is a stretch of time; the darker, the more of its requests. Two bands are two kinds of "
    "requests, and what stands alone at the top was held up."};
inline constexpr ChartWords kIclHeat{
    "Gaps between chunks over time",
    "The same of the inter-chunk latency (ICL): what a reader of a stream waits for."};
inline constexpr ChartWords kRequests{"Requests: each one's time to first token",
                                      "Dots: up to five requests of each second, drawn by lot. Rings: the "
                                      "slowest of the others. Point at one for "
                                      "its X-Request-Id."};
inline constexpr ChartWords kGoodput{"Goodput against ",
                                     "Requests per second that met every limit, beside all that completed. "
                                     "Where the lines part, work is done that "
                                     "nobody has use for.",
                                     true};
inline constexpr ChartWords kThroughput{"Throughput against ",
                                        "Output tokens per second with 95 % intervals. The band is the "
                                        "interval of the saturation point; the thin line "
                                        "is what perfect scaling from the lowest step would give.",
                                        true};
inline constexpr ChartWords kTtft{"Time to first token",
                                  "Percentiles over the requests of each step, logarithmic. A steep rise "
                                  "means that requests wait before they "
                                  "are served."};
inline constexpr ChartWords kTimeline{"Timeline of the run",
                                      "Second by second. Shaded bands are the measured windows, labelled "
                                      "with their load; what lies between them is "
                                      "warm-up."};
inline constexpr ChartWords kErrorsChart{"Errors against ", "Failed requests over those that ended.", true};
inline constexpr ChartWords kTpot{"Time per output token",
                                  "What a reader of the stream feels: the pace after the first token."};
inline constexpr ChartWords kE2e{"End-to-end time", "From the send to the last token, logarithmic."};
inline constexpr ChartWords kTradeoff{"Throughput against latency",
                                      "Each point is a step, labelled with its load. Right is more "
                                      "throughput, low is fast: past the bend, latency "
                                      "is paid and nothing is bought."};
inline constexpr ChartWords kPareto{"What a user gets, what a GPU gives",
                                    "Each point is a step. Right is fast for its user, high is much for the "
                                    "money: what lies below and left of "
                                    "another point is never worth choosing."};
inline constexpr ChartWords kLadder{"Distribution of the time to first token",
                                    "Thin line: shortest to longest. Bar: p50 to p95, with p90 as a notch. "
                                    "Heavy stroke: median. Diamond: mean."};
inline constexpr ChartWords kReplicaThroughput{
    "Replicas: share of throughput",
    "Each replica's output tokens against an equal share. 100 % everywhere is a balanced fleet."};
inline constexpr ChartWords kReplicaTtft{
    "Replicas: time to first token",
    "p95 of each replica, or the median where one had too few requests for it. A replica above the others is "
    "slower, or gets more than its share."};
inline constexpr ChartWords kGeneratorCost{"Generator: cost per token",
                                           "CPU time that the tool itself spends on each token. It should "
                                           "stay flat; what matters is that the tool is "
                                           "never the limit."};
inline constexpr ChartWords kGeneratorLag{"Generator: its own delays",
                                          "p99 of how late the tool sent, how late it processed, and how "
                                          "long it did not look at the network. All should "
                                          "lie far below the latencies above."};

/// Of several targets, behind the name of a scenario.
inline constexpr ChartWords kTargetsThroughput{
    ": throughput", "Output tokens per second of each target, with 95 % intervals."};
inline constexpr ChartWords kTargetsTtft{
    ": time to first token", "p95 of each target, or the median where one had too few requests for it."};
inline constexpr ChartWords kTargetsPareto{
    ": what a user gets, what a GPU gives",
    "Each point is a step, labelled with its load. Right is fast for its user, high is much for the money."};

/// Of the live page.
inline constexpr ChartWords kStairs{"The plan", "Each step is a load; filled ones are measured."};
inline constexpr ChartWords kLiveThroughput{"Throughput against load",
                                            "Output tokens per second with 95 % intervals. The band is the "
                                            "interval of the saturation point, as far as the "
                                            "rows say."};
inline constexpr ChartWords kLiveTtft{"Time to first token", "Percentiles over the requests of each step."};
inline constexpr ChartWords kPace{"Time per output token", "The pace after the first token."};
inline constexpr ChartWords kLiveTradeoff{"Throughput against latency", "Each point is a step."};
inline constexpr ChartWords kLiveTimeline{
    "Second by second", "Load, throughput, latency, and what engine and GPU say beside them."};

/// Of a comparison.
inline constexpr std::string_view kEachRun = "Output tokens per second of each run, with 95 % intervals.",
                                  kWhiskers = "Whiskers are 95 % intervals.",
                                  kFailedOverEnded = "Failed requests over those that ended.",
                                  kWhereEnough = "Where there were requests enough for it.",
                                  kPaceAfterFirst = "The pace after the first token.",
                                  kSendToLast = "From the send to the last token.";

}  // namespace kneepoint::coordinator::words
