#include "coordinator/bystander/bystander.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <map>
#include <optional>
#include <thread>
#include <utility>

#include "common/secrets.h"
#include "coordinator/calibration/answer_signs.h"
#include "coordinator/calibration/one_token.h"
#include "coordinator/telemetry/http_client.h"
#include "coordinator/telemetry/poll_instants.h"
#include "coordinator/telemetry/telemetry_queue.h"

namespace kneepoint::coordinator {
namespace {

namespace asio = boost::asio;
using asio::use_awaitable;

/// Why the reply is no answer; absent where it is one. A gateway may say 200 and an error.
std::optional<std::string> refusal(const Target& target, const Result<HttpReply>& reply) {
  if (!reply) return reply.error().message;
  if (reply->status != 200) return fmt::format("HTTP status {}", reply->status);
  const auto failed = reports_error(target, reply->body);
  if (!failed) return "HTTP status 200 without JSON";
  if (*failed) return "HTTP status 200 with an error";
  return std::nullopt;
}

}  // namespace

class Bystander::Impl {
 public:
  Impl(const Plan& plan, Options options)
      : options_(std::move(options)), bystander_(*plan.bystander), context_(1) {
    for (const Target& target : plan.targets) {
      watched_.push_back(std::make_unique<Watched>(target));
      asio::co_spawn(context_, ask_again_and_again(*watched_.back()), asio::detached);
    }
    thread_ = std::thread([this] { context_.run(); });
  }

  ~Impl() { stop(); }

  void stop() {
    context_.stop();
    if (thread_.joinable()) thread_.join();
  }

  TelemetryQueue& queue() { return queue_; }

 private:
  /// One target, and what its bystander has seen.
  struct Watched {
    explicit Watched(const Target& its) : target(its) {}
    const Target& target;
    std::vector<std::unique_ptr<HttpClient>> idle;  ///< With a connection each.
    double requests = 0, failed = 0, ttft_sum = 0;
    std::int64_t second = -1;
    double worst = 0;  ///< TTFT in `second`.
    bool told = false;
  };

  std::unique_ptr<HttpClient> client_for(Watched& watched) {
    if (!watched.idle.empty()) {
      auto client = std::move(watched.idle.back());
      watched.idle.pop_back();
      return client;
    }
    const auto key = resolve_secret(watched.target.auth);
    const HttpLimits limits{.connect = watched.target.connect_timeout, .total = bystander_.timeout};
    return std::make_unique<HttpClient>(headers_with_key(watched.target, key ? *key : ""), watched.target.tls,
                                        limits, options_.run_id);
  }

  /// A probe is sent when it is due, whatever became of those before it: a host that stalls must not spare
  /// itself the ones that would have waited.
  asio::awaitable<void> ask_again_and_again(Watched& watched) {
    const auto executor = co_await asio::this_coro::executor;
    asio::steady_timer timer(executor);
    for (std::int64_t k = 0;; ++k) {
      timer.expires_at(poll_instant(options_.zero, bystander_.every, k));
      co_await timer.async_wait(use_awaitable);
      asio::co_spawn(executor, ask(watched, k), asio::detached);
    }
  }

  asio::awaitable<void> ask(Watched& watched, std::int64_t k) {
    // Another text each time: no cache knows it.
    const auto question = one_token(
        watched.target, "",
        fmt::format("({}) {}", options_.run_id.substr(0, 8) + fmt::to_string(k), bystander_.prompt));
    if (!question) {
      note_failure(watched, question.error().message);
      co_return;
    }
    const auto& urls = watched.target.urls;
    std::string url = join_url(urls[static_cast<std::size_t>(k) % urls.size()], question->path);
    auto client = client_for(watched);
    const MonoTime sent = std::chrono::steady_clock::now();
    const Result<HttpReply> reply = co_await client->post(std::move(url), question->body);
    const MonoTime now = std::chrono::steady_clock::now();
    const auto refused = refusal(watched.target, reply);
    const bool answered = !refused;
    // One that had no answer in time waited so long at least.
    const bool waited = answered || (!reply && now - sent >= bystander_.timeout);
    if (answered) watched.idle.push_back(std::move(client));
    if (refused) note_failure(watched, *refused);
    record(watched, answered, waited ? std::optional(to_seconds(now - sent)) : std::nullopt, now);
  }

  void record(Watched& watched, bool answered, std::optional<double> ttft, MonoTime now) {
    const Nanos since = now - options_.zero;
    const std::int64_t second = std::chrono::floor<std::chrono::seconds>(since).count();
    (answered ? watched.requests : watched.failed) += 1;
    TelemetrySample sample{.second = second,
                           .target = watched.target.name,
                           .source = kBystanderSource,
                           .values = {{Signal::kBystanderRequests, watched.requests},
                                      {Signal::kBystanderFailed, watched.failed}},
                           .metrics = {}};
    if (second != watched.second) watched.worst = 0;
    watched.second = second;
    if (ttft) watched.worst = std::max(watched.worst, *ttft);
    if (ttft && answered) watched.ttft_sum += *ttft;
    if (watched.worst > 0) sample.values[Signal::kBystanderTtft] = watched.worst;
    sample.values[Signal::kBystanderTtftSum] = watched.ttft_sum;
    queue_.push(std::move(sample));
  }

  void note_failure(Watched& watched, const std::string& why) {
    if (std::exchange(watched.told, true)) return;
    queue_.notify(fmt::format("The bystander of {} was not answered: {}. It goes on asking.",
                              watched.target.name, why));
  }

  const Options options_;
  const BystanderPlan bystander_;
  asio::io_context context_;                       // outlives the connections of `watched_`, which are its
  std::vector<std::unique_ptr<Watched>> watched_;  // on the thread only
  TelemetryQueue queue_{options_.on_update};
  std::thread thread_;
};

Bystander::Bystander(const Plan& plan, Options options)
    : impl_(std::make_unique<Impl>(plan, std::move(options))) {}
Bystander::~Bystander() = default;
std::vector<TelemetrySample> Bystander::take() {
  return impl_->queue().take();
}
std::vector<std::string> Bystander::take_notices() {
  return impl_->queue().take_notices();
}
void Bystander::stop() {
  impl_->stop();
}

}  // namespace kneepoint::coordinator
