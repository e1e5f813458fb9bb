#include "coordinator/calibration/token_probe.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <utility>
#include <vector>

#include "common/request_template.h"

namespace kneepoint::coordinator {
namespace {

/// A question, and where in the answer the prompt's tokens are counted.
struct ProbeRequest {
  std::string path;
  std::string body;
  std::vector<std::string> counts;  ///< JSON pointers; any may be there.
};

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

/// Asks for one token, not streamed, in the words of the target's own description.
Result<ProbeRequest> described(const Target& target, const std::string& system, const std::string& text) {
  const DialectDescription& dialect = *target.dialect;
  if (dialect.answer.prompt_tokens.empty())
    return Error{"its dialect has no 'prompt_tokens' of answers that are not streamed"};
  Workload workload;
  if (!system.empty()) workload.system = system;
  workload.output_tokens = 1;
  workload.stream = false;
  auto path = fill_path(dialect.answer_path, target.model);
  if (!path) return path.error();
  const auto request = RequestTemplate::compile(dialect.request, target.model, workload);
  if (!request) return request.error();
  ProbeRequest question{.path = *std::move(path), .body = {}, .counts = dialect.answer.prompt_tokens};
  request->write({.system = system, .text = text}, question.body);
  return question;
}

/// The same of an API of OpenAI's.
ProbeRequest usual(const Target& target, const std::string& system, const std::string& text) {
  RequestBody body(target, system, text);
  body.set(to_string(target.token_limit), "1");
  body.set("stream", "false");
  return {.path = std::string(completions_path(target.api)),
          .body = body.json(),
          .counts = {"/usage/prompt_tokens"}};
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
  const auto question = target_.dialect ? described(target_, system_, text)
                                        : Result<ProbeRequest>(usual(target_, system_, text));
  if (!question) return question.error();
  const auto reply = client_.post(question->path, question->body);
  if (!reply) return reply.error();
  return number_at(*reply, question->counts);
}

}  // namespace kneepoint::coordinator
