#include "coordinator/telemetry/scraper.h"

#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cmath>
#include <optional>
#include <thread>

#include "coordinator/telemetry/engine_metrics.h"
#include "coordinator/telemetry/gpu_metrics.h"
#include "coordinator/telemetry/local_server.h"
#include "coordinator/telemetry/nvml.h"
#include "coordinator/telemetry/poll_instants.h"
#include "coordinator/telemetry/telemetry_queue.h"

namespace kneepoint::coordinator {
namespace {

/// An instant to the millisecond, as telemetry.jsonl has it: a replay must find the figures of the run.
double as_recorded(Nanos since_zero) {
  return std::round(to_seconds(since_zero) * 1e3) / 1e3;
}

namespace asio = boost::asio;
using asio::use_awaitable;

constexpr int kNiceness = 10;
/// Servers are looked for again after so many polls: they may have been restarted.
constexpr std::int64_t kPollsBetweenSearches = 10;

}  // namespace

class Scraper::Impl {
 public:
  Impl(std::vector<ScrapeEndpoint> endpoints, Options options)
      : options_(std::move(options)), endpoints_(std::move(endpoints)), context_(1) {
    for (const ScrapeEndpoint& endpoint : endpoints_) {
      asio::co_spawn(context_, poll(endpoint), asio::detached);
    }
    if (!options_.nvml_targets.empty()) asio::co_spawn(context_, poll_nvml(), asio::detached);
    for (const auto& [target, ports] : options_.local_ports) servers_.emplace(target, LocalServer(ports));
    if (!servers_.empty()) asio::co_spawn(context_, poll_servers(), asio::detached);
    thread_ = std::thread([this] {
      // Linux applies niceness to the calling thread: the load generator beside it goes first.
      setpriority(PRIO_PROCESS, static_cast<id_t>(gettid()), kNiceness);
      context_.run();
    });
  }

  ~Impl() { stop(); }

  void stop() {
    context_.stop();
    if (thread_.joinable()) thread_.join();
  }

  TelemetryQueue& queue() { return queue_; }

 private:
  /// The first poll that is not over yet, as a number k.
  std::int64_t next_poll() const {
    const auto since = std::chrono::steady_clock::now() - options_.zero;
    const auto k = since / options_.interval;
    return since < Nanos{0} ? k : k + 1;
  }

  MonoTime instant_of(std::int64_t k) const { return poll_instant(options_.zero, options_.interval, k); }

  std::int64_t second_of(std::int64_t k) const {
    return std::chrono::floor<std::chrono::seconds>(k * options_.interval).count();
  }

  /// What a reply is worth, or why it is worth nothing.
  Result<TelemetrySample> read(const HttpReply& reply, const ScrapeEndpoint& endpoint) const {
    if (reply.status != 200) return Error{fmt::format("it answers with HTTP status {}", reply.status)};
    const auto wanted = [this](std::string_view name) {
      return is_engine_metric(name) || is_gpu_metric(name) || options_.watched.contains(std::string(name));
    };
    const Exposition exposition = parse_exposition(reply.body, wanted);
    TelemetrySample sample;
    EngineReading engine = read_engine_metrics(exposition.samples, endpoint.model);
    sample.values = std::move(engine.values);
    sample.ranks = std::move(engine.ranks);
    sample.role = endpoint.role.empty() ? engine.role : endpoint.role;
    sample.values.merge(read_gpu_metrics(exposition.samples, endpoint.gpu_labels));
    for (const MetricSample& metric : exposition.samples) {
      if (!options_.watched.contains(metric.name) || !std::isfinite(metric.value)) continue;
      sample.metrics[metric.name] += metric.value;
    }
    if (sample.values.empty() && sample.metrics.empty()) {
      return Error{"it exposes no metric of a known engine or GPU"};
    }
    return sample;
  }

  asio::awaitable<void> poll(const ScrapeEndpoint& endpoint) {
    const std::string shown = url_for_display(endpoint.url);
    HttpClient client(endpoint.headers, endpoint.tls, options_.limits, options_.run_id);
    asio::steady_timer timer(co_await asio::this_coro::executor);
    bool succeeded = false, told = false;
    for (int failures = 0;;) {
      const std::int64_t k = next_poll();
      timer.expires_at(instant_of(k));
      co_await timer.async_wait(use_awaitable);
      const Result<HttpReply> reply = co_await client.get(endpoint.url);
      // A loaded server writes its page at the end of the wait, and this thread may wait for a core: when it
      // was due says nothing. No reading is dated before what it holds, or a window would hold some of the
      // next load.
      const MonoTime written = std::chrono::steady_clock::now();
      Result<TelemetrySample> sample =
          reply ? read(*reply, endpoint) : Result<TelemetrySample>(Error{reply.error()});
      if (sample) {
        succeeded = true;
        sample->second = second_of(k);
        sample->at = as_recorded(written - options_.zero);
        sample->target = endpoint.target;
        sample->source = shown;
        queue_.push(std::move(*sample));
        continue;
      }
      ++failures;
      if (!succeeded && !endpoint.asked_for) {
        if (failures < options_.tries) continue;
        queue_.notify(fmt::format("No metrics at {}: {}. The run goes on without them.", shown,
                                  sample.error().message));
        co_return;
      }
      if (!told) {
        told = true;
        queue_.notify(fmt::format("No metrics at {} for now: {}. It is tried again every second.", shown,
                                  sample.error().message));
      }
    }
  }

  asio::awaitable<void> poll_nvml() {
    // One each: it remembers the cards that its target uses, for when the server is gone.
    std::map<std::string, std::unique_ptr<Nvml>> readers;
    for (const std::string& target : options_.nvml_targets) {
      auto& nvml = readers[target] = Nvml::open(options_.nvml_library);
      if (!nvml) co_return;
    }
    for (auto& [target, server] : servers_) server.find();
    asio::steady_timer timer(co_await asio::this_coro::executor);
    for (;;) {
      const std::int64_t k = next_poll();
      timer.expires_at(options_.zero + k * options_.interval);
      co_await timer.async_wait(use_awaitable);
      for (const auto& [target, nvml] : readers) {
        const auto server = servers_.find(target);
        TelemetrySample sample;
        sample.second = second_of(k);
        sample.target = target;
        sample.source = "nvml";
        sample.values = server == servers_.end() ? nvml->read() : nvml->read(server->second.processes());
        if (!sample.values.empty()) queue_.push(std::move(sample));
      }
    }
  }

  asio::awaitable<void> poll_servers() {
    asio::steady_timer timer(co_await asio::this_coro::executor);
    for (std::int64_t polls = 0;; ++polls) {
      const std::int64_t k = next_poll();
      timer.expires_at(instant_of(k));
      co_await timer.async_wait(use_awaitable);
      for (auto& [target, server] : servers_) {
        if (polls % kPollsBetweenSearches == 0) server.find();
        const auto cpu = server.engine_cpu();
        if (!cpu) continue;
        TelemetrySample sample{second_of(k), target, "host", {{Signal::kEngineCpu, *cpu}}, {}};
        sample.at = as_recorded(std::chrono::steady_clock::now() - options_.zero);
        queue_.push(std::move(sample));
      }
    }
  }

  const Options options_;
  const std::vector<ScrapeEndpoint> endpoints_;
  std::map<std::string, LocalServer> servers_;  // by target; on the scraper's thread only
  TelemetryQueue queue_{options_.on_update};
  asio::io_context context_;
  std::thread thread_;
};

Scraper::Scraper(std::vector<ScrapeEndpoint> endpoints, Options options)
    : impl_(std::make_unique<Impl>(std::move(endpoints), std::move(options))) {}
Scraper::~Scraper() = default;
std::vector<TelemetrySample> Scraper::take() {
  return impl_->queue().take();
}
std::vector<std::string> Scraper::take_notices() {
  return impl_->queue().take_notices();
}
void Scraper::stop() {
  impl_->stop();
}

}  // namespace kneepoint::coordinator
