#include "coordinator/calibration/usage_probe.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>

#include "coordinator/calibration/request_body.h"

namespace kneepoint::coordinator {
namespace {

std::string body_of(const Target& target, const UsageQuestion& question, UsageOption usage) {
  RequestBody body(target, "", "Count from one to ten.");
  simdjson::dom::parser parser;
  simdjson::dom::object extra;
  const bool has_extra = !question.extra_body.empty() && !parser.parse(question.extra_body).get(extra);
  body.set(to_string(target.token_limit), fmt::to_string(question.tokens));
  body.set("stream", "true");
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

}  // namespace

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
  for (UsageOption usage = UsageOption::kContinuous;; usage = less(usage)) {
    const auto reply = client.post(path, body_of(target, question, usage));
    if (!reply) return reply.error();
    if (reply->status == 200) return UsageAnswer{usage, usage_of_stream(reply->body)};
    // Not every host names what it does not know: that it then takes less tells as much.
    const bool may_take_less = reply->status == 400 || reply->status == 422;
    if (!may_take_less || usage == UsageOption::kNone)
      return Error{fmt::format("{} answers with HTTP status {}", path, reply->status)};
  }
}

}  // namespace kneepoint::coordinator
