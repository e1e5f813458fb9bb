#include "tests/simhost/metrics.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace kneepoint::simhost {

namespace {

// Bounds as in vLLM's loggers.py.
constexpr double kTtftBounds[] = {0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1,  0.25,  0.5,   0.75,
                                  1.0,   2.5,   5.0,  7.5,  10.0, 20.0, 40.0, 80.0, 160.0, 640.0, 2560.0};
constexpr double kTokenBounds[] = {0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2,  0.3,  0.4, 0.5,
                                   0.75, 1.0,   2.5,  5.0,   7.5, 10.0, 20.0, 40.0, 80.0};
constexpr double kRequestBounds[] = {0.3,  0.5,  0.8,  1.0,  1.5,   2.0,   2.5,   5.0,   10.0,   15.0,  20.0,
                                     30.0, 40.0, 50.0, 60.0, 120.0, 240.0, 480.0, 960.0, 1920.0, 7680.0};
constexpr double kLengthBounds[] = {1,    2,    5,    10,    20,    50,    100,    200,   500,
                                    1000, 2000, 5000, 10000, 20000, 50000, 100000, 200000};
constexpr double kTransferBounds[] = {0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 5.0};
constexpr double kIterationBounds[] = {1, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384};

constexpr double kUnloadedPowerShare = 0.18;
constexpr double kAmbientCelsius = 34;
constexpr double kWarmingCelsius = 44;
constexpr double kMemoryShareOfVllm = 0.9;  // gpu_memory_utilization: preallocated, whatever the load

void metric_header(std::string& out, std::string_view name, std::string_view type, std::string_view help) {
  fmt::format_to(std::back_inserter(out), "# HELP {} {}\n# TYPE {} {}\n", name, help, name, type);
}

void single(std::string& out, std::string_view name, std::string_view type, std::string_view help,
            std::string_view labels, double value) {
  metric_header(out, name, type, help);
  fmt::format_to(std::back_inserter(out), "{}{{{}}} {}\n", name, labels, value);
}

std::string engine_labels(std::string_view model) {
  return fmt::format(R"(engine="0",model_name="{}")", model);
}

}  // namespace

BucketHistogram::BucketHistogram(std::span<const double> bounds) : bounds_(bounds), counts_(bounds.size()) {}

void BucketHistogram::record(double value, std::uint64_t times) {
  const auto bound = std::lower_bound(bounds_.begin(), bounds_.end(), value);
  if (bound != bounds_.end()) counts_[static_cast<std::size_t>(bound - bounds_.begin())] += times;
  count_ += times;
  sum_ += value * static_cast<double>(times);
}

void BucketHistogram::render(std::string& out, std::string_view name, std::string_view labels) const {
  std::uint64_t cumulative = 0;
  for (std::size_t i = 0; i < bounds_.size(); ++i) {
    cumulative += counts_[i];
    fmt::format_to(std::back_inserter(out), "{}_bucket{{{},le=\"{}\"}} {}\n", name, labels, bounds_[i],
                   cumulative);
  }
  fmt::format_to(std::back_inserter(out),
                 "{0}_bucket{{{1},le=\"+Inf\"}} {2}\n{0}_count{{{1}}} {2}\n{0}_sum{{{1}}} {3}\n", name,
                 labels, count_, sum_);
}

EngineTelemetry::EngineTelemetry()
    : time_to_first_token(kTtftBounds),
      inter_token_latency(kTokenBounds),
      time_per_output_token(kTokenBounds),
      e2e_request_latency(kRequestBounds),
      request_queue_time(kRequestBounds),
      request_inference_time(kRequestBounds),
      request_prefill_time(kRequestBounds),
      request_decode_time(kRequestBounds),
      request_prompt_tokens(kLengthBounds),
      request_generation_tokens(kLengthBounds),
      iteration_tokens(kIterationBounds),
      kv_transfer_time(kTransferBounds) {}

std::string render_vllm_metrics(std::span<const ShownEngine> engines, const EngineConfig& config,
                                std::string_view model) {
  std::string out;
  std::vector<std::string> labels;
  for (std::size_t i = 0; i < engines.size(); ++i)
    labels.push_back(fmt::format(R"(engine="{}",model_name="{}")", i, model));
  // A family stands together, whatever the number of its series.
  const auto family = [&](auto name, auto type, auto help, const auto& append) {
    metric_header(out, name, type, help);
    for (std::size_t i = 0; i < engines.size(); ++i) append(engines[i], labels[i]);
  };
  const auto value = [&](auto name, auto type, auto help, const auto& of) {
    family(name, type, help, [&](const ShownEngine& engine, const std::string& its_labels) {
      fmt::format_to(std::back_inserter(out), "{}{{{}}} {}\n", name, its_labels, of(engine));
    });
  };
  const auto gauge = [&](auto name, auto help, const auto& of) { value(name, "gauge", help, of); };
  const auto counter = [&](auto name, auto help, auto EngineStats::*of) {
    value(name, "counter", help, [of](const ShownEngine& e) { return e.stats.*of; });
  };
  gauge("vllm:num_requests_running", "Number of requests in model execution batches.",
        [](const ShownEngine& e) { return e.stats.running; });
  gauge("vllm:num_requests_waiting", "Number of requests waiting to be processed.",
        [](const ShownEngine& e) { return e.stats.waiting; });
  gauge("vllm:kv_cache_usage_perc", "KV-cache usage. 1 means 100 percent usage.", [&](const ShownEngine& e) {
    return std::min(1.0, static_cast<double>(e.stats.kv_used) / static_cast<double>(config.kv_tokens));
  });
  counter("vllm:num_preemptions_total", "Cumulative number of preemption from the engine.",
          &EngineStats::preemptions);
  counter("vllm:prefix_cache_queries_total", "Prefix cache queries, in terms of number of queried tokens.",
          &EngineStats::prefix_queries);
  counter("vllm:prefix_cache_hits_total", "Prefix cache hits, in terms of number of cached tokens.",
          &EngineStats::prefix_hits);
  if (config.speculative_tokens > 0) {
    counter("vllm:spec_decode_num_drafts_total", "Number of spec decoding drafts.", &EngineStats::drafts);
    counter("vllm:spec_decode_num_draft_tokens_total", "Number of draft tokens.", &EngineStats::draft_tokens);
    counter("vllm:spec_decode_num_accepted_tokens_total", "Number of accepted tokens.",
            &EngineStats::accepted_tokens);
  }
  counter("vllm:prompt_tokens_total", "Number of prefill tokens processed.", &EngineStats::prompt_tokens);
  counter("vllm:generation_tokens_total", "Number of generation tokens processed.",
          &EngineStats::generated_tokens);
  family("vllm:request_success_total", "counter", "Count of successfully processed requests.",
         [&](const ShownEngine& engine, const std::string& its_labels) {
           const EngineTelemetry& t = engine.telemetry;
           const std::pair<std::string_view, std::uint64_t> reasons[] = {
               {"stop", t.finished_stop}, {"length", t.finished_length}, {"abort", t.finished_abort}};
           for (const auto& [reason, count] : reasons) {
             fmt::format_to(std::back_inserter(out),
                            "vllm:request_success_total{{{},finished_reason=\"{}\"}} {}\n", its_labels,
                            reason, count);
           }
         });
  const auto histogram = [&](BucketHistogram EngineTelemetry::*of, auto name, auto help) {
    family(name, "histogram", help, [&](const ShownEngine& engine, const std::string& its_labels) {
      (engine.telemetry.*of).render(out, name, its_labels);
    });
  };
  histogram(&EngineTelemetry::iteration_tokens, "vllm:iteration_tokens_total",
            "Histogram of number of tokens per engine_step.");
  histogram(&EngineTelemetry::time_to_first_token, "vllm:time_to_first_token_seconds",
            "Histogram of time to first token in seconds.");
  histogram(&EngineTelemetry::inter_token_latency, "vllm:inter_token_latency_seconds",
            "Histogram of inter-token latency in seconds.");
  histogram(&EngineTelemetry::time_per_output_token, "vllm:request_time_per_output_token_seconds",
            "Histogram of time_per_output_token_seconds per request.");
  histogram(&EngineTelemetry::e2e_request_latency, "vllm:e2e_request_latency_seconds",
            "Histogram of e2e request latency in seconds.");
  histogram(&EngineTelemetry::request_queue_time, "vllm:request_queue_time_seconds",
            "Histogram of time spent in WAITING phase for request.");
  histogram(&EngineTelemetry::request_inference_time, "vllm:request_inference_time_seconds",
            "Histogram of time spent in RUNNING phase for request.");
  histogram(&EngineTelemetry::request_prefill_time, "vllm:request_prefill_time_seconds",
            "Histogram of time spent in PREFILL phase for request.");
  histogram(&EngineTelemetry::request_decode_time, "vllm:request_decode_time_seconds",
            "Histogram of time spent in DECODE phase for request.");
  histogram(&EngineTelemetry::request_prompt_tokens, "vllm:request_prompt_tokens",
            "Number of prefill tokens processed.");
  histogram(&EngineTelemetry::request_generation_tokens, "vllm:request_generation_tokens",
            "Number of generation tokens processed.");
  metric_header(out, "vllm:cache_config_info", "gauge", "Information of the LLMEngine CacheConfig");
  for (std::size_t i = 0; i < engines.size(); ++i) {
    fmt::format_to(std::back_inserter(out),
                   "vllm:cache_config_info{{block_size=\"16\",enable_prefix_caching=\"{}\",engine=\"{}\","
                   "gpu_memory_utilization=\"0.9\",num_gpu_blocks=\"{}\"}} 1\n",
                   config.prefix_cache ? "True" : "False", i, config.kv_tokens / Engine::kPrefixBlockTokens);
  }
  return out;
}

std::string render_kv_transfer_metrics(const EngineTelemetry& t, std::string_view model) {
  std::string out;
  const std::string labels = engine_labels(model);
  metric_header(out, "vllm:nixl_xfer_time_seconds", "histogram",
                "Histogram of transfer duration for NIXL KV Cache transfers.");
  t.kv_transfer_time.render(out, "vllm:nixl_xfer_time_seconds", labels);
  single(out, "vllm:nixl_num_failed_transfers_total", "counter", "Number of failed NIXL KV Cache transfers.",
         labels, 0);
  return out;
}

std::string render_router_metrics(std::size_t held, std::string_view model) {
  std::string out;
  const std::string labels = fmt::format(
      R"(fairness_id="default-flow",priority="0",inference_pool="pool",model_name="{0}",target_model_name="{0}")",
      model);
  single(out, "llm_d_router_epp_flow_control_queue_size", "gauge",
         "[ALPHA] Current number of requests actively held in the Flow Control queue.", labels,
         static_cast<double>(held));
  return out;
}

std::string render_process_metrics(RealTime started, std::optional<Nanos> cpu) {
  std::string out;
  const auto line = [&](std::string_view name, std::string_view type, std::string_view help, double value) {
    metric_header(out, name, type, help);
    fmt::format_to(std::back_inserter(out), "{} {}\n", name, value);
  };
  line("process_start_time_seconds", "gauge", "Start time of the process since unix epoch in seconds.",
       to_seconds(started.time_since_epoch()));
  if (cpu)
    line("process_cpu_seconds_total", "counter", "Total user and system CPU time spent in seconds.",
         to_seconds(*cpu));
  return out;
}

void GpuSampler::sample(Nanos now, const EngineStats& stats) {
  constexpr Nanos kShortest = std::chrono::milliseconds(100);
  if (now - last_ < kShortest) return;
  const double elapsed = to_seconds(now - last_);
  const auto share = [&](Nanos later, Nanos earlier) {
    return std::clamp(to_seconds(later - earlier) / elapsed, 0.0, 1.0);
  };
  busy_ = share(stats.busy, before_.busy);
  memory_ = share(stats.memory_bound, before_.memory_bound);
  compute_ = share(stats.compute_bound, before_.compute_bound);
  before_ = stats;
  last_ = now;
}

std::string GpuSampler::render(Nanos now, const EngineStats& stats) {
  sample(now, stats);
  // Kernels that stream weights keep the DRAM at some 85 % and the tensor cores nearly idle; prefill does the
  // reverse.
  const double tensor = 0.75 * compute_ + 0.04 * memory_;
  const double dram = 0.85 * memory_ + 0.25 * compute_;
  const double load = 0.5 * busy_ + 0.3 * tensor + 0.2 * dram;
  const double limit = profile_.gpu_power_limit_watts;
  const double used = profile_.gpu_memory_mib * kMemoryShareOfVllm;
  const std::string labels = fmt::format(
      R"(gpu="{0}",UUID="GPU-51305700-0000-0000-0000-{0:012x}",device="nvidia{0}",modelName="{1}",Hostname="simhost")",
      gpu_, profile_.gpu_name);
  std::string out;
  const auto gauge = [&](auto name, auto help, double value) {
    single(out, name, "gauge", help, labels, value);
  };
  gauge("DCGM_FI_DEV_GPU_UTIL", "GPU utilization (in %).", busy_ > 0 ? std::max(1.0, 100 * busy_) : 0);
  gauge("DCGM_FI_DEV_FB_USED", "Framebuffer memory used (in MiB).", used);
  gauge("DCGM_FI_DEV_FB_FREE", "Framebuffer memory free (in MiB).", profile_.gpu_memory_mib - used);
  gauge("DCGM_FI_DEV_POWER_USAGE", "Power draw (in W).",
        limit * (kUnloadedPowerShare + (1 - kUnloadedPowerShare) * std::min(1.0, load)));
  gauge("DCGM_FI_DEV_GPU_TEMP", "GPU temperature (in C).", kAmbientCelsius + kWarmingCelsius * load);
  gauge("DCGM_FI_PROF_GR_ENGINE_ACTIVE", "Ratio of time the graphics engine is active.", busy_);
  gauge("DCGM_FI_PROF_PIPE_TENSOR_ACTIVE", "Ratio of cycles the tensor (HMMA) pipe is active.", tensor);
  gauge("DCGM_FI_PROF_DRAM_ACTIVE",
        "Ratio of cycles the device memory interface is active sending or receiving data.", dram);
  return out;
}

}  // namespace kneepoint::simhost
