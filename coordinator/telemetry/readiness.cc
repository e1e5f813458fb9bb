#include "coordinator/telemetry/readiness.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "coordinator/telemetry/http_client.h"

namespace kneepoint::coordinator {
namespace {

namespace asio = boost::asio;
using asio::use_awaitable;

/// Kept from whoever has no key for it: the page is there, and says nothing.
bool guarded(int status) {
  return status == 401 || status == 403;
}

bool not_served(int status) {
  return status == 404 || status == 405 || status == 501;
}

/// Why the answer of /v1/models does not say "ready"; empty where it does. @param health whether /health
/// does.
std::string models_trouble(const HttpReply& reply, const std::string& model, bool health) {
  if (not_served(reply.status)) return health ? "" : "it serves neither /health nor /v1/models";
  if (guarded(reply.status)) return {};
  if (reply.status != 200) return fmt::format("/v1/models answers with HTTP status {}", reply.status);
  if (model.empty()) return {};
  simdjson::dom::parser parser;
  simdjson::dom::array entries;
  if (parser.parse(reply.body)["data"].get(entries) != simdjson::SUCCESS) {
    return "/v1/models does not answer with a list of models";
  }
  std::string listed;
  for (const simdjson::dom::element entry : entries) {
    std::string_view id;
    if (entry["id"].get(id) != simdjson::SUCCESS) continue;
    if (id == model) return {};
    listed += fmt::format("{}'{}'", listed.empty() ? "" : ", ", id);
  }
  return fmt::format("it does not serve '{}' but {}", model, listed.empty() ? "nothing" : listed);
}

/// Why the answer of /health does not say "ready"; empty where it does, or where the page is not there or not
/// for us: then the list of models decides.
std::string health_trouble(const Result<HttpReply>& reply) {
  if (!reply) return reply.error().message;
  if (reply->status == 200 || not_served(reply->status) || guarded(reply->status)) return {};
  return fmt::format("/health answers with HTTP status {}", reply->status);
}

class Waiter {
 public:
  Waiter(const Target& target, const ReadinessOptions& options)
      : target_(target), options_(options), context_(1), begun_(std::chrono::steady_clock::now()) {
    for (const std::string& url : target.urls) replicas_.push_back({.url = url_for_display(url)});
    trouble_.resize(replicas_.size(), "not tried yet");
  }

  Result<std::vector<ReplicaReadiness>> run() {
    for (std::size_t i = 0; i < replicas_.size(); ++i) {
      asio::co_spawn(context_, wait_for(i), asio::detached);
    }
    const std::stop_callback on_stop(options_.stop, [this] { context_.stop(); });
    context_.run();
    for (std::size_t i = 0; i < replicas_.size(); ++i) {
      if (trouble_[i].empty()) continue;
      if (options_.stop.stop_requested()) return Error{"stopped while waiting for " + replicas_[i].url};
      return Error{fmt::format("{} was not ready after {:.0f} s: {}", replicas_[i].url,
                               to_seconds(options_.deadline), trouble_[i])};
    }
    return replicas_;
  }

 private:
  asio::awaitable<void> wait_for(std::size_t i) {
    auto headers = target_.headers;
    for (const auto& [name, value] : options_.headers) headers[name] = value;
    HttpClient client(std::move(headers), target_.tls, HttpLimits{}, options_.run_id);
    asio::steady_timer timer(co_await asio::this_coro::executor);
    for (bool first = true;; first = false) {
      const Result<HttpReply> health = co_await client.get(join_url(target_.urls[i], "/health"));
      std::string missing = health_trouble(health);
      if (missing.empty()) {
        const Result<HttpReply> models = co_await client.get(join_url(target_.urls[i], "/v1/models"));
        missing =
            models ? models_trouble(*models, target_.model, health->status == 200) : models.error().message;
        if (models && missing.empty() && guarded(health->status) && models->status != 200) {
          missing = fmt::format("/health answers with HTTP status {}, and /v1/models with {}", health->status,
                                models->status);
        }
      }
      const MonoTime now = std::chrono::steady_clock::now();
      const bool changed = missing != trouble_[i];
      trouble_[i] = missing;
      if (missing.empty()) {
        replicas_[i].seconds = to_seconds(now - options_.started.value_or(begun_));
        replicas_[i].at_once = first;
        co_return;
      }
      if (changed && options_.on_wait) {
        options_.on_wait(fmt::format("{} is not ready: {}", replicas_[i].url, missing));
      }
      if (now + options_.interval - begun_ > options_.deadline) co_return;
      timer.expires_after(options_.interval);
      co_await timer.async_wait(use_awaitable);
    }
  }

  const Target& target_;
  const ReadinessOptions& options_;
  asio::io_context context_;
  const MonoTime begun_;
  std::vector<ReplicaReadiness> replicas_;
  std::vector<std::string> trouble_;
};

}  // namespace

Result<std::vector<ReplicaReadiness>> wait_ready(const Target& target, const ReadinessOptions& options) {
  return Waiter(target, options).run();
}

}  // namespace kneepoint::coordinator
