#include "coordinator/calibration/usage_probe.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>

#include "coordinator/calibration/request_body.h"
#include "coordinator/telemetry/host_pages.h"

namespace kneepoint::coordinator {
namespace {

std::string body_of(const Target& target, const UsageQuestion& question, UsageOption usage,
                    TokenLimit limit) {
  RequestBody body(target, "", "Count from one to ten.");
  simdjson::dom::parser parser;
  simdjson::dom::object extra;
  const bool has_extra = !question.extra_body.empty() && !parser.parse(question.extra_body).get(extra);
  body.set(to_string(limit), fmt::to_string(question.tokens));
  body.set("stream", question.stream ? "true" : "false");
  if (const auto options = stream_options(usage); !options.empty()) {
    body.set("stream_options", std::string(options));
  }
  if (!has_extra) return body.json();
  for (const auto& [name, value] : extra) {
    if (name == "min_tokens") continue;  // contradicts so short an answer
    body.set(name, simdjson::minify(value));
  }
  return body.json();
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

std::optional<UsageReport> usage_of_stream(std::string_view body) {
  simdjson::dom::parser parser;
  bool text_seen = false, running = false, at_end = false;
  while (!body.empty()) {
    const std::string_view line = body.substr(0, body.find('\n'));
    body.remove_prefix(std::min(body.size(), line.size() + 1));
    if (!line.starts_with("data:")) continue;
    simdjson::dom::element event;
    if (parser.parse(simdjson::padded_string(line.substr(5))).get(event)) continue;
    simdjson::dom::object usage;
    const bool has_usage = !event["usage"].get(usage);
    bool has_text = false;
    for (const char* pointer : {"/choices/0/delta/content", "/choices/0/delta/reasoning_content",
                                "/choices/0/delta/reasoning", "/choices/0/text"}) {
      std::string_view text;
      has_text = has_text || (!event.at_pointer(pointer).get(text) && !text.empty());
    }
    text_seen = text_seen || has_text;
    running = running || (has_text && has_usage);
    at_end = at_end || has_usage;
  }
  if (!text_seen) return std::nullopt;
  return running ? UsageReport::kRunning : at_end ? UsageReport::kAtEnd : UsageReport::kNone;
}

Result<UsageAnswer> probe_usage(TargetClient& client, const Target& target, const UsageQuestion& question) {
  const std::string_view path = completions_path(target.api);
  const TokenLimit own = target.token_limit;
  const auto answered = [&](const HttpReply& reply, UsageOption usage) {
    return UsageAnswer{.taken = usage, .reported = usage_of_stream(reply.body), .limit = own};
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
