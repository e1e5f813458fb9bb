#include "coordinator/init/host_probe.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <simdjson.h>

#include <algorithm>
#include <utility>

#include "common/printable.h"
#include "common/secrets.h"
#include "coordinator/calibration/request_body.h"
#include "coordinator/calibration/usage_probe.h"
#include "coordinator/init/host_words.h"
#include "coordinator/plan/ready_dialects.h"
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

/// @returns none where the reply is no list.
Result<std::vector<HostFacts::Model>> read_models(const HttpReply& reply, const SecretRef& auth) {
  if (is_guarded(reply.status)) {
    return Error{
        auth.source == SecretRef::Source::kNone
            ? fmt::format("it asks for a key ({}); name the variable that holds it with --token-env",
                          own_words(reply))
            : fmt::format("it does not take the key ({}); check what {} holds", own_words(reply), auth.name)};
  }
  std::vector<HostFacts::Model> models;
  simdjson::dom::parser parser;
  simdjson::dom::array entries;
  if (reply.status != 200 || parser.parse(reply.body)["data"].get(entries)) {
    if (auto ill = not_well("/v1/models", reply); !ill.empty()) return Error{std::move(ill)};
    return models;
  }
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

/// The names on a page of another kind: a text of the root itself, or of each item of a list.
std::vector<HostFacts::Model> names_on_page(const HttpReply& reply, std::string_view list,
                                            std::string_view name) {
  std::vector<HostFacts::Model> models;
  simdjson::dom::parser parser;
  simdjson::dom::element root;
  if (reply.status != 200 || parser.parse(reply.body).get(root)) return models;
  const auto add = [&](const simdjson::dom::element entry) {
    std::string_view id;
    if (!entry[name].get(id) && !id.empty()) models.push_back({.id = std::string(id), .max_length = {}});
  };
  simdjson::dom::array entries;
  if (root.is_object() && list.empty()) add(root);
  const auto listed = root.is_array() ? root.get(entries) : root[list].get(entries);
  if (listed == simdjson::SUCCESS) {
    for (const simdjson::dom::element entry : entries) add(entry);
  }
  return models;
}

/// Of a TensorRT-LLM model's parts in Triton the one that takes texts.
bool is_whole_model(const HostFacts::Model& model) {
  return model.id == "ensemble" || model.id == "tensorrt_llm_bls";
}

/// For a host without /v1/models. @returns none where nobody tells.
std::vector<HostFacts::Model> models_of_other_pages(TargetClient& host) {
  if (const auto tags = host.get("/api/tags")) {  // Ollama
    if (auto models = names_on_page(*tags, "models", "name"); !models.empty()) return models;
  }
  if (const auto info = host.get("/info")) {  // TGI, TEI
    if (auto models = names_on_page(*info, "", "model_id"); !models.empty()) return models;
  }
  std::vector<HostFacts::Model> models;
  if (const auto index = host.post("/v2/repository/index", R"({"ready":true})"))  // Triton
    models = names_on_page(*index, "", "name");
  std::stable_partition(models.begin(), models.end(), is_whole_model);
  return models;
}

/// "'a', 'b'"; of a gateway with very many the first.
std::string names_of(const std::vector<HostFacts::Model>& models) {
  constexpr std::size_t kMostNamed = 20;
  std::vector<std::string> names;
  for (const HostFacts::Model& model : models) {
    if (names.size() == kMostNamed) break;
    names.push_back(fmt::format("'{}'", printable(model.id)));
  }
  return fmt::format(
      "{}{}", fmt::join(names, ", "),
      models.size() > kMostNamed ? fmt::format(" and {} more", models.size() - kMostNamed) : "");
}

/// Those that the host has, the one that is wanted first.
Result<std::vector<HostFacts::Model>> find_models(TargetClient& host, const HttpReply& listed,
                                                  const std::string& wanted, const SecretRef& auth) {
  auto models = read_models(listed, auth);
  if (!models) return models;
  if (!models->empty()) {
    if (wanted.empty()) return models;
    const auto found = std::find_if(models->begin(), models->end(),
                                    [&](const HostFacts::Model& m) { return m.id == wanted; });
    if (found == models->end())
      return Error{fmt::format("it does not serve '{}' but {}", printable(wanted), names_of(*models))};
    std::rotate(models->begin(), found, found + 1);
    return models;
  }
  // Without a list the request for an answer shows whether there is such a model.
  if (!wanted.empty()) return std::vector{HostFacts::Model{.id = wanted, .max_length = {}}};
  auto others = models_of_other_pages(host);
  if (!others.empty()) return others;
  if (auto elsewhere = redirected("/v1/models", listed); !elsewhere.empty())
    return Error{std::move(elsewhere)};
  if (listed.status == 429)
    return Error{
        fmt::format("it refuses for now: /v1/models answers {}; wait, then ask again", own_words(listed))};
  return Error{
      fmt::format("/v1/models gives no list of models ({}); name one with --model. docs/dialects.md "
                  "says which hosts are known, and how to describe others",
                  own_words(listed))};
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

/// What was said in the dialects that a host does not answer in.
class Refusals {
 public:
  /// @returns why no other dialect need be tried: the host is gone, wants a token or has had enough.
  std::optional<Error> note(const TargetClient& host, const std::string& why) {
    const int status = host.status();
    if (status == 0) return Error{why};
    if (status == 401) return Error{why + "; name the variable that holds its token with --token-env"};
    if (status == 429) return Error{why};
    // That there is no such page says less than any other words.
    if (why_.empty() || (only_missing_ && !no_such_page(status))) {
      why_ = why;
      only_missing_ = no_such_page(status);
    }
    return std::nullopt;
  }
  const std::string& why() const { return why_; }

 private:
  std::string why_;
  bool only_missing_ = true;
};

/// Finds the dialect that is answered. @returns in the host's words why none is.
Result<void> find_dialect(TargetClient& host, Target& target, HostFacts& facts) {
  Refusals refusals;
  /// @returns whether this one is answered, or why to stop.
  const auto speaks = [&](std::string_view path) -> Result<bool> {
    const auto answer = probe_usage(host, target, {.tokens = 16, .temperature = kPlanTemperature});
    if (answer && answer->reported) {
      facts.api = target.api;
      facts.token_limit = answer->limit;
      facts.takes_temperature = answer->temperature_refusal.empty();
      facts.streams = answer->form == AnswerForm::kStream;
      facts.usage = *answer->reported;
      return true;
    }
    const std::string why =
        answer ? fmt::format("{} answers without a text that is known ({})", path, answer->instead)
               : answer.error().message;
    if (auto stop = refusals.note(host, why)) return *std::move(stop);
    return false;
  };
  for (const Api api : {Api::kOpenAiChat, Api::kOpenAiCompletions}) {
    target.api = api;
    const auto found = speaks(completions_path(api));
    if (!found) return found.error();
    if (*found) return {};
  }
  target.api = Api::kCustom;
  for (const ReadyDialect& ready : ready_dialects()) {
    auto description = read_ready_dialect(ready);
    if (!description) return description.error();
    target.dialect = *std::move(description);
    const auto found = speaks(target.dialect->path);
    if (!found) return found.error();
    if (!*found) continue;
    facts.dialect = ready.name;
    facts.writes_text = target.dialect->request.find("{output_tokens}") != std::string::npos;
    return {};
  }
  return Error{fmt::format("it does not answer a request for '{}': {}", target.model, refusals.why())};
}

}  // namespace

std::string dialect_words(const HostFacts& facts) {
  return facts.dialect.empty() ? std::string(to_string(facts.api)) : facts.dialect;
}

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
  auto models = find_models(host, *listed, options.model, options.auth);
  if (!models) return refuse(models.error().message);
  facts.models = *std::move(models);
  facts.clock = clock_remark(listed->date, SystemClock().real_now());
  if (wants_health(*listed)) facts.healthy = read_health(host.get("/health"));
  if (const auto metrics = host.get("/metrics")) read_metrics(*metrics, facts);
  if (facts.engine) facts.version = read_version(target, *secret, *facts.engine);
  target.model = facts.models.front().id;
  if (const auto found = find_dialect(host, target, facts); !found) return refuse(found.error().message);
  return facts;
}

}  // namespace kneepoint::coordinator
