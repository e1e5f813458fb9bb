#include "tests/bench/canned_stream.h"

#include <fmt/format.h>

#include <array>

#include "common/dialects/event_framing.h"

namespace kneepoint::bench {
namespace {

constexpr std::array<const char*, 8> kPieces = {" the", " a",  " model",  " attention",
                                                ",",    " of", " layers", "."};

std::string padded(const std::string& text) {
  std::string roomy;
  roomy.reserve(text.size() + kPadding);
  roomy.append(text);
  return roomy;
}

std::string http_chunk(const std::string& payload) {
  return fmt::format("{:x}\r\n{}\r\n", payload.size(), payload);
}

std::string envelope(Api api) {
  const bool chat = api == Api::kOpenAiChat;
  return fmt::format(
      R"("id":"{}-run-0-1-17-3","object":"{}","created":1760000000,"model":"qwen3-4b-instruct-2507")",
      chat ? "chatcmpl" : "cmpl", chat ? "chat.completion.chunk" : "text_completion");
}

std::string usage(std::size_t tokens) {
  return fmt::format(R"("usage":{{"prompt_tokens":13,"total_tokens":{},"completion_tokens":{}}})",
                     tokens + 13, tokens);
}

std::string chat_delta(Shape shape, std::size_t i) {
  const char* const piece = kPieces[i % kPieces.size()];
  if (shape == Shape::kUsual) return fmt::format(R"({{"content":"{}"}})", piece);
  switch (i % 3) {
    case 0:
      return fmt::format(R"({{"content":"{}"}})", piece);
    case 1:
      return fmt::format(R"({{"reasoning_content":"{}","content":null}})", piece);
    default:
      return fmt::format(R"({{"tool_calls":[{{"index":0,"function":{{"arguments":"{}"}}}}]}})", piece);
  }
}

std::string content(Api api, Shape shape, std::size_t i, std::string& so_far) {
  switch (api) {
    case Api::kOpenAiChat:
      return fmt::format(
          R"({{{},"choices":[{{"index":0,"delta":{},"logprobs":null,"finish_reason":null}}],{}}})",
          envelope(api), chat_delta(shape, i), usage(i + 1));
    case Api::kOpenAiCompletions:
      return fmt::format(
          R"({{{},"choices":[{{"index":0,"text":"{}","logprobs":null,"finish_reason":null,"stop_reason":null}}],{}}})",
          envelope(api), kPieces[i % kPieces.size()], usage(i + 1));
    case Api::kCustom: {
      const std::size_t piece = i % kPieces.size();
      return fmt::format(
          R"({{"index":{},"token":{{"id":{},"text":"{}","logprob":-0.25,"special":false}},"generated_text":null,"details":null}})",
          i + 1, 100 + 7 * piece, kPieces[piece]);
    }
    case Api::kVllmGenerate:
      break;
  }
  so_far += kPieces[i % kPieces.size()];
  return fmt::format(R"({{"text":["{}"]}})", so_far);
}

std::string tail(Api api, std::size_t tokens) {
  std::string last = "0\r\n\r\n";
  if (api == Api::kVllmGenerate) return last;
  if (api == Api::kCustom) {
    const std::string details =
        fmt::format(R"({{"finish_reason":"length","generated_tokens":{},"prefill":[]}})", tokens);
    return http_chunk(fmt::format("data: {{\"generated_text\":\"the\",\"details\":{}}}\n\n", details)) + last;
  }
  const char* const choice = api == Api::kOpenAiChat ? R"("delta":{"content":""})" : R"("text":"")";
  return http_chunk(
             fmt::format("data: {{{},\"choices\":[{{\"index\":0,{},\"finish_reason\":\"length\"}}],{}}}\n\n",
                         envelope(api), choice, usage(tokens))) +
         http_chunk(fmt::format("data: {{{},\"choices\":[],{}}}\n\n", envelope(api), usage(tokens))) +
         http_chunk("data: [DONE]\n\n") + last;
}

}  // namespace

Target canned_target(Api api) {
  Target target{.api = api, .model = "m"};
  if (api != Api::kCustom) return target;
  DialectDescription tgi;
  tgi.path = tgi.answer_path = "/generate_stream";
  tgi.request = R"({"inputs":"{prompt}"})";
  tgi.stream.text = {"/token/text"};
  tgi.stream.finish = {"/details/finish_reason"};
  tgi.stream.error = {"/error"};
  tgi.stream.completion_tokens = {"/details/generated_tokens"};
  tgi.answer = tgi.stream;
  target.dialect = tgi;
  return target;
}

CannedStream canned_stream(Api api, Shape shape, std::size_t tokens) {
  const bool lines = api == Api::kVllmGenerate;
  CannedStream stream;
  stream.head = padded(fmt::format(
      "HTTP/1.1 200 OK\r\nServer: canned\r\nContent-Type: {}\r\nTransfer-Encoding: chunked\r\n\r\n",
      lines ? "application/json" : "text/event-stream; charset=utf-8"));
  std::string so_far = "What is a transformer?";
  for (std::size_t i = 0; i < tokens; ++i) {
    const std::string json = content(api, shape, i, so_far);
    stream.reads.push_back(padded(http_chunk(lines ? json + "\n" : "data: " + json + "\n\n")));
    stream.payload.push_back(padded(json));
  }
  stream.tail = padded(tail(api, tokens));
  return stream;
}

}  // namespace kneepoint::bench
