#include "coordinator/calibration/token_probe.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <utility>
#include <vector>

#include "coordinator/calibration/one_token.h"
#include "coordinator/calibration/request_body.h"

namespace kneepoint::coordinator {
namespace {

Result<double> number_at(const HttpReply& reply, const std::vector<std::string>& pointers) {
  if (reply.status != 200) return Error{fmt::format("HTTP {}", reply.status)};
  simdjson::dom::parser parser;
  simdjson::dom::element answer;
  std::int64_t number = 0;
  const bool readable = !parser.parse(reply.body).get(answer);
  for (const std::string& pointer : pointers) {
    if (readable && !answer.at_pointer(pointer).get(number) && number > 0) return static_cast<double>(number);
  }
  return Error{fmt::format("its answer has no count at {}", fmt::join(pointers, " or "))};
}

}  // namespace

TokenProbe::TokenProbe(const Target& target, const std::string& secret, std::string system,
                       const TargetClient::Options& options)
    : target_(target), system_(std::move(system)), client_(target, secret, options) {}

Result<double> TokenProbe::tokenize(const std::string& text) {
  const auto reply = client_.post("/tokenize", RequestBody(target_, system_, text).json());
  if (!reply) return reply.error();
  return number_at(*reply, {"/count"});
}

Result<double> TokenProbe::usage(const std::string& text) {
  if (target_.api == Api::kVllmGenerate) return Error{"its dialect reports no usage"};
  if (target_.dialect && target_.dialect->answer.prompt_tokens.empty())
    return Error{"its dialect has no 'prompt_tokens' of answers that are not streamed"};
  const auto question = one_token(target_, system_, text);
  if (!question) return question.error();
  const auto reply = client_.post(question->path, question->body);
  if (!reply) return reply.error();
  using Pointers = std::vector<std::string>;
  return number_at(
      *reply, target_.dialect ? target_.dialect->answer.prompt_tokens : Pointers{"/usage/prompt_tokens"});
}

}  // namespace kneepoint::coordinator
