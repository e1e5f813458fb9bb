// What the agent's engine costs a streamed token, without a coordinator: one RunController at one level
// against hosts that run already. Prints one JSON object. Compare with the bare sink on the same hosts in the
// same run.
#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <condition_variable>
#include <cstdio>
#include <fstream>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "agent/load/run_controller.h"
#include "agent/net/poller.h"

namespace {

using namespace kneepoint;
using agent::mono_now;

struct Options {
  std::vector<std::string> urls;
  std::string model = "m";
  unsigned threads = 1;
  std::uint32_t concurrency = 200;
  std::uint32_t output_tokens = 200;
  std::string extra_body;
  double seconds = 5;
  double warmup = 2;
};

std::uint64_t resident_bytes() {
  std::ifstream file("/proc/self/statm");
  std::uint64_t size = 0, resident = 0;
  file >> size >> resident;
  return resident * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
}

std::string quantile_ms(const Histogram& histogram, double q) {
  const auto value = histogram.quantile_seconds(q);
  return value ? fmt::format("{:.3f}", *value * 1e3) : "null";
}

/// Collects once a second, as a session does, until `until` since zero; keeps whole seconds from `from` on.
SecondSnapshot collect(agent::RunController& controller, MonoTime zero, double from, double until,
                       std::uint64_t& peak_resident) {
  SecondSnapshot sum;
  std::mutex mutex;
  std::condition_variable never;
  for (std::int64_t complete = -1; complete < static_cast<std::int64_t>(until) - 1;) {
    std::unique_lock lock(mutex);
    never.wait_for(lock, std::chrono::seconds(1));
    const SnapshotBatch batch = controller.collect();
    complete = batch.complete_through;
    for (const SecondSnapshot& second : batch.seconds) {
      if (second.second >= static_cast<std::int64_t>(from) &&
          second.second < static_cast<std::int64_t>(until)) {
        sum.merge(second);
      }
    }
    peak_resident = std::max(peak_resident, resident_bytes());
    if (mono_now() - zero > std::chrono::minutes(5)) break;
  }
  return sum;
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App app("CPU and memory of the agent's engine per streamed token");
  app.add_option("--url", options.urls, "Base URL of a replica; may be repeated")->required();
  app.add_option("--model", options.model, "Model name to ask for");
  app.add_option("--threads", options.threads, "Event-loop threads");
  app.add_option("--concurrency", options.concurrency, "Streams held open");
  app.add_option("--output-tokens", options.output_tokens, "Tokens asked of each request");
  app.add_option("--extra-body", options.extra_body, "Members added to every request, a JSON object");
  app.add_option("--seconds", options.seconds, "Length of the measured window, in whole seconds");
  app.add_option("--warmup", options.warmup, "Seconds before it, over which the streams start");
  CLI11_PARSE(app, argc, argv);

  Assignment assignment;
  assignment.run_id = "bench";
  assignment.zero = mono_now();
  Target target;
  target.name = "bench";
  target.urls = options.urls;
  target.model = options.model;
  assignment.targets.push_back(target);
  Cell cell;
  cell.workload.classes = {{"all", {"What is a transformer?"}, 1}};
  cell.workload.extra_body = options.extra_body;
  cell.workload.output_tokens = options.output_tokens;
  assignment.cells.push_back(cell);
  const std::uint64_t idle_resident = resident_bytes();
  std::uint64_t peak_resident = idle_resident;

  agent::RunController controller(assignment, {}, {.threads = options.threads, .on_level_done = nullptr});
  LoadLevel level;
  level.epoch = 1;
  level.concurrency = options.concurrency;
  level.effective_at = std::chrono::milliseconds(50);
  level.spread_over = from_seconds(options.warmup * 0.8);
  controller.apply(level);
  const SecondSnapshot window =
      collect(controller, assignment.zero, options.warmup, options.warmup + options.seconds, peak_resident);

  SeriesStats sum;
  for (const auto& [key, stats] : window.series) sum.merge(stats);
  std::string outcomes;
  for (const Outcome outcome : kOutcomes) {
    const std::uint64_t n = sum.outcomes[static_cast<std::size_t>(outcome)];
    if (n != 0) outcomes += fmt::format(R"({}"{}":{})", outcomes.empty() ? "" : ",", to_string(outcome), n);
  }
  const GeneratorStats& generator = window.generator;
  const double cpu = generator.cpu_user + generator.cpu_system;
  const auto chunks = static_cast<double>(std::max<std::uint64_t>(sum.chunks, 1));
  fmt::print(
      R"({{"concurrency":{},"threads":{},"chunks":{},"chunks_per_second":{:.0f},"outcomes":{{{}}},)"
      R"("cpu_us_per_token":{:.3f},"cpu_user_us_per_token":{:.3f},"cpu_system_us_per_token":{:.3f},"reads":{},)"
      R"("reads_per_token":{:.3f},"multi_event_reads":{},"client_coalesced":{},"unstamped_reads":{},)"
      R"("mean_in_flight":{:.1f},"ttft_p50_ms":{},"ttft_p99_ms":{},"icl_p50_ms":{},"rx_lag_p50_ms":{},)"
      R"("rx_lag_p99_ms":{},"loop_gap_p99_ms":{},"send_lag_p99_ms":{},"busiest_thread_second":{:.3f},)"
      R"("resident_bytes_per_stream":{:.0f}}})"
      "\n",
      options.concurrency, options.threads, sum.chunks, chunks / options.seconds, outcomes,
      cpu * 1e6 / chunks, generator.cpu_user * 1e6 / chunks, generator.cpu_system * 1e6 / chunks,
      generator.reads, static_cast<double>(generator.reads) / chunks, generator.multi_event_reads,
      generator.client_coalesced, generator.unstamped_reads, sum.in_flight / options.seconds,
      quantile_ms(sum.ttft, 0.5), quantile_ms(sum.ttft, 0.99), quantile_ms(sum.icl, 0.5),
      quantile_ms(generator.rx_lag, 0.5), quantile_ms(generator.rx_lag, 0.99),
      quantile_ms(generator.loop_gap, 0.99), quantile_ms(generator.send_lag, 0.99), generator.busiest_thread,
      static_cast<double>(peak_resident - idle_resident) / options.concurrency);
  return 0;
}
