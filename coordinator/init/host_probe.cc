#include "coordinator/init/host_probe.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <array>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <utility>

#include "common/json_quoted.h"
#include "common/secrets.h"
#include "coordinator/telemetry/http_client.h"
#include "coordinator/telemetry/prometheus_text.h"

namespace kneepoint::coordinator {
namespace {

using namespace std::chrono_literals;
using Usage = HostFacts::Usage;

constexpr HttpLimits kLimits{.connect = 5s, .total = 60s, .body = 16 << 20};

/// One request after the other to one host.
class Host {
 public:
  Host(std::string base, const std::string& secret)
      : base_(std::move(base)), client_(headers_of(secret), TlsOptions{}, kLimits) {}

  Result<HttpReply> get(std::string_view path) { return await(client_.get(join_url(base_, path))); }
  Result<HttpReply> post(std::string_view path, std::string json) {
    return await(client_.post(join_url(base_, path), std::move(json)));
  }

 private:
  static std::map<std::string, std::string> headers_of(const std::string& secret) {
    if (secret.empty()) return {};
    return {{"Authorization", "Bearer " + secret}};
  }

  Result<HttpReply> await(boost::asio::awaitable<Result<HttpReply>> exchange) {
    std::optional<Result<HttpReply>> reply;
    const auto store = [](auto awaited, auto& into) -> boost::asio::awaitable<void> {
      into.emplace(co_await std::move(awaited));
    };
    boost::asio::co_spawn(io_, store(std::move(exchange), reply), boost::asio::detached);
    io_.restart();
    io_.run();
    return *std::move(reply);
  }

  const std::string base_;
  boost::asio::io_context io_;
  HttpClient client_;
};

Result<std::vector<HostFacts::Model>> read_models(const HttpReply& reply) {
  if (reply.status == 401 || reply.status == 403)
    return Error{"it asks for a token; name the variable that holds it with --token-env"};
  simdjson::dom::parser parser;
  simdjson::dom::array entries;
  if (reply.status != 200 || parser.parse(reply.body)["data"].get(entries)) {
    return Error{
        fmt::format("/v1/models answers with HTTP status {} and no list of models, so it does not speak "
                    "OpenAI's API; docs/dialects.md tells how to describe other hosts",
                    reply.status)};
  }
  std::vector<HostFacts::Model> models;
  for (const simdjson::dom::element entry : entries) {
    std::string_view id;
    if (entry["id"].get(id)) continue;
    HostFacts::Model model{.id = std::string(id)};
    // vLLM and SGLang; llama.cpp tells what the model was trained for, which the server may have cut.
    std::uint64_t length = 0;
    if (!entry["max_model_len"].get(length) && length > 0) model.max_length = length;
    models.push_back(std::move(model));
  }
  if (models.empty()) return Error{"/v1/models lists no model: is it still loading?"};
  return models;
}

void read_metrics(const HttpReply& reply, HostFacts& facts) {
  if (reply.status != 200) return;
  const Exposition exposition = parse_exposition(reply.body, [](std::string_view) { return true; });
  facts.has_metrics = !exposition.samples.empty();
  facts.engine = read_engine_metrics(exposition.samples).engine;
}

struct Attempt {
  Api api;
  std::string_view path, question, options;
};

/// From what tells most to what every host understands.
constexpr std::string_view kRunningUsage =
    R"("stream":true,"stream_options":{"include_usage":true,"continuous_usage_stats":true})";
constexpr std::string_view kEndUsage = R"("stream":true,"stream_options":{"include_usage":true})";
constexpr std::string_view kPlain = R"("stream":true)";
constexpr std::string_view kMessages = R"("messages":[{"role":"user","content":"Count from one to ten."}])";
constexpr std::string_view kPrompt = R"("prompt":"Count from one to ten.")";
constexpr std::array kAttempts = {Attempt{Api::kOpenAiChat, "/v1/chat/completions", kMessages, kRunningUsage},
                                  Attempt{Api::kOpenAiChat, "/v1/chat/completions", kMessages, kEndUsage},
                                  Attempt{Api::kOpenAiChat, "/v1/chat/completions", kMessages, kPlain},
                                  Attempt{Api::kOpenAiCompletions, "/v1/completions", kPrompt, kRunningUsage},
                                  Attempt{Api::kOpenAiCompletions, "/v1/completions", kPrompt, kEndUsage},
                                  Attempt{Api::kOpenAiCompletions, "/v1/completions", kPrompt, kPlain}};

/// Finds the dialect that is answered. @returns why the last attempt failed.
Result<void> find_dialect(Host& host, HostFacts& facts) {
  std::string why;
  for (const Attempt& attempt : kAttempts) {
    const auto reply = host.post(
        attempt.path, fmt::format(R"({{"model":{},{},"max_tokens":16,{}}})",
                                  json_quoted(facts.models.front().id), attempt.question, attempt.options));
    if (!reply) return reply.error();
    const auto usage = reply->status == 200 ? usage_of_stream(reply->body) : std::nullopt;
    if (usage) {
      facts.api = attempt.api;
      facts.usage = *usage;
      return {};
    }
    why = reply->status == 200 ? fmt::format("{} streams no text", attempt.path)
                               : fmt::format("{} answers with HTTP status {}", attempt.path, reply->status);
  }
  return Error{fmt::format("it does not answer a request for '{}': {}", facts.models.front().id, why)};
}

}  // namespace

std::optional<Usage> usage_of_stream(std::string_view body) {
  simdjson::dom::parser parser;
  bool text_seen = false, running = false, at_end = false;
  while (!body.empty()) {
    const std::string_view line = body.substr(0, body.find('\n'));
    body.remove_prefix(std::min(body.size(), line.size() + 1));
    if (!line.starts_with("data:")) continue;
    simdjson::dom::element event;
    if (parser.parse(simdjson::padded_string(line.substr(5))).get(event)) continue;
    simdjson::dom::object usage;
    const bool has_usage = !event["usage"].get(usage);
    bool has_text = false;
    for (const char* pointer : {"/choices/0/delta/content", "/choices/0/delta/reasoning_content",
                                "/choices/0/delta/reasoning", "/choices/0/text"}) {
      std::string_view text;
      has_text = has_text || (!event.at_pointer(pointer).get(text) && !text.empty());
    }
    text_seen = text_seen || has_text;
    running = running || (has_text && has_usage);
    at_end = at_end || has_usage;
  }
  if (!text_seen) return std::nullopt;
  return running ? Usage::kRunning : at_end ? Usage::kAtEnd : Usage::kNone;
}

Result<HostFacts> probe_host(const ProbeOptions& options) {
  const auto secret = resolve_secret(options.auth);
  if (!secret) return secret.error();
  const auto refuse = [&](const std::string& why) { return Error{fmt::format("{}: {}", options.url, why)}; };
  HostFacts facts{.url = options.url, .auth = options.auth};
  Host host(options.url, *secret);

  const auto health = host.get("/health");
  if (!health) return health.error();
  if (health->status == 200 || health->status >= 500) facts.healthy = health->status == 200;
  const auto listed = host.get("/v1/models");
  if (!listed) return listed.error();
  auto models = read_models(*listed);
  if (!models) return refuse(models.error().message);
  facts.models = *std::move(models);
  if (!options.model.empty()) {
    const auto wanted = std::find_if(facts.models.begin(), facts.models.end(),
                                     [&](const HostFacts::Model& m) { return m.id == options.model; });
    if (wanted == facts.models.end())
      return refuse(fmt::format("it does not serve '{}' but '{}'", options.model, facts.models.front().id));
    std::rotate(facts.models.begin(), wanted, wanted + 1);
  }
  if (const auto metrics = host.get("/metrics")) read_metrics(*metrics, facts);
  if (const auto found = find_dialect(host, facts); !found) return refuse(found.error().message);
  return facts;
}

}  // namespace kneepoint::coordinator
