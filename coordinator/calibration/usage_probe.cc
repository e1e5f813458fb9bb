#include "coordinator/calibration/usage_probe.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "common/request_template.h"
#include "coordinator/calibration/request_body.h"
#include "coordinator/telemetry/host_pages.h"

namespace kneepoint::coordinator {
namespace {

constexpr const char* kPrompt = "Count from one to ten.";
constexpr int kDescribedTokens = 16;  // the Responses API's least

/// The members of the workload's extra_body that go with so short an answer.
std::vector<std::pair<std::string, std::string>> extra_members(const UsageQuestion& question) {
  std::vector<std::pair<std::string, std::string>> members;
  simdjson::dom::parser parser;
  simdjson::dom::object extra;
  if (question.extra_body.empty() || parser.parse(question.extra_body).get(extra)) return members;
  for (const auto& [name, value] : extra) {
    if (name != "min_tokens") members.emplace_back(name, simdjson::minify(value));
  }
  return members;
}

std::string body_of(const Target& target, const UsageQuestion& question, UsageOption usage,
                    TokenLimit limit) {
  RequestBody body(target, "", kPrompt);
  body.set(to_string(limit), fmt::to_string(question.tokens));
  body.set("stream", question.stream ? "true" : "false");
  if (const auto options = stream_options(usage); !options.empty())
    body.set("stream_options", std::string(options));
  for (auto& [name, value] : extra_members(question)) body.set(name, std::move(value));
  return body.json();
}

UsageAnswer read_reply(const DialectDescription& dialect, const HttpReply& reply) {
  const AnswerSigns signs = read_signs(dialect, reply.body);
  return {.reported = signs.usage, .form = signs.form, .instead = signs.usage ? "" : own_words(reply)};
}

Result<UsageAnswer> probe_described(TargetClient& client, const Target& target,
                                    const UsageQuestion& question) {
  const DialectDescription& dialect = *target.dialect;
  Workload workload;
  workload.output_tokens = std::max(question.tokens, kDescribedTokens);
  workload.stream = question.stream;
  RequestBody extra;
  for (auto& [name, value] : extra_members(question)) extra.set(name, std::move(value));
  if (!question.extra_body.empty()) workload.extra_body = extra.json();
  const auto path = fill_path(question.stream ? dialect.path : dialect.answer_path, target.model);
  if (!path) return path.error();
  const auto request = RequestTemplate::compile(dialect.request, target.model, workload);
  if (!request) return request.error();
  std::string body;
  request->write({.text = kPrompt}, body);
  const auto reply = client.post(*path, body);
  if (!reply) return reply.error();
  if (reply->status != 200) return Error{fmt::format("{} answers {}", *path, own_words(*reply))};
  UsageAnswer answer = read_reply(dialect, *reply);
  answer.taken = UsageOption::kNone;
  answer.limit = target.token_limit;
  return answer;
}

TokenLimit other(TokenLimit limit) {
  return limit == TokenLimit::kMaxTokens ? TokenLimit::kMaxCompletionTokens : TokenLimit::kMaxTokens;
}

bool refuses_request(const HttpReply& reply) {
  return reply.status == 400 || reply.status == 422;
}

}  // namespace

bool refuses_member(const HttpReply& reply, std::string_view name, std::string_view instead) {
  if (!refuses_request(reply) || reply.body.find(name) == std::string::npos) return false;
  if (reply.body.find(instead) != std::string::npos) return true;
  std::string lower = reply.body;
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  // As OpenAI, pydantic (FastAPI), serde, protobuf's JSON and JSON Schema say it.
  constexpr std::string_view kNotTaken[] = {"support",    "unknown",   "unrecogni",   "unexpected",
                                            "extra",      "permitted", "not allowed", "forbidden",
                                            "deprecated", "no such",   "additional",  "cannot find"};
  return std::any_of(std::begin(kNotTaken), std::end(kNotTaken),
                     [&](std::string_view word) { return lower.find(word) != lower.npos; });
}

Result<UsageAnswer> probe_usage(TargetClient& client, const Target& target, const UsageQuestion& question) {
  if (target.dialect) return probe_described(client, target, question);
  const std::string_view path = completions_path(target.api);
  const TokenLimit own = target.token_limit;
  const auto answered = [&](const HttpReply& reply, UsageOption usage) {
    UsageAnswer answer = read_reply(openai_answers(), reply);
    answer.taken = usage;
    answer.limit = own;
    return answer;
  };
  for (UsageOption usage = question.stream ? UsageOption::kContinuous : UsageOption::kNone;;
       usage = less(usage)) {
    const auto reply = client.post(path, body_of(target, question, usage, own));
    if (!reply) return reply.error();
    if (reply->status == 200) return answered(*reply, usage);
    if (target.api == Api::kOpenAiChat && refuses_member(*reply, to_string(own), to_string(other(own)))) {
      // Words may mislead: what counts is that the same request is taken under the other name.
      const auto again = client.post(path, body_of(target, question, usage, other(own)));
      if (!again) return again.error();
      if (again->status == 200) {
        UsageAnswer answer = answered(*again, usage);
        answer.limit = other(own);
        answer.refusal = own_words(*reply);
        return answer;
      }
    }
    // Not every host names what it does not know: that it then takes less tells as much.
    if (!refuses_request(*reply) || usage == UsageOption::kNone)
      return Error{fmt::format("{} answers {}", path, own_words(*reply))};
  }
}

}  // namespace kneepoint::coordinator
