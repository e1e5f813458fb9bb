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

/// How a question is put, of what the host may refuse.
struct Wording {
  UsageOption usage;
  TokenLimit limit;
  std::optional<double> temperature, top_p;
};

std::string body_of(const Target& target, const UsageQuestion& question, const Wording& wording) {
  RequestBody body(target, "", kPrompt);
  body.set(to_string(wording.limit), fmt::to_string(question.tokens));
  if (wording.temperature) body.set("temperature", fmt::to_string(*wording.temperature));
  if (wording.top_p) body.set("top_p", fmt::to_string(*wording.top_p));
  body.set("stream", question.stream ? "true" : "false");
  if (const auto options = stream_options(wording.usage); !options.empty())
    body.set("stream_options", std::string(options));
  for (auto& [name, value] : extra_members(question)) body.set(name, std::move(value));
  return body.json();
}

Result<std::string> described_body(const Target& target, const UsageQuestion& question,
                                   const Wording& wording) {
  Workload workload;
  workload.output_tokens = std::max(question.tokens, kDescribedTokens);
  workload.stream = question.stream;
  workload.temperature = wording.temperature;
  workload.top_p = wording.top_p;
  RequestBody extra;
  for (auto& [name, value] : extra_members(question)) extra.set(name, std::move(value));
  if (!question.extra_body.empty()) workload.extra_body = extra.json();
  const auto request = RequestTemplate::compile(target.dialect->request, target.model, workload);
  if (!request) return request.error();
  std::string body;
  request->write({.text = kPrompt}, body);
  return body;
}

Result<std::string> path_of(const Target& target, const UsageQuestion& question) {
  if (!target.dialect) return std::string(completions_path(target.api));
  return fill_path(question.stream ? target.dialect->path : target.dialect->answer_path, target.model);
}

TokenLimit other(TokenLimit limit) {
  return limit == TokenLimit::kMaxTokens ? TokenLimit::kMaxCompletionTokens : TokenLimit::kMaxTokens;
}

bool refuses_request(const HttpReply& reply) {
  return reply.status == 400 || reply.status == 422;
}

/// Takes out of a question what a refusal names, and notes it. @returns whether there was such a thing.
bool reword(const Target& target, const HttpReply& refusal, Wording& wording, UsageAnswer& answer) {
  if (!refuses_request(refusal)) return false;
  const TokenLimit own = target.token_limit;
  if (target.api == Api::kOpenAiChat && wording.limit == own &&
      refuses_member(refusal, to_string(own), to_string(other(own)))) {
    wording.limit = other(own);
    answer.refusal = own_words(refusal);
    return true;
  }
  const auto leave_out = [&](std::string_view name, std::optional<double>& value, std::string& words) {
    if (!value || refusal.body.find(name) == std::string::npos) return false;
    value.reset();
    words = own_words(refusal);
    return true;
  };
  return leave_out("temperature", wording.temperature, answer.temperature_refusal) ||
         leave_out("top_p", wording.top_p, answer.top_p_refusal);
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
  const auto path = path_of(target, question);
  if (!path) return path.error();
  const auto put = [&](const Wording& wording) -> Result<HttpReply> {
    if (!target.dialect) return client.post(*path, body_of(target, question, wording));
    const auto body = described_body(target, question, wording);
    return body ? client.post(*path, *body) : body.error();
  };
  const bool asks_usage = question.stream && !target.dialect;
  for (UsageOption usage = asks_usage ? UsageOption::kContinuous : UsageOption::kNone;; usage = less(usage)) {
    Wording wording{usage, target.token_limit, question.temperature, question.top_p};
    UsageAnswer answer{.taken = usage};
    const auto first = put(wording);
    if (!first) return first.error();
    HttpReply reply = *first;
    // Words may mislead: what counts is that the same request is taken without what they name.
    while (reply.status != 200 && reword(target, reply, wording, answer)) {
      auto again = put(wording);
      if (!again) return again.error();
      reply = *std::move(again);
    }
    if (reply.status == 200) {
      const AnswerSigns signs = read_signs(target, reply.body);
      answer.limit = wording.limit;
      answer.reported = signs.usage;
      answer.form = signs.form;
      if (!signs.usage) answer.instead = own_words(reply);
      return answer;
    }
    // Not every host names what it does not know: that it then takes less tells as much.
    if (!refuses_request(*first) || usage == UsageOption::kNone)
      return Error{fmt::format("{} answers {}", *path, own_words(*first))};
  }
}

}  // namespace kneepoint::coordinator
