#include "coordinator/init/host_probe.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <utility>

#include "common/printable.h"
#include "common/secrets.h"
#include "coordinator/calibration/request_body.h"
#include "coordinator/init/host_words.h"
#include "coordinator/telemetry/host_pages.h"
#include "coordinator/telemetry/prometheus_text.h"
#include "coordinator/telemetry/target_client.h"

namespace kneepoint::coordinator {
namespace {

using namespace std::chrono_literals;

constexpr Nanos kProbeLimit = 60s;   // for everything that is asked
constexpr Nanos kVersionLimit = 2s;  // for what is merely good to know
constexpr std::size_t kVersionBytes = 40;

/// Where an engine says which version it is: the page, and the field of its JSON.
struct VersionPage {
  Engine engine;
  const char* path;
  const char* field;
};
// Triton tells the server's version, which is not TensorRT-LLM's.
constexpr VersionPage kVersionPages[] = {{Engine::kVllm, "/version", "version"},
                                         {Engine::kSglang, "/get_server_info", "version"},
                                         {Engine::kTgi, "/info", "version"},
                                         {Engine::kLlamaCpp, "/props", "build_info"}};

Result<std::vector<HostFacts::Model>> read_models(const HttpReply& reply) {
  if (reply.status == 401 || reply.status == 403)
    return Error{fmt::format("it asks for a token ({}); name the variable that holds it with --token-env",
                             own_words(reply))};
  simdjson::dom::parser parser;
  simdjson::dom::array entries;
  if (reply.status != 200 || parser.parse(reply.body)["data"].get(entries)) {
    if (auto ill = not_well("/v1/models", reply); !ill.empty()) return Error{std::move(ill)};
    return Error{
        fmt::format("/v1/models gives no list of models ({}), so it does not speak OpenAI's API; "
                    "docs/dialects.md says how to describe other hosts",
                    own_words(reply))};
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

/// Absent where it does not tell.
std::optional<bool> read_health(const Result<HttpReply>& reply) {
  if (reply && reply->status == 200) return true;
  if (reply && reply->status >= 500 && !no_such_page(reply->status)) return false;
  return std::nullopt;
}

void read_metrics(const HttpReply& reply, HostFacts& facts) {
  if (reply.status != 200) return;
  const Exposition exposition = parse_exposition(reply.body, [](std::string_view) { return true; });
  facts.has_metrics = !exposition.samples.empty();
  facts.engine = read_engine_metrics(exposition.samples).engine;
}

/// With a time limit of its own: a host that keeps this page back is as good as one without it.
std::string read_version(const Target& target, const std::string& secret, Engine engine) {
  const auto* const page = std::find_if(std::begin(kVersionPages), std::end(kVersionPages),
                                        [&](const VersionPage& each) { return each.engine == engine; });
  if (page == std::end(kVersionPages)) return "";
  TargetClient host(target, secret, {.stop = {}, .limit = kVersionLimit, .run_id = {}});
  const auto reply = host.get(page->path);
  simdjson::dom::parser parser;
  std::string_view version;
  if (!reply || reply->status != 200 || parser.parse(reply->body)[page->field].get(version)) return "";
  return printable_start(version, kVersionBytes);
}

/// Finds the dialect that is answered. @returns why the last one is not.
Result<void> find_dialect(TargetClient& host, Target& target, HostFacts& facts) {
  std::string why;
  for (const Api api : {Api::kOpenAiChat, Api::kOpenAiCompletions}) {
    target.api = api;
    const auto answer = probe_usage(host, target, {.tokens = 16});
    if (answer && answer->reported) {
      facts.api = api;
      facts.token_limit = answer->limit;
      facts.streams = answer->form == AnswerForm::kStream;
      facts.usage = *answer->reported;
      return {};
    }
    if (!host.answered()) return answer.error();
    why = answer ? fmt::format("{} answers without a text that is known ({})", completions_path(api),
                               answer->instead)
                 : answer.error().message;
  }
  return Error{fmt::format("it does not answer a request for '{}': {}", target.model, why)};
}

}  // namespace

std::string engine_words(const HostFacts& facts) {
  const std::string name(to_string(*facts.engine));
  return facts.version.empty() ? name : name + " " + facts.version;
}

Result<HostFacts> probe_host(const ProbeOptions& options) {
  const auto secret = resolve_secret(options.auth);
  if (!secret) return secret.error();
  const auto refuse = [&](const std::string& why) { return Error{fmt::format("{}: {}", options.url, why)}; };
  HostFacts facts{.url = options.url, .auth = options.auth};
  Target target{.urls = {options.url}, .connect_timeout = 5s};
  TargetClient host(target, *secret, {.stop = {}, .limit = kProbeLimit, .run_id = {}});

  const auto listed = host.get("/v1/models");
  if (!listed) return Error{unreachable(options.url, listed.error().message)};
  auto models = read_models(*listed);
  if (!models) return refuse(models.error().message);
  facts.models = *std::move(models);
  facts.clock = clock_remark(listed->date, SystemClock().real_now());
  if (!options.model.empty()) {
    const auto wanted = std::find_if(facts.models.begin(), facts.models.end(),
                                     [&](const HostFacts::Model& m) { return m.id == options.model; });
    if (wanted == facts.models.end())
      return refuse(fmt::format("it does not serve '{}' but '{}'", options.model, facts.models.front().id));
    std::rotate(facts.models.begin(), wanted, wanted + 1);
  }
  if (wants_health(*listed)) facts.healthy = read_health(host.get("/health"));
  if (const auto metrics = host.get("/metrics")) read_metrics(*metrics, facts);
  if (facts.engine) facts.version = read_version(target, *secret, *facts.engine);
  target.model = facts.models.front().id;
  if (const auto found = find_dialect(host, target, facts); !found) return refuse(found.error().message);
  return facts;
}

}  // namespace kneepoint::coordinator
