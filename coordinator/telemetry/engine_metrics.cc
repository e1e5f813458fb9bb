#include "coordinator/telemetry/engine_metrics.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <set>
#include <string>
#include <unordered_set>

namespace kneepoint::coordinator {
namespace {

using enum Engine;
using enum Signal;

constexpr EngineMetric kEngineMetrics[] = {
    {kVllm, kRunning, "vllm:num_requests_running"},
    {kVllm, kWaiting, "vllm:num_requests_waiting"},
    {kVllm, kKvUsage, "vllm:kv_cache_usage_perc"},
    {kVllm, kKvUsage, "vllm:gpu_cache_usage_perc"},
    {kVllm, kPreemptions, "vllm:num_preemptions_total"},
    {kVllm, kQueueTimeSum, "vllm:request_queue_time_seconds_sum"},
    {kVllm, kQueueTimeCount, "vllm:request_queue_time_seconds_count"},
    {kVllm, kInferenceTimeSum, "vllm:request_inference_time_seconds_sum"},
    {kVllm, kInferenceTimeCount, "vllm:request_inference_time_seconds_count"},
    {kVllm, kPrefillTimeSum, "vllm:request_prefill_time_seconds_sum"},
    {kVllm, kPrefillTimeCount, "vllm:request_prefill_time_seconds_count"},
    {kVllm, kServerTtftSum, "vllm:time_to_first_token_seconds_sum"},
    {kVllm, kServerTtftCount, "vllm:time_to_first_token_seconds_count"},
    {kVllm, kIterationTokensSum, "vllm:iteration_tokens_total_sum"},
    {kVllm, kIterationTokensCount, "vllm:iteration_tokens_total_count"},
    {kVllm, kPrefixHits, "vllm:prefix_cache_hits_total"},
    {kVllm, kPrefixHits, "vllm:gpu_prefix_cache_hits_total"},
    {kVllm, kPrefixQueries, "vllm:prefix_cache_queries_total"},
    {kVllm, kPrefixQueries, "vllm:gpu_prefix_cache_queries_total"},
    {kVllm, kPrefixHitRatio, "vllm:gpu_prefix_cache_hit_rate"},
    {kVllm, kSpecDrafts, "vllm:spec_decode_num_drafts_total"},
    {kVllm, kSpecDraftTokens, "vllm:spec_decode_num_draft_tokens_total"},
    {kVllm, kSpecAccepted, "vllm:spec_decode_num_accepted_tokens_total"},
    {kVllm, kKvTransferSum, "vllm:nixl_xfer_time_seconds_sum"},
    {kVllm, kKvTransferCount, "vllm:nixl_xfer_time_seconds_count"},
    {kVllm, kKvTransferFailed, "vllm:nixl_num_failed_transfers_total"},
    {kVllm, kGenerationTokens, "vllm:generation_tokens_total"},
    {kVllm, kPromptTokens, "vllm:prompt_tokens_total"},
    {kVllm, kRequestsFinished, "vllm:request_success_total"},

    {kSglang, kRunning, "sglang:num_running_reqs"},
    {kSglang, kWaiting, "sglang:num_queue_reqs"},
    {kSglang, kKvUsage, "sglang:token_usage"},
    {kSglang, kPreemptions, "sglang:num_retracted_requests_total"},
    {kSglang, kQueueTimeSum, "sglang:queue_time_seconds_sum"},
    {kSglang, kQueueTimeCount, "sglang:queue_time_seconds_count"},
    {kSglang, kServerTtftSum, "sglang:time_to_first_token_seconds_sum"},
    {kSglang, kServerTtftCount, "sglang:time_to_first_token_seconds_count"},
    {kSglang, kPrefixHitRatio, "sglang:cache_hit_rate"},
    // On the page of a prefill server the first, on that of a decode server the second.
    {kSglang, kKvTransferring, "sglang:num_prefill_inflight_queue_reqs"},
    {kSglang, kKvTransferring, "sglang:num_decode_transfer_queue_reqs"},
    {kSglang, kKvTransferSum, "sglang:kv_transfer_latency_ms_sum", "", "", 1e-3},
    {kSglang, kKvTransferCount, "sglang:kv_transfer_latency_ms_count"},
    {kSglang, kKvTransferFailed, "sglang:num_transfer_failed_reqs_total"},
    {kSglang, kSpecAcceptRatio, "sglang:spec_accept_rate"},
    {kSglang, kSpecAcceptLength, "sglang:spec_accept_length"},
    // Grows with every decode batch; the plain counter only when a request ends.
    {kSglang, kGenerationTokens, "sglang:realtime_tokens_total", "mode", "decode"},
    {kSglang, kGenerationTokens, "sglang:generation_tokens_total"},
    {kSglang, kPromptTokens, "sglang:prompt_tokens_total"},
    {kSglang, kRequestsFinished, "sglang:num_requests_total"},

    {kTgi, kRunning, "tgi_batch_current_size"},
    {kTgi, kWaiting, "tgi_queue_size"},
    {kTgi, kQueueTimeSum, "tgi_request_queue_duration_sum"},
    {kTgi, kQueueTimeCount, "tgi_request_queue_duration_count"},
    {kTgi, kGenerationTokens, "tgi_request_generated_tokens_sum"},
    {kTgi, kPromptTokens, "tgi_request_input_length_sum"},
    {kTgi, kRequestsFinished, "tgi_request_success"},

    {kLlamaCpp, kRunning, "llamacpp:requests_processing"},
    {kLlamaCpp, kWaiting, "llamacpp:requests_deferred"},
    {kLlamaCpp, kKvUsage, "llamacpp:kv_cache_usage_ratio"},
    {kLlamaCpp, kGenerationTokens, "llamacpp:tokens_predicted_total"},
    {kLlamaCpp, kPromptTokens, "llamacpp:prompt_tokens_total"},

    // "active" holds the waiting ones as well: the backend reports waiting = active − scheduled.
    {kTritonTrtLlm, kRunning, "nv_trt_llm_request_metrics", "request_type", "scheduled"},
    {kTritonTrtLlm, kWaiting, "nv_trt_llm_request_metrics", "request_type", "waiting"},
    {kTritonTrtLlm, kKvUsage, "nv_trt_llm_kv_cache_block_metrics", "kv_cache_block_type", "fraction"},
    {kTritonTrtLlm, kQueueTimeSum, "nv_inference_queue_duration_us", "", "", 1e-6},
    {kTritonTrtLlm, kQueueTimeCount, "nv_inference_request_success"},
    {kTritonTrtLlm, kRequestsFinished, "nv_inference_request_success"},

    // What stands before engines, and holds requests until one has room: llm-d's endpoint picker under its
    // three names, and Dynamo's router.
    {kRouter, kRouterWaiting, "llm_d_router_epp_flow_control_queue_size"},
    {kRouter, kRouterWaiting, "llm_d_epp_flow_control_queue_size"},
    {kRouter, kRouterWaiting, "inference_extension_flow_control_queue_size"},
    {kRouter, kRouterWaiting, "dynamo_frontend_router_queue_pending_requests"},
};

/// Labels that tell data parallel ranks apart.
constexpr std::string_view kVllmRank = "engine", kSglangRank = "dp_rank";

/// What a rank's figures are made of.
constexpr std::array<Signal, 9> kOfARank = {kRunning,         kWaiting,          kKvUsage,
                                            kQueueTimeSum,    kQueueTimeCount,   kServerTtftSum,
                                            kServerTtftCount, kGenerationTokens, kRequestsFinished};

/// Labels whose series describe the same requests again.
constexpr std::array<std::string_view, 4> kRankLabels = {"tp_rank", "pp_rank", "moe_ep_rank", "pid"};

/// What a client library of the server's language exposes of its own process, whatever the engine.
constexpr std::string_view kProcessCpuName = "process_cpu_seconds_total";
constexpr std::string_view kProcessStartName = "process_start_time_seconds";

/// Every name of the table begins with one of these, once ':' is '_'.
constexpr std::array<std::string_view, 9> kNamespaces = {"vllm_",
                                                         "sglang_",
                                                         "tgi_",
                                                         "llamacpp_",
                                                         "nv_",
                                                         "llm_d_router_epp_",
                                                         "llm_d_epp_",
                                                         "inference_extension_",
                                                         "dynamo_frontend_"};

/// A name as all spell it: re-exporters write '_' for ':' and put their own prefix before it ("ray_vllm_…");
/// OpenMetrics adds "_total" to a counter, others take it away. Empty: it is of no known engine.
std::string common_spelling(std::string_view name) {
  std::string text(name);
  std::replace(text.begin(), text.end(), ':', '_');
  std::size_t begin = std::string::npos;
  for (const std::string_view space : kNamespaces) {
    for (std::size_t at = text.find(space); at != text.npos; at = text.find(space, at + 1)) {
      if (at == 0 || text[at - 1] == '_') begin = std::min(begin, at);
    }
  }
  if (begin == text.npos) return {};
  text.erase(0, begin);
  constexpr std::string_view kTotal = "_total";
  if (text.ends_with(kTotal)) text.resize(text.size() - kTotal.size());
  return text;
}

/// Read only to derive others: Triton's older backends have neither "waiting" nor "fraction".
constexpr std::string_view kTritonRequests = "nv_trt_llm_request_metrics";
constexpr std::string_view kTritonBlocks = "nv_trt_llm_kv_cache_block_metrics";

using Selected = std::vector<const MetricSample*>;

/// The name under which `metric` stands in the page: its own, else the first that is spelt otherwise, so that
/// what is exposed twice counts once. Empty: it does not stand there.
std::string_view name_in(const std::vector<MetricSample>& samples, const EngineMetric& metric) {
  std::string_view other;
  const std::string wanted = common_spelling(metric.name);
  for (const MetricSample& sample : samples) {
    if (sample.name == metric.name) return sample.name;
    if (other.empty() && common_spelling(sample.name) == wanted) other = sample.name;
  }
  return other;
}

Selected select(const std::vector<MetricSample>& samples, const EngineMetric& metric) {
  Selected selected;
  const std::string_view name = name_in(samples, metric);
  if (name.empty()) return selected;
  for (const MetricSample& sample : samples) {
    // Nothing that is read here can be below 0: some write -1 for what they do not know.
    if (sample.name != name || !std::isfinite(sample.value) || sample.value < 0) continue;
    if (!metric.label.empty() && sample.label(metric.label) != metric.value) continue;
    selected.push_back(&sample);
  }
  // An aggregate over priorities carries none.
  const auto is_total = [](const MetricSample* s) { return s->label("priority").empty(); };
  if (std::any_of(selected.begin(), selected.end(), is_total)) {
    std::erase_if(selected, [&](const MetricSample* s) { return !is_total(s); });
  }
  return selected;
}

/// The labels that tell series apart, as one text.
std::string identity(const MetricSample& sample) {
  auto labels = sample.labels;
  std::erase_if(labels, [](const auto& label) {
    return std::find(kRankLabels.begin(), kRankLabels.end(), label.first) != kRankLabels.end();
  });
  std::sort(labels.begin(), labels.end());
  std::string text;
  for (const auto& [key, value] : labels) text.append(key).append(1, '\1').append(value).append(1, '\2');
  return text;
}

/// The values of series that tell of requests of their own.
std::map<std::string, double> by_identity(const Selected& selected) {
  std::map<std::string, double> values;
  for (const MetricSample* sample : selected) {
    const auto [entry, added] = values.try_emplace(identity(*sample), sample->value);
    if (!added) entry->second = std::max(entry->second, sample->value);
  }
  return values;
}

double aggregate(const Selected& selected, const EngineMetric& metric) {
  double sum = 0, most = 0, above_zero = 0;
  for (const auto& [labels, value] : by_identity(selected)) {
    sum += value;
    most = std::max(most, value);
    if (value > 0) ++above_zero;
  }
  const bool is_mean = metric.signal == kPrefixHitRatio || metric.signal == kSpecAcceptRatio ||
                       metric.signal == kSpecAcceptLength;
  if (metric.signal == kKvUsage) return most * metric.scale;
  if (is_mean) return sum / std::max(1.0, above_zero) * metric.scale;
  return sum * metric.scale;
}

SignalValues read_one(Engine engine, const std::vector<MetricSample>& samples) {
  SignalValues values;
  for (const EngineMetric& metric : kEngineMetrics) {
    if (metric.engine != engine || values.contains(metric.signal)) continue;
    const Selected selected = select(samples, metric);
    if (!selected.empty()) values[metric.signal] = aggregate(selected, metric);
  }
  // SGLang has both gauges whether it speculates or not; a step that does so gives a token at least.
  if (values.contains(kSpecAcceptLength) && values[kSpecAcceptLength] < 1) {
    values.erase(kSpecAcceptLength);
    values.erase(kSpecAcceptRatio);
  }
  return values;
}

/// The number of the data parallel rank that `sample` tells of.
std::optional<std::uint64_t> rank_in(const MetricSample& sample, Engine engine) {
  if (engine != kVllm && engine != kSglang) return std::nullopt;
  const std::string_view text = sample.label(engine == kVllm ? kVllmRank : kSglangRank);
  std::uint64_t rank = 0;
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), rank);
  if (error != std::errc() || rest != text.data() + text.size()) return std::nullopt;
  return rank;
}

/// Whether `samples`, all of one rank, are of several servers: a page that was put together from others has
/// the rank of each.
bool of_several_servers(Engine engine, const std::vector<MetricSample>& samples) {
  const auto running =
      std::find_if(std::begin(kEngineMetrics), std::end(kEngineMetrics),
                   [&](const EngineMetric& m) { return m.engine == engine && m.signal == kRunning; });
  return by_identity(select(samples, *running)).size() > 1;
}

RankValues read_ranks(Engine engine, const std::vector<MetricSample>& samples) {
  std::map<std::uint64_t, std::vector<MetricSample>> by_rank;
  for (const MetricSample& sample : samples) {
    if (const auto rank = rank_in(sample, engine)) by_rank[*rank].push_back(sample);
  }
  if (by_rank.size() < 2) return {};  // vLLM names its one engine, too
  RankValues ranks;
  std::set<Signal> counters;
  for (const auto& [rank, own] : by_rank) {
    if (of_several_servers(engine, own)) return {};
    const SignalValues told = read_one(engine, own);
    SignalValues& values = ranks[rank];
    for (const Signal signal : kOfARank) {
      const auto found = told.find(signal);
      if (found == told.end()) continue;
      values.insert(*found);
      if (signals()[static_cast<std::size_t>(signal)].counter) counters.insert(signal);
    }
  }
  for (auto& [rank, values] : ranks) {
    for (const Signal counter : counters) values.try_emplace(counter, 0);
  }
  return ranks;
}

std::optional<double> triton_value(const std::vector<MetricSample>& samples, std::string_view name,
                                   std::string_view label, std::string_view value) {
  const EngineMetric metric{kTritonTrtLlm, kRunning, name, label, value};
  const Selected selected = select(samples, metric);
  if (selected.empty()) return std::nullopt;
  return aggregate(selected, metric);
}

void derive_triton(const std::vector<MetricSample>& samples, SignalValues& values) {
  const auto active = triton_value(samples, kTritonRequests, "request_type", "active");
  if (active && values.contains(kRunning) && !values.contains(kWaiting)) {
    values[kWaiting] = std::max(0.0, *active - values[kRunning]);
  }
  const auto used = triton_value(samples, kTritonBlocks, "kv_cache_block_type", "used");
  const auto most = triton_value(samples, kTritonBlocks, "kv_cache_block_type", "max");
  if (!values.contains(kKvUsage) && used && most && *most > 0) values[kKvUsage] = *used / *most;
}

/// In an ensemble a request also passes tokenizer models: only the one with a batch manager counts.
std::vector<MetricSample> without_other_triton_models(const std::vector<MetricSample>& samples) {
  std::set<std::string_view> models;
  for (const MetricSample& sample : samples) {
    if (sample.name == kTritonRequests) models.insert(sample.label("model"));
  }
  if (models.empty()) return {};
  std::vector<MetricSample> kept;
  for (const MetricSample& sample : samples) {
    if (sample.name.starts_with("nv_") && models.contains(sample.label("model"))) kept.push_back(sample);
  }
  return kept;
}

/// The process that serves the page. Of several only the busiest could be the limit, and the youngest tells
/// of a restart.
void add_process(const std::vector<MetricSample>& samples, SignalValues& values) {
  for (const MetricSample& sample : samples) {
    if (!std::isfinite(sample.value)) continue;
    const bool cpu = sample.name == kProcessCpuName;
    if (!cpu && sample.name != kProcessStartName) continue;
    const auto [entry, added] = values.try_emplace(cpu ? kProcessCpu : kProcessStart, sample.value);
    if (!added) entry->second = std::max(entry->second, sample.value);
  }
}

/// SGLang labels its series with what a server does; "unified" is all of it.
std::string role_of(const std::vector<MetricSample>& samples) {
  for (const MetricSample& sample : samples) {
    const std::string_view type = sample.label("engine_type");
    if (type == "prefill" || type == "decode") return std::string(type);
  }
  return {};
}

using Labels = std::vector<std::pair<std::string, std::string>>;

/// Whether `sample` says of itself what `other` does not.
bool has_labels_of_its_own(const MetricSample& sample, const MetricSample& other) {
  return std::any_of(sample.labels.begin(), sample.labels.end(),
                     [&](const auto& label) { return other.label(label.first) != label.second; });
}

/// Data parallel ranks have requests of their own, however alike.
bool of_two_ranks(const MetricSample& a, const MetricSample& b) {
  const auto differ = [&](std::string_view label) {
    return !a.label(label).empty() && !b.label(label).empty() && a.label(label) != b.label(label);
  };
  return differ(kVllmRank) || differ(kSglangRank);
}

/// A page that was put together from others may hold one server twice, under the labels of two scrape jobs.
/// Sums of times that agree to the last digit are of the same requests; counts may agree by chance.
std::vector<MetricSample> without_copies(const std::vector<MetricSample>& samples) {
  std::vector<Labels> copies;
  for (std::size_t i = 0; i < samples.size(); ++i) {
    const MetricSample& sample = samples[i];
    const bool time = sample.name.ends_with("_seconds_sum") && sample.value > 0;
    if (!time || std::trunc(sample.value) == sample.value) continue;
    for (std::size_t j = i + 1; j < samples.size(); ++j) {
      if (samples[j].name != sample.name || samples[j].value != sample.value) continue;
      if (of_two_ranks(samples[j], sample)) continue;
      // One of the two goes, with all that has every label of it: others of its job may be servers of their
      // own.
      const MetricSample& copy = has_labels_of_its_own(samples[j], sample) ? samples[j] : sample;
      if (&copy == &sample && !has_labels_of_its_own(sample, samples[j])) continue;
      const Labels labels(copy.labels.begin(), copy.labels.end());
      if (std::find(copies.begin(), copies.end(), labels) == copies.end()) copies.push_back(labels);
    }
  }
  if (copies.empty()) return samples;
  std::vector<MetricSample> kept;
  for (const MetricSample& sample : samples) {
    const auto is_copy = [&](const Labels& labels) {
      return std::all_of(labels.begin(), labels.end(),
                         [&](const auto& label) { return sample.label(label.first) == label.second; });
    };
    if (std::none_of(copies.begin(), copies.end(), is_copy)) kept.push_back(sample);
  }
  return kept;
}

std::vector<MetricSample> of_model(const std::vector<MetricSample>& samples, std::string_view model) {
  const bool found = std::any_of(samples.begin(), samples.end(),
                                 [&](const MetricSample& s) { return s.label("model_name") == model; });
  if (model.empty() || !found) return samples;
  std::vector<MetricSample> kept;
  for (const MetricSample& sample : samples) {
    const auto name = sample.label("model_name");
    if (name.empty() || name == model) kept.push_back(sample);
  }
  return kept;
}

}  // namespace

std::string_view to_string(Engine engine) {
  constexpr std::array<std::string_view, 6> kNames = {
      "vLLM", "SGLang", "TGI", "llama.cpp", "Triton TensorRT-LLM", "router"};
  return kNames[static_cast<std::size_t>(engine)];
}

std::span<const EngineMetric> engine_metrics() {
  return kEngineMetrics;
}

bool is_engine_metric(std::string_view name) {
  static const std::unordered_set<std::string> names = [] {
    std::unordered_set<std::string> all;
    for (const EngineMetric& metric : kEngineMetrics) all.insert(common_spelling(metric.name));
    return all;
  }();
  if (name == kProcessCpuName || name == kProcessStartName) return true;
  const std::string spelling = common_spelling(name);
  return !spelling.empty() && names.contains(spelling);
}

EngineReading read_engine_metrics(const std::vector<MetricSample>& all, std::string_view model) {
  EngineReading best;
  const auto samples = without_copies(of_model(all, model));
  for (const Engine engine : {kVllm, kSglang, kTgi, kLlamaCpp, kTritonTrtLlm, kRouter}) {
    SignalValues values;
    if (engine == kTritonTrtLlm) {
      const auto triton = without_other_triton_models(samples);
      values = read_one(engine, triton);
      derive_triton(triton, values);
    } else {
      values = read_one(engine, samples);
    }
    if (values.size() > best.values.size()) best = {engine, std::move(values), {}};
  }
  if (best.engine == kRouter) {
    best.role = "router";
    return best;
  }
  if (!best.engine) return best;
  add_process(all, best.values);
  best.role = role_of(samples);
  best.ranks = read_ranks(*best.engine, samples);
  return best;
}

}  // namespace kneepoint::coordinator
