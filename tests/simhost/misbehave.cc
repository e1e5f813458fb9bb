#include "tests/simhost/misbehave.h"

#include <algorithm>
#include <array>

namespace kneepoint::simhost {

namespace {

constexpr std::array<std::string_view, kMisbehaviourCount> kNames = {
    "done_alone", "finish_alone",  "error_line",    "error_object", "error_event",
    "detail",     "code_message",  "no_choices",    "cached",       "abort",
    "no_end",     "late_end",      "heartbeats",    "parts",        "thinking_parts",
    "refusal",    "function_call", "unknown_shape", "interim",      "folded_headers"};

constexpr std::string_view kDone = "data: [DONE]\n\n";

}  // namespace

std::string_view to_string(Misbehaviour kind) {
  return kNames[static_cast<std::size_t>(kind)];
}

std::optional<Misbehaviour> parse_misbehaviour(std::string_view name) {
  const auto found = std::find(kNames.begin(), kNames.end(), name);
  if (found == kNames.end()) return std::nullopt;
  return static_cast<Misbehaviour>(found - kNames.begin());
}

std::optional<Misbehaviour> draw_misbehaviour(const std::vector<MisbehaviourRate>& rates,
                                              SplitMix64& random) {
  if (rates.empty()) return std::nullopt;
  double draw = random.uniform();
  for (const MisbehaviourRate& rate : rates) {
    if (draw < rate.rate) return rate.kind;
    draw -= rate.rate;
  }
  return std::nullopt;
}

std::optional<std::string> answer_instead(Misbehaviour kind, bool stream) {
  const auto event = [&](std::string_view json) {
    return stream ? "data: " + std::string(json) + "\n\n" + std::string(kDone) : std::string(json);
  };
  switch (kind) {
    case Misbehaviour::kDoneAlone:
      return stream ? std::string(kDone) : R"({"object":"chat.completion","choices":[]})";
    case Misbehaviour::kFinishAlone:
      return event(
          stream ? R"({"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]})"
                 : R"({"choices":[{"message":{"role":"assistant","content":null},"finish_reason":"stop"}]})");
    case Misbehaviour::kErrorLine: {
      const std::string error = R"(error: {"code":400,"message":"too long","type":"invalid_request_error"})";
      return error + "\n\n" + (stream ? std::string(kDone) : "");
    }
    case Misbehaviour::kErrorObject:
      return event(R"({"object":"error","message":"no","type":"NotFoundError","param":null,"code":404})");
    case Misbehaviour::kErrorEvent:
      return std::string("event: error\ndata: {\"type\":\"overloaded_error\",\"message\":\"busy\"}\n\n");
    case Misbehaviour::kDetail:
      return std::string(R"({"detail":"the model is being moved"})");
    case Misbehaviour::kCodeMessage:
      return std::string(
          R"({"code":50603,"message":"System is too busy now. Please try again later.","data":null})");
    case Misbehaviour::kNoChoices:
      return event(R"({"id":"1","object":"chat.completion.chunk","model":"m","choices":[]})");
    default:
      return std::nullopt;
  }
}

bool streams_instead(Misbehaviour kind) {
  return kind != Misbehaviour::kDetail && kind != Misbehaviour::kCodeMessage;
}

Wrapping wrapping(std::optional<Misbehaviour> kind, bool reasoning) {
  constexpr Wrapping kThinking = {R"("content":[{"type":"thinking","thinking":[{"type":"text","text":")",
                                  R"("}]}])"};
  if (kind == Misbehaviour::kThinkingParts) return kThinking;
  if (kind == Misbehaviour::kParts) {
    if (reasoning) return kThinking;
    return {R"("content":[{"type":"text","text":")", R"("}])"};
  }
  if (kind == Misbehaviour::kRefusal) return {R"("refusal":")", R"(")"};
  if (kind == Misbehaviour::kFunctionCall) return {R"("function_call":{"arguments":")", R"("})"};
  if (kind == Misbehaviour::kUnknownShape) return {R"("output_fragment":{"utf8":")", R"("})"};
  if (reasoning) return {R"("reasoning_content":")", R"(")"};
  return {};
}

std::string_view before_head(std::optional<Misbehaviour> kind) {
  if (kind != Misbehaviour::kInterim) return {};
  return "HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </style.css>; rel=preload\r\n\r\n";
}

std::string_view framing_headers(std::optional<Misbehaviour> kind) {
  if (kind == Misbehaviour::kFoldedHeaders)
    return "x-trace: one\r\n\ttwo,\r\n  three\r\ntransfer-encoding:\r\n chunked\r\n";
  return "transfer-encoding: chunked\r\n";
}

std::string_view before_content(std::optional<Misbehaviour> kind) {
  if (kind != Misbehaviour::kHeartbeats) return {};
  return "data:\n\ndata: \n\n: keep-alive\n\nevent: ping\ndata: {\"type\":\"ping\"}\n\nevent: "
         "ping\ndata:\n\n";
}

}  // namespace kneepoint::simhost
