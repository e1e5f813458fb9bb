#include "coordinator/telemetry/host_pages.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>

#include "common/printable.h"
#include "common/request_template.h"

namespace kneepoint::coordinator {
namespace {

constexpr std::size_t kQuotedBytes = 240;  // of what a host says

/// What vLLM, SGLang and llama.cpp's server say in `owned_by`. A gateway in front of them writes its own.
constexpr std::string_view kEngineOwners[] = {"vllm", "sglang", "llamacpp"};

}  // namespace

std::string own_words(const HttpReply& reply) {
  const std::string words = printable_start(reply.body, kQuotedBytes);
  const std::string elsewhere = leads_to(reply);
  return fmt::format("HTTP {}{}{}{}{}", reply.status, elsewhere.empty() ? "" : " to ", elsewhere,
                     words.empty() ? "" : ": ", words);
}

std::string leads_to(const HttpReply& reply) {
  if (!is_redirect(reply.status)) return "";
  return printable_start(reply.location.substr(0, reply.location.find_first_of("?#")), kQuotedBytes);
}

bool is_redirect(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

bool no_such_page(int status) {
  return status == 404 || status == 405 || status == 410 || status == 501;
}

bool is_guarded(int status) {
  return status == 401 || status == 403;
}

std::string models_path(const Target& target) {
  const std::string path = target.dialect ? target.dialect->path : "";
  const std::size_t version = path.find("/v1/");
  const auto prefix = fill_path(version == path.npos ? "" : path.substr(0, version), target.model);
  return (prefix ? *prefix : "") + "/v1/models";
}

bool wants_health(const HttpReply& models) {
  if (no_such_page(models.status) || is_guarded(models.status)) return true;
  simdjson::dom::parser parser;
  simdjson::dom::array entries;
  if (models.status != 200 || parser.parse(models.body)["data"].get(entries)) return false;
  return std::any_of(entries.begin(), entries.end(), [](const simdjson::dom::element entry) {
    std::string_view owner;
    return !entry["owned_by"].get(owner) &&
           std::find(std::begin(kEngineOwners), std::end(kEngineOwners), owner) != std::end(kEngineOwners);
  });
}

}  // namespace kneepoint::coordinator
