#include "coordinator/calibration/one_token.h"

#include "common/request_template.h"
#include "coordinator/calibration/request_body.h"

namespace kneepoint::coordinator {
namespace {

Result<OneToken> described(const Target& target, const std::string& system, const std::string& text) {
  const DialectDescription& dialect = *target.dialect;
  Workload workload;
  if (!system.empty()) workload.system = system;
  workload.output_tokens = 1;
  workload.stream = false;
  auto path = fill_path(dialect.answer_path, target.model);
  if (!path) return path.error();
  const auto request = RequestTemplate::compile(dialect.request, target.model, workload);
  if (!request) return request.error();
  OneToken question{.path = *std::move(path), .body = {}};
  request->write({.system = system, .text = text}, question.body);
  return question;
}

}  // namespace

Result<OneToken> one_token(const Target& target, const std::string& system, const std::string& text) {
  if (target.dialect) return described(target, system, text);
  RequestBody body(target, system, text);
  body.set(to_string(target.token_limit), "1");
  body.set("stream", "false");
  const bool generate = target.api == Api::kVllmGenerate;
  return OneToken{.path = generate ? "/generate" : std::string(completions_path(target.api)),
                  .body = body.json()};
}

}  // namespace kneepoint::coordinator
