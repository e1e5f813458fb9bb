#include "coordinator/calibration/token_probe.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <cstdint>
#include <optional>
#include <utility>

#include "coordinator/calibration/answer_signs.h"
#include "coordinator/calibration/one_token.h"
#include "coordinator/calibration/request_body.h"

namespace kneepoint::coordinator {
namespace {

/// A host that counts nothing may say 0.
Result<double> credible(std::optional<std::uint64_t> tokens) {
  if (!tokens || *tokens == 0) return Error{"its answer does not count the tokens of its prompt"};
  return static_cast<double>(*tokens);
}

}  // namespace

TokenProbe::TokenProbe(const Target& target, const std::string& secret, std::string system,
                       const TargetClient::Options& options)
    : target_(target), system_(std::move(system)), client_(target, secret, options) {}

Result<double> TokenProbe::tokenize(const std::string& text) {
  const auto reply = client_.post("/tokenize", RequestBody(target_, system_, text).json());
  if (!reply) return reply.error();
  if (reply->status != 200) return Error{fmt::format("HTTP {}", reply->status)};
  simdjson::dom::parser parser;
  std::uint64_t tokens = 0;
  if (parser.parse(reply->body)["count"].get(tokens)) tokens = 0;
  return credible(tokens);
}

Result<double> TokenProbe::usage(const std::string& text) {
  if (target_.api == Api::kVllmGenerate) return Error{"its dialect reports no usage"};
  if (target_.dialect && target_.dialect->answer.prompt_tokens.empty())
    return Error{"its dialect has no 'prompt_tokens' of answers that are not streamed"};
  const auto question = one_token(target_, system_, text);
  if (!question) return question.error();
  const auto reply = client_.post(question->path, question->body);
  if (!reply) return reply.error();
  if (reply->status != 200) return Error{fmt::format("HTTP {}", reply->status)};
  return credible(read_prompt_tokens(target_, reply->body));
}

}  // namespace kneepoint::coordinator
