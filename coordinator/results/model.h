#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/clock.h"
#include "common/second_stats.h"
#include "coordinator/results/look.h"
#include "coordinator/results/movement.h"
#include "coordinator/results/trust.h"
#include "coordinator/telemetry/step_telemetry.h"

/// The report as data. Every renderer (text, JSON, Markdown, CSV) reads this and nothing else; names follow
/// report.json (docs/report.md). A figure that could not be measured is absent, never 0. Times are seconds.
namespace kneepoint::coordinator {

/// Both ends included, in the unit of the figure that it belongs to.
struct Interval {
  double low = 0;
  double high = 0;
};

/// A figure with its error, in the unit that its name says.
struct Estimate {
  std::optional<double> value;
  std::optional<Interval> ci95;
  std::optional<double> standard_error;  ///< Of the batches; doubled where the window was short, as ci95 is.
};

/// The distribution of one latency in a window.
struct LatencySummary {
  std::uint64_t count = 0;
  std::optional<double> mean, stddev, p50, p90, p95, p99, min, max;
  std::optional<Interval> p50_ci95, p95_ci95;
};

/// One SLO limit, or all of them together, counted over a step's requests.
struct SloCheck {
  std::string name;  ///< "ttft_p95"; "joint" for all of them.
  std::uint64_t met = 0, missed = 0;
  std::optional<double> missed_ratio;
  /// One-sided 95 % bounds of the ratio, each the more cautious of exact binomial and batches.
  std::optional<Interval> bounds;
  std::string state;  ///< "PASS", "FAIL" or "INDETERMINATE".
};

/// The generator's own error in a window.
struct GeneratorSummary {
  std::optional<double> cpu_us_per_token;
  std::optional<double> cpu_seconds;
  std::optional<double> rx_lag_p99_seconds, loop_gap_p99_seconds, send_lag_p99_seconds;
  std::optional<double> multi_event_read_ratio;
  std::optional<double> client_coalesced_ratio;
  std::optional<double> unstamped_read_ratio;
  std::optional<double> busiest_thread_ratio;  ///< p95 over the window's seconds.
  std::optional<double> resident_bytes;        ///< Of the largest agent process, at most.
};

/// What the network did to the requests that ended in a window.
struct NetworkSummary {
  SegmentCounts segments;
  /// Sent again of those sent, and received out of order of those received; absent where there were none.
  std::optional<double> retransmitted_ratio, out_of_order_ratio;
  /// The larger of the two: what the network loses, as far as either end of it sees.
  std::optional<double> loss_ratio() const { return std::max(retransmitted_ratio, out_of_order_ratio); }
};

/// Failed requests of one kind and status, and one of them for an example.
struct FailureKind {
  std::string outcome;                  ///< As in by_outcome: "rejected".
  std::optional<std::uint64_t> status;  ///< Of HTTP; absent where no response came.
  std::uint64_t count = 0;
  std::string said;        ///< By the host, in the example: its first bytes in one line; empty: nothing.
  std::string request_id;  ///< X-Request-Id of the example; empty where it is not known.
};

/// Requests of a window: those that began in it, and those that ended in it.
struct RequestCounts {
  std::uint64_t started = 0, completed = 0, failed = 0;
  std::array<std::uint64_t, kOutcomeCount> by_outcome{};
  /// Most first. At most 16 kinds are told apart: their counts may be less than `failed`.
  std::vector<FailureKind> failures;
};

/// One of the requests that waited longest for their first token.
struct SlowRequest {
  std::string request_id;  ///< The X-Request-Id that it was sent with.
  double ttft_seconds = 0;
  double sent_at_seconds = 0;  ///< Since the run's zero.
};

/// A replica's or a prompt class's share of a step.
struct Share {
  std::string name;
  RequestCounts requests;
  std::optional<double> requests_per_second, output_tokens_per_second;
  /// Of its requests that ended, those that met every limit that they are held against; absent without SLO.
  std::optional<double> goodput_ratio;
  LatencySummary ttft_seconds, tpot_seconds, e2e_seconds;
  /// As of a step.
  std::optional<double> cached_prompt_ratio, reasoning_ratio, audio_prompt_ratio, audio_ratio;
};

/// Prompts that were made to a length: what was asked for, and what the server counted.
struct PromptTokens {
  std::optional<double> asked_mean, achieved_mean;
};

/// What one source says of the output tokens a second.
struct TokenWitness {
  std::string name;  ///< "usage", "chunks", "max_tokens" (what the answers that reached it had), "engine",
                     ///< "text" (chunks, by what those of other rows have).
  double output_tokens_per_second = 0;
};

/// A row's count of output tokens, held against whatever else tells how many there were.
struct TokenCount {
  /// "confirmed" by a second witness; "unconfirmed": there is none; "corrected": the server's usage is
  /// refuted, and another count is confirmed; "differs": they disagree, and which is right is not known.
  std::string state;
  std::vector<TokenWitness> witnesses;
  /// Of text, as written in JSON.
  std::optional<double> text_bytes_per_token, text_bytes_per_chunk;
  std::optional<double> over_limit_ratio;  ///< Answers that were counted as longer than they might be.
  /// Of the answers whose TPOT takes their first chunk for one token: tokens in a chunk.
  std::optional<double> assumed_tokens_per_chunk;
  std::string suspicion;  ///< What would explain a count that is too high: a clause; or empty.
};

/// How answers came: "one piece" and "flush" are something between the host and us.
struct Delivery {
  std::optional<double> one_piece_ratio;  ///< Of streamed answers of eight chunks or more.
  std::optional<double> flush_seconds;    ///< The period in which chunks come together; absent: they do not.
  std::optional<double> events_per_flush;
  /// Of streamed answers of eight chunks or more: those that nothing kept back and that came faster than any
  /// host makes tokens. Absent where they are no more than chance.
  std::optional<double> at_once_ratio;
};

/// First chunks that the second follows much later than the others follow each other: of the answers of eight
/// chunks or more, and seconds between the two on average.
struct EarlyFirst {
  double ratio = 0, gap = 0;
};

/// Which models answered, as sums over the marks of their names tell it.
struct ModelNames {
  double answers = 0, mean = 0, variance = 0;

  bool one() const { return variance < 0.5; }  ///< Marks are whole numbers.
  /// The share of answers that are not of the model whose mark is `mark`, where there is one other: of two
  /// values the mean and the variance tell how often each is there. Of several others it is the least.
  double others(double mark) const {
    const double off = (mean - mark) * (mean - mark);
    return off > 0 ? off / (off + variance) : 0;
  }
};

/// What a host that moves in a way that is known made of one row.
struct HostSpeed {
  double ratio = 1;  ///< Its speed while the row was measured, over what it is on average.
  /// Of throughput over `ratio`, relative: of the window itself and of what is known of the movement.
  double standard_error = 0;
};

enum class TokenSource { kUsage, kEstimated, kChunks };
/// "usage", "estimated", "chunks"
std::string_view to_string(TokenSource source);
std::optional<TokenSource> token_source_from_string(std::string_view name);

/// What a step holds, so many of them; of an open loop, what begins in a second.
enum class LoadKind { kRequests, kUsers, kRate, kSessionRate };
constexpr bool is_rate(LoadKind kind) {
  return kind == LoadKind::kRate || kind == LoadKind::kSessionRate;
}

/// One row: a load, or a part of the time that it was held.
struct Step {
  std::uint32_t concurrency = 0;  ///< Slots asked for; of an open loop, the most that it may use.
  /// Of an open loop, and only of one: requests a second asked for, or sessions where these think.
  std::optional<double> offered_rate;
  /// Of an open loop: requests that were due and that were started, per second of the window.
  std::optional<double> due_per_second, achieved_rate;
  std::optional<double> backlog;  ///< Of an open loop: mean number of requests that were due and not started.
  std::optional<double> achieved_concurrency;
  std::uint32_t attempt = 1;
  std::string role;          ///< "" for a step of the ramp; "descending" or "proof" for what came after it.
  bool scout = false;        ///< A search's brief look; what it led to was measured longer.
  std::optional<Look> look;  ///< Of a row that measures again for what is claimed.
  std::optional<std::uint32_t> agents;  ///< Of a proof: how many made the load.
  /// Of a descending step: from the fall to it until throughput and TTFT were those of the way up again;
  /// absent where that did not happen within the step.
  std::optional<double> recovery_seconds;
  bool valid = true;
  std::string state;  ///< "NEAR-LINEAR", "DIMINISHING", "SATURATED", "COLLAPSING", "CLIENT_BOUND", …
  std::vector<std::string> flags;  ///< "SHORT_WINDOW", "LOWEST LATENCY", "INCOMPLETE", …
  /// Why it is not valid, and after that what weakens it; whole sentences without a stop.
  std::vector<std::string> reasons;
  /// The flags that the first so many reasons belong to: those for which it is not valid.
  std::vector<std::string> faults;
  std::string note;                 ///< For a reader: "near-linear; lowest latency".
  double window_begin_seconds = 0;  ///< Since the run's zero.
  double duration_seconds = 0;
  /// What arrived in each half second of the window (tokens; chunks where nobody counted them), and the
  /// requests refused in each second. Not in report.json: what moved within a window is told from them when
  /// the report is made. Empty where a step is bounded by requests, or folded.
  std::vector<double> half_seconds, refused;
  /// Absent where the host does not move, or not in a way that is known well enough to allow for it.
  std::optional<HostSpeed> speed;
  RequestCounts requests;
  Estimate requests_per_second, output_tokens_per_second;
  std::optional<double>
      goodput_ratio;  ///< Requests that met every limit over those that ended; absent without SLO.
  std::optional<double> error_ratio;
  /// Requests that met every limit, per second.
  std::optional<double> goodput_requests_per_second;
  std::optional<double> waiting;      ///< Mean number of requests sent without a first token yet.
  std::optional<double> backing_off;  ///< Mean number of slots that waited after a failure.
  std::uint64_t reconnects = 0;
  std::uint64_t early_stops = 0;
  std::optional<ModelNames> model_names;  ///< Absent where no answer names its model.
  /// Of the requests that ended, as the row's tokens are counted; absent where more than 1 % of them failed.
  std::optional<double> answer_tokens_mean;
  /// Of the requests that ended, as their usage counts them; absent where more than 1 % of them failed or did
  /// not tell.
  std::optional<double> prompt_tokens_per_second;
  /// Of the prompt tokens of answers whose usage tells it: those that a prefix cache held.
  std::optional<double> cached_prompt_ratio;
  std::optional<double>
      reasoning_ratio;  ///< Of the output tokens that the server counted; absent: it tells none.
  /// Those of the prompt tokens and of the output tokens that are audio, likewise.
  std::optional<double> audio_prompt_ratio, audio_ratio;
  /// Mean number of lanes that sessions have beyond one each; absent where turns never run beside each other.
  std::optional<double> beside;
  std::optional<double> thinking;  ///< Mean number of slots that think; absent where the workload never does.
  std::optional<PromptTokens> prompt_tokens;  ///< Absent unless prompts are made to a length; of first turns.
  LatencySummary ttft_seconds, ttfo_seconds, tpot_seconds, icl_seconds, e2e_seconds, connect_seconds;
  /// Of an open loop: from the instant at which the request was due.
  LatencySummary ttft_intended_seconds, e2e_intended_seconds;
  std::vector<SloCheck> slo;
  std::optional<SloCheck> slo_joint;  ///< Present where the scenario has limits.
  std::optional<TokenSource> token_source;
  std::optional<TokenCount> token_count;  ///< Absent where no tokens were counted.
  Delivery delivery;
  std::optional<double> hanging;  ///< Mean number of requests that got no answer throughout the window.
  std::uint64_t unanswered = 0;   ///< Requests that timed out without any content.
  std::optional<std::uint64_t> batches;  ///< That the intervals rest on; absent where there are none.
  GeneratorSummary generator;
  NetworkSummary network;
  std::optional<StepTelemetry> telemetry;     ///< Absent where neither engine nor GPUs told anything.
  std::optional<BystanderFigures> bystander;  ///< Absent where the plan has none.
  std::vector<SlowRequest> slowest;           ///< The ten slowest to the first token; only with `records`.
  std::vector<Share> replicas;                ///< Only where the target has several.
  std::vector<Share> classes;                 ///< Only where the workload has several.
  std::vector<Share> turns;                   ///< Only of conversations: "1", "2", …, "10+".

  LoadKind load_kind() const;
  /// What the scan varies: requests in flight or sessions, or the rate of either that was asked for.
  double load() const { return offered_rate.value_or(concurrency); }

  /// Of the prompt tokens, those that a prefix cache held: as the answers say, else as the server's page
  /// does, which counts everybody's prompts.
  std::optional<double> cache_hits() const;

  bool has_flag(std::string_view flag) const;
  /// Adds `flag` and `reason`; the step stays valid.
  void warn(std::string_view flag, std::string reason);
  /// Takes `flag` away with its reason, which begins with `reason`; whether the step is valid is left.
  void withdraw(std::string_view flag, std::string_view reason);
  /// Adds `flag` and `reason`, and the step is no longer valid: it can never be the knee.
  void invalidate(std::string_view flag, std::string reason);
};

/// The Universal Scalability Law's parameters: tokens a second of one request alone, contention, coherency.
struct Usl {
  double lambda = 0, sigma = 0, kappa = 0;
};

/// From which load on more load gives no more tokens, and why.
struct Saturation {
  /// In units of Step::load(), like the figures that follow: of an open loop, a rate. Claimed only where the
  /// interval's ends are no further apart than kWidestPoint; else the interval is all that is claimed.
  std::optional<double> concurrency;
  std::optional<Interval> ci95;
  std::optional<double> lower_bound;
  std::optional<double> max_output_tokens_per_second;
  std::optional<Usl> usl;                   ///< A diagnostic: nothing is decided by it.
  std::optional<double> power_concurrency;  ///< Another: the step with the most X²/N.
  std::string knee_kind;                    ///< "hard", "soft" or "" where unknown.
  std::string bottleneck;                   ///< "" where it could not be told.
  /// What the host scatters by between windows at one load, relative; part of every row's error.
  std::optional<double> scatter_ratio;
  std::vector<std::string> shape;  ///< What is not plain about the curve: "collapse", "cliff", "two peaks".
  std::string explanation;         ///< Sentences, quoting their evidence.

  static constexpr double kWidestPoint = 1.5;
  /// Where to look: the point, or the (geometric) middle of a range that is no claim.
  std::optional<double> middle() const;
  /// From which load on the host is saturated for all that is claimed: the point, or the range's upper end.
  std::optional<double> from() const;
};

/// Up to which load one limit holds.
struct SloCriterion {
  std::string name;  ///< "ttft_p95"
  double limit = 0;  ///< Seconds.
  std::optional<double> concurrency;
  std::optional<Interval> ci95;
  std::string
      state;  ///< "PASS" (up to the top), "BRACKETED", "FAIL" (from the lowest step), "INDETERMINATE".
  std::string doubt;  ///< Why it is undecided, where it is not for want of requests: a clause.
};

struct SloResult {
  std::vector<SloCriterion> criteria;
  std::optional<SloCriterion> joint;
};

/// What the requests of a result asked, to tell whether two results can be compared.
struct WorkloadIdentity {
  std::string id;       ///< Equal for equal workloads; "" where a report does not say.
  std::string summary;  ///< One line for a reader.
  /// Equal for runs that ask the same texts; "" where a run's texts are its own, or a report does not say.
  std::string texts;
};

/// The relative change of a figure in an hour.
struct HourlyTrend {
  std::string name;  ///< "throughput", "TTFT p50", "agent memory".
  std::optional<double> ratio;
  std::optional<Interval> ci95;
};

/// What was learned beside the saturation point.
struct Finding {
  std::string state;                ///< One word or two in capitals; docs/report.md lists them.
  std::string explanation;          ///< Sentences, quoting their evidence.
  std::vector<HourlyTrend> trends;  ///< Of a soak.
};

/// A figure to plan by, derived from valid rows only.
struct Recommendation {
  std::string name;  ///< "interactive", "admission limit", …
  double value = 0;
  std::optional<Interval> ci95;
  std::string unit;
  std::string basis;  ///< How it comes about.
};

/// The file that the requests were made of.
struct DatasetSource {
  std::string file;    ///< Without its folder.
  std::string sha256;  ///< Of the whole file, in hexadecimal digits.
  std::uint64_t entries = 0;
};

/// One target × scenario.
struct ScenarioResult {
  std::string target, scenario, model;
  WorkloadIdentity workload;
  std::optional<double> load_seconds;  ///< Until the target served its model; absent where it did before.
  std::optional<DatasetSource> dataset;
  std::vector<Step> steps;
  Saturation saturation;
  SloResult slo;
  std::optional<Movement> movement;  ///< Of the host, in time; absent where none was seen.
  std::vector<Step> after;           ///< Measured after the ramp; no part of `saturation` and `slo`.
  std::optional<Finding> proof, descent, soak;  ///< Present where the plan asked for them.
  /// Whether what is claimed was measured again: "HOLDS", "CONTRADICTED", "MEASURED ONCE". Absent where
  /// nothing was claimed.
  std::optional<Finding> confirmation;
  std::vector<Recommendation> recommendations;
  Verdict verdict;

  LoadKind load_kind() const { return steps.empty() ? LoadKind::kRequests : steps.front().load_kind(); }
  /// Whether the load moved through the rows: a survey, which steady rows have to confirm.
  bool moving() const;
  /// The most GPU memory in use in any step's window: of the server's own processes where they are known
  /// throughout, since others may share its cards; else of the cards.
  std::optional<double> peak_gpu_memory_bytes() const;
  bool gpu_memory_is_the_servers() const;
};

/// A limit of the plan or of `--fail-on`, and what the run came to.
struct ThresholdOutcome {
  std::string expression;   ///< As written: "ttft_p95@32>500ms".
  std::string state;        ///< "HELD", "MISSED", or "UNCHECKED": no figure that it could be held against.
  std::string explanation;  ///< The figure that decided, or why there is none: a clause.
};

/// Over the whole run, warm-ups included.
struct Totals {
  std::uint64_t started = 0, completed = 0, failed = 0, cancelled = 0, output_tokens = 0, reconnects = 0;
};

/// The run's coordinator was gone, and another one went on.
struct Resumption {
  RealTime at{};
  double at_seconds = 0;   ///< Since the run's zero: from then on.
  double gap_seconds = 0;  ///< Before that: nothing was measured.
};

/// A run, or as much of it as there was.
struct Report {
  std::string run_id, run_name, version;
  RealTime started_at{};
  double duration_seconds = 0;
  bool interrupted = false;
  std::string stopped_by;   ///< The guard rail that stopped the run, as a sentence; empty: none.
  bool alternated = false;  ///< Its two targets took turns, step by step: their rows are pairs.
  std::vector<Resumption> resumed;
  std::size_t agents = 0;           ///< That took part, lost ones included.
  std::size_t agents_lost = 0;      ///< How often one was lost.
  std::size_t agents_returned = 0;  ///< How often one came back after that.
  std::size_t steps_lost = 0;       ///< That an agent was lost in; each was run again, if the run went on.
  std::string fleet_failure;        ///< Why the loss of agents ended the run, as a clause; empty: it did not.
  std::optional<double>
      clock_uncertainty_seconds;  ///< The largest half round trip of an agent's clock offset.
  std::vector<ScenarioResult> results;
  Verdict verdict;                           ///< What befell the run, and what befell its results.
  std::vector<ThresholdOutcome> thresholds;  ///< In the order in which they were asked for.
  Totals totals;
};

}  // namespace kneepoint::coordinator
