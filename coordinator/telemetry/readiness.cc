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

#include "coordinator/telemetry/host_pages.h"
#include "coordinator/telemetry/http_client.h"

namespace kneepoint::coordinator {
namespace {

namespace asio = boost::asio;
using asio::use_awaitable;

/// Why the answer of the page of models does not say "ready"; empty where it does, or where the page is not
/// there or not for us: then /health decides.
std::string models_trouble(const HttpReply& reply, const std::string& path, const std::string& model) {
  if (no_such_page(reply.status) || is_guarded(reply.status)) return {};
  if (reply.status != 200) return fmt::format("{} answers with HTTP status {}", path, reply.status);
  if (model.empty()) return {};
  simdjson::dom::parser parser;
  simdjson::dom::array entries;
  if (parser.parse(reply.body)["data"].get(entries) != simdjson::SUCCESS) {
    return path + " does not answer with a list of models";
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

/// Why the answer of /health does not say "ready"; empty where it does, or where the list of models is
/// enough.
/// @param models the reply to `path`, which shows no trouble.
std::string health_trouble(const HttpReply& health, const HttpReply& models, const std::string& path) {
  if (health.status == 200) return {};
  const bool served = !no_such_page(health.status);
  if (served && !is_guarded(health.status))
    return fmt::format("/health answers with HTTP status {}", health.status);
  if (models.status == 200) return {};
  if (no_such_page(models.status)) return fmt::format("it serves neither /health nor {}", path);
  return served ? fmt::format("/health answers with HTTP status {}, and {} with {}", health.status, path,
                              models.status)
                : "";
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
      const Result<HttpReply> models = co_await client.get(join_url(target_.urls[i], models_path_));
      std::string missing =
          models ? models_trouble(*models, models_path_, target_.model) : models.error().message;
      if (missing.empty() && wants_health(*models)) {
        const Result<HttpReply> health = co_await client.get(join_url(target_.urls[i], "/health"));
        missing = health ? health_trouble(*health, *models, models_path_) : health.error().message;
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
  const std::string models_path_ = models_path(target_);
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
