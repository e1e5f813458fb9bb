#include "coordinator/calibration/token_probe.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <utility>

namespace kneepoint::coordinator {
namespace {

Result<double> number_at(const HttpReply& reply, const char* pointer) {
  if (reply.status != 200) return Error{fmt::format("HTTP {}", reply.status)};
  simdjson::dom::parser parser;
  std::int64_t number = 0;
  if (parser.parse(reply.body).at_pointer(pointer).get(number) || number < 1)
    return Error{fmt::format("its answer has no count at {}", pointer)};
  return static_cast<double>(number);
}

}  // namespace

TokenProbe::TokenProbe(const Target& target, const std::string& secret, std::string system,
                       TargetClient::Bounds bounds)
    : target_(target), system_(std::move(system)), client_(target, secret, std::move(bounds)) {}

Result<double> TokenProbe::tokenize(const std::string& text) {
  const auto reply = client_.post("/tokenize", RequestBody(target_, system_, text).json());
  if (!reply) return reply.error();
  return number_at(*reply, "/count");
}

Result<double> TokenProbe::usage(const std::string& text) {
  if (target_.api == Api::kVllmGenerate) return Error{"its dialect reports no usage"};
  RequestBody body(target_, system_, text);
  body.set("max_tokens", "1");
  body.set("stream", "false");
  const auto reply = client_.post(completions_path(target_.api), body.json());
  if (!reply) return reply.error();
  return number_at(*reply, "/usage/prompt_tokens");
}

}  // namespace kneepoint::coordinator
