#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/clock.h"
#include "common/distribution.h"
#include "common/result.h"
#include "common/target.h"
#include "common/usage_option.h"

namespace kneepoint {

struct Dataset;

/// Requests that are reported together. They are taken in proportion to their weights, spread evenly over a
/// step's requests, or over its conversations; an entry of a dataset with classes has its own.
struct PromptClass {
  std::string name;
  std::vector<std::string> prompts;  ///< Empty where the texts come from a dataset, or are made.
  std::uint32_t weight = 1;
  std::string model;                           ///< Empty: the target's.
  std::map<std::string, std::string> headers;  ///< Beside the target's, and before them.
  std::string extra_body;  ///< A JSON object; its members win over the workload's. Empty: none.
  bool operator==(const PromptClass&) const = default;
};

/// Texts made to a length in tokens, as the server counts them. No two requests share more than the prefix.
struct Synthetic {
  Distribution input_tokens = 1024;        ///< Of a request; of each turn of a conversation.
  std::uint32_t shared_prefix_tokens = 0;  ///< Of these, how many are the same in every request of a group.
  std::uint32_t prefix_groups = 1;         ///< Requests belong to one of so many groups, at random.
  bool operator==(const Synthetic&) const = default;
};

enum class DatasetOrder : std::uint8_t { kRandom, kSequential };

/// Which dataset, and how its entries are taken.
struct DatasetUse {
  std::string hash;  ///< Of the content (common/dataset.h).
  std::uint64_t bytes = 0;
  DatasetOrder order =
      DatasetOrder::kRandom;    ///< Sequential: request i of a level takes entry i, round and round.
  double time_scale = 1;        ///< Of a trace's arrival times; a closed loop knows none.
  bool lengths_only = false;    ///< A trace: texts are made to its lengths.
  bool output_lengths = false;  ///< Its entries say how long answers may be.
  bool bodies = false;          ///< Its texts are request bodies without model, stream and stream_options.
  bool messages = false;        ///< Its turns are messages in JSON, answers and tools' results included.
  bool operator==(const DatasetUse&) const = default;
};

/// Requests come in conversations: each turn sends the history along, answers as generated included. A slot
/// holds one conversation at a time, on one replica, and thinks between its turns; a failed request ends it.
struct Conversation {
  std::optional<Distribution>
      turns;                    ///< At most as many as a dataset's conversation has; absent: all of them.
  Distribution think_time = 0;  ///< Seconds.
  bool operator==(const Conversation&) const = default;
};

/// What one request asks for. Its text is one of the classes' prompts, an entry of `dataset`, or `synthetic`.
struct Workload {
  std::vector<PromptClass>
      classes;  ///< At least one; with prompts unless there is a dataset or synthetic text.
  bool unique =
      false;  ///< A text that is given, not made, starts with a random word: no two requests are alike.
  bool repeat_texts = false;  ///< Random words follow the seed: another run has the same texts.
  std::optional<Synthetic> synthetic;
  std::optional<DatasetUse> dataset;
  std::optional<Conversation> conversation;
  Distribution think_time = 0;  ///< Seconds from an answer to the slot's next request; not of conversations.
  std::optional<std::string> system;
  std::optional<Distribution>
      output_tokens;  ///< The most of an answer, at least 1. Absent: the server decides.
  std::optional<double> temperature;
  std::optional<double> top_p;
  bool stream = true;
  std::string extra_body;  ///< A JSON object whose members are added to every request body; empty for none.
  /// Whether texts are made to a length, for which words must be weighed in tokens.
  bool makes_text() const { return synthetic || (dataset && dataset->lengths_only); }
  /// Whether slots think at times, and so stand for users rather than for requests in flight.
  bool thinks() const { return conversation || think_time.largest() > 0; }
  bool operator==(const Workload&) const = default;
};

enum class SloMetric { kTtft, kTtfo, kTpot, kIcl, kE2e };
std::string_view to_string(SloMetric metric);
std::optional<SloMetric> slo_metric_from_string(std::string_view name);

/// "At least `quantile` of the requests have `metric` <= `limit`". A single request is good when each limit
/// holds for it.
struct SloLimit {
  SloMetric metric = SloMetric::kTtft;
  double quantile = 0.95;
  Nanos limit{0};
  /// Only requests of this class are held against it; empty: those of every class without limits of its own.
  std::string prompt_class = {};
  std::string name() const;  ///< "ttft_p95", "tpot_p99.9", "ttft_p95 of chat"
  bool operator==(const SloLimit&) const = default;
};

/// Of a cell, those of its classes included.
inline constexpr std::size_t kMostSloLimits = 32;

/// A search for the saturation point, in place of fixed steps.
struct Search {
  std::uint32_t max = 4096;           ///< The most requests in flight that it may try.
  std::optional<Nanos> max_duration;  ///< It ends early rather than take longer.
  double precision = 0.1;  ///< Half the width of the 95 % interval to aim for, relative to the point.
  bool operator==(const Search&) const = default;
};

/// When requests start that wait for nobody: an open loop's arrivals over the whole fleet.
struct ArrivalProcess {
  enum class Kind : std::uint8_t {
    kConstant,  ///< Arrival k is due k / rate after the level has taken effect.
    kPoisson,   ///< Independent exponential gaps.
    kGamma,     ///< Independent gamma gaps of shape `burstiness`: 1 is Poisson, less is burstier.
    kTrace,     ///< The workload's trace says when, once through.
  };
  Kind kind = Kind::kPoisson;
  double rate = 0;  ///< Requests a second; of a trace, its mean.
  double burstiness = 1;
  /// The rate moves evenly from `rate` to `end_rate` in this time and stays there; 0: it does not move. Not
  /// of a trace.
  Nanos over{0};
  double end_rate = 0;
  bool operator==(const ArrivalProcess&) const = default;
};
std::string_view to_string(ArrivalProcess::Kind kind);
std::optional<ArrivalProcess::Kind> arrival_kind_from_string(std::string_view name);

/// Steps of an arrival rate, in place of steps of requests in flight.
struct OpenLoop {
  std::vector<ArrivalProcess> steps;  ///< At least one.
  std::uint32_t max_in_flight = 512;  ///< Arrivals beyond wait, and are counted as a backlog.
  bool operator==(const OpenLoop&) const = default;
};

/// Load that never stands still: it moves evenly from one value to another.
struct LinearRamp {
  double from = 0, to = 0;  ///< Requests in flight, or requests a second; not the same.
  Nanos over{0};            ///< Whole seconds.
  /// The load so long after its beginning; `to` after its end.
  double at(Nanos elapsed) const;
  /// The mean load between two instants of it.
  double mean(Nanos begin, Nanos end) const { return at(begin + (end - begin) / 2); }
  bool operator==(const LinearRamp&) const = default;
};

/// How the load moves. Steps rise or fall; load is never drained between steps of one scenario.
struct Ramp {
  std::vector<std::uint32_t> steps;  ///< Requests in flight over the whole fleet; empty for the two others.
  std::optional<OpenLoop> open;
  Nanos warmup{0};            ///< Left out of the window of every step, at least.
  std::optional<Nanos> hold;  ///< The window's length; absent: a search picks each. Or instead …
  std::optional<std::uint32_t> requests;  ///< … the number of requests that make the step.
  std::optional<Search> search;
  /// Of fixed steps; 0 for a search.
  std::size_t step_count() const { return open ? open->steps.size() : steps.size(); }
  bool soak = false;  ///< `steps` is one level, held for `hold` and measured in bins.
  /// The load moves; each of `steps` (or `open->steps`) is the mean of one row, `hold` long. The last row
  /// takes what is left.
  std::optional<LinearRamp> linear;
  /// Whether the scenario ends once its target has given nothing but failures for ten seconds.
  bool stop_when_down = true;
  /// Of fixed steps: those beside the knee are measured again, in turn.
  bool confirm = false;
  /// Afterwards: the load returns to the top and falls step by step to the lowest.
  bool descend = false;
  /// Afterwards: the knee is measured again with each of these numbers of agents.
  std::vector<std::uint32_t> proof;
  bool operator==(const Ramp&) const = default;
};

/// How long one bin of a soak of `hold` is: whole seconds, 48 bins at most, a minute or more where six of a
/// minute fit.
Nanos soak_bin(Nanos hold);

/// One workload ramped against every target.
struct Scenario {
  std::string name;
  Workload workload;
  Ramp ramp;
  std::vector<SloLimit> slo;
  std::vector<std::string> targets;  ///< Names; empty: every target of the plan.
  bool operator==(const Scenario&) const = default;
};

/// A light stream of requests beside the load, one token each: what other users of the hosts feel.
struct BystanderPlan {
  Nanos every = std::chrono::seconds(2);     ///< A request to every target, answered or not.
  Nanos timeout = std::chrono::seconds(30);  ///< Of one request.
  std::string prompt = "Say yes.";           ///< Behind a few characters that differ each time.
  bool operator==(const BystanderPlan&) const = default;
};

/// Past this the run stops, to spare the target or those who share it.
struct GuardLimit {
  /// A signal ("waiting", "kv_usage_ratio"), a metric's exposed name ("vllm:num_requests_waiting"; of a
  /// histogram or summary its mean since the last reading), or one of the tool's own figures ("error_ratio",
  /// "ttft_p50", "ttft_p95").
  std::string metric;
  double limit = 0;    ///< Seconds where the metric is a latency of the tool's own.
  bool below = false;  ///< Stop where it falls below the limit instead.
  std::string source;  ///< Only this URL's readings count; empty: the targets' and the tool's own.
  int seconds = 1;     ///< For so many readings of one source in a row.
  bool operator==(const GuardLimit&) const = default;
};

/// A limit that the figures of a run are held against at its end, or the differences of a comparison.
struct Threshold {
  enum class Unit : std::uint8_t { kNumber, kSeconds, kPercent, kPoints };
  std::string text;    ///< As written: "ttft_p95@32>500ms".
  std::string metric;  ///< "ttft_p95"
  std::optional<double>
      load;            ///< Of the rows that are meant: requests in flight, users or a rate; absent: any.
  bool below = false;  ///< Missed below `limit`, else above it.
  double limit = 0;    ///< In seconds; 0.01 of "1%" and of "1pt".
  Unit unit = Unit::kNumber;
  bool operator==(const Threshold&) const = default;
};

/// Where a dataset comes from, for the report.
struct DatasetFile {
  std::string name;             ///< Without its folder.
  std::string sha256;           ///< Of the file's bytes, in hexadecimal digits.
  std::size_t skipped = 0;      ///< Bad lines.
  std::string first_skipped{};  ///< "file:line: what is wrong"
};

/// What a plan file says, with its defaults filled in.
struct Plan {
  std::string name;
  std::vector<Target> targets;
  std::vector<Scenario> scenarios;
  std::uint64_t seed = 1;
  std::uint64_t text_seed = 1;        ///< Drawn when a run begins; no part of the file.
  bool records = false;               ///< One line per request in the run directory.
  bool alternate = false;             ///< Two targets take turns, step by step.
  bool stop_when_agent_lost = false;  ///< Else a step that loses an agent is run again.
  std::vector<GuardLimit> guard_rails;
  std::optional<BystanderPlan> bystander;
  std::vector<Threshold> thresholds;                               ///< Of a run: figures, no differences.
  std::map<std::string, std::shared_ptr<const Dataset>> datasets;  ///< By content hash.
  std::map<std::string, DatasetFile> dataset_files;                ///< The same.
  std::string source_text;  ///< The file as read (after variables), kept beside the results.
};

/// What a made text weighs on a target: tokens of a request = overhead + words · tokens_per_word.
struct Calibration {
  enum class Source : std::uint8_t { kAssumed, kTokenize, kUsage };
  double tokens_per_word = 1;
  double overhead_tokens = 0;  ///< Chat template and system prompt.
  Source source = Source::kAssumed;
  bool operator==(const Calibration&) const = default;
};

/// scenario × target: what an agent loads at one time. Cells are numbered in plan order, scenario by
/// scenario.
struct Cell {
  std::uint32_t id = 0;
  std::uint32_t scenario = 0;  ///< Index into Plan::scenarios.
  std::uint32_t target = 0;    ///< Index into Plan::targets / Assignment::targets.
  Workload workload;
  std::vector<SloLimit> slo;
  Calibration calibration;  ///< Where the workload makes text.
  /// What a stream's requests ask for, and less where that is refused.
  UsageOption usage = UsageOption::kContinuous;
  bool operator==(const Cell&) const = default;
};

/// The cells of a plan in the order in which they are run.
std::vector<Cell> cells_of(const Plan& plan);

/// Everything an agent must know for a run, sent once.
struct Assignment {
  std::string run_id;
  std::vector<Target> targets;
  std::vector<Cell> cells;
  std::uint64_t seed = 1;
  /// Of random words, where a workload does not repeat its texts: another one in each run, so that no cache
  /// knows them. Lengths, order and arrivals follow `seed`.
  std::uint64_t text_seed = 1;
  MonoTime zero{};       ///< The run's zero on the receiving agent's monotonic clock.
  bool records = false;  ///< Hand over one RequestRow per request.
  /// By content hash. Travels apart: an agent fetches what its cells name before it is ready.
  std::map<std::string, std::shared_ptr<const Dataset>> datasets;
};

/// Of one agent.
inline constexpr std::uint32_t kMostThreads = 256;

/// The load an agent converges to. Slots are numbered over the whole fleet, and each of the agent's threads
/// runs those of its shares that are below `concurrency` (common/slot_set.h). Instants are durations since
/// the run's zero. A ramp without a stand is one level with a long `spread_over` (or with arrivals whose rate
/// moves).
struct LoadLevel {
  std::uint64_t epoch = 0;  ///< Grows with every level of a run.
  std::uint32_t cell = 0;
  std::uint32_t attempt = 1;
  std::uint32_t concurrency = 0;  ///< Slots over the whole fleet, at most with `arrivals`; 0 ends the load.
  /// Into how many shares the slots are divided; 0: nobody has dealt them, and all are one agent's.
  std::uint32_t shares = 0;
  std::vector<std::vector<std::uint32_t>> held;  ///< By thread of the agent: its shares, ascending.
  std::uint32_t agents = 0;  ///< The first so many agents share it, 0: all. For who deals; does not travel.
  Nanos effective_at{0};
  /// Slots below this number are running already; the added ones start evenly over `spread_over`, and so do
  /// those that come from another thread. Where there are more than `concurrency`, the surplus ones end
  /// evenly over it, the highest number first.
  std::uint32_t warm_slots = 0;
  Nanos spread_over{0};
  /// Requests of the whole fleet after which the level ends by itself: slot s issues the indices ≡ s mod
  /// concurrency.
  std::optional<std::uint64_t> budget;
  /// An open loop: slots issue nothing by themselves but take the arrivals, each as it is due. Arrival k is
  /// the affair of the thread that has slot k mod concurrency. Slots are made as they are needed.
  std::optional<ArrivalProcess> arrivals;
  bool operator==(const LoadLevel&) const = default;
};

}  // namespace kneepoint
