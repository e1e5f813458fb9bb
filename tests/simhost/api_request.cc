#include "tests/simhost/api_request.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <array>
#include <optional>

#include "tests/simhost/text.h"

namespace kneepoint::simhost {

namespace dom = simdjson::dom;

namespace {

constexpr int kGenerateDefaultTokens = 16;  // vLLM's SamplingParams and OpenAI's legacy completions
constexpr std::int64_t kMostTokens = 1 << 24;

ApiError bad_request(std::string message) {
  return {400, "BadRequestError", std::move(message)};
}

/// A member's value; absent when missing or null. Throws ApiError for another type.
template <class T>
std::optional<T> member(dom::object object, std::string_view name, std::string_view type) {
  dom::element element;
  if (object[name].get(element) || element.is_null()) return std::nullopt;
  T value;
  if (element.get(value)) throw bad_request(fmt::format("'{}' should be {}", name, type));
  return value;
}

bool flag(dom::object object, std::string_view name) {
  return member<bool>(object, name, "a valid boolean").value_or(false);
}

std::optional<int> whole(dom::object object, std::string_view name) {
  const auto value = member<std::int64_t>(object, name, "a valid integer");
  if (!value) return std::nullopt;
  if (*value < 0 || *value > kMostTokens) throw bad_request(fmt::format("'{}' is out of range", name));
  return static_cast<int>(*value);
}

/// Text of a message: a string, or the text parts of an array.
void add_content(PromptMeter& meter, dom::object message) {
  dom::element content;
  if (message["content"].get(content) || content.is_null()) return;
  std::string_view text;
  if (!content.get(text)) return meter.add(text);
  dom::array parts;
  if (content.get(parts)) throw bad_request("'content' should be a string or an array of parts");
  for (dom::element part : parts) {
    if (!part["text"].get(text)) meter.add(text);
  }
}

void add_messages(PromptMeter& meter, dom::object body) {
  const auto messages = member<dom::array>(body, "messages", "an array");
  if (!messages || messages->size() == 0) throw bad_request("'messages' is a required, non-empty array");
  for (dom::element message : *messages) {
    dom::object object;
    std::string_view role;
    if (message.get(object) || object["role"].get(role)) throw bad_request("each message needs a 'role'");
    add_content(meter, object);
  }
}

struct Prompt {
  int tokens = 1;
  std::string_view text;
};

/// `prompt`: a string, one string in an array, or an array of token ids.
Prompt read_prompt(PromptMeter& meter, dom::object body) {
  dom::element prompt;
  if (body["prompt"].get(prompt)) throw bad_request("'prompt' is required");
  std::string_view text;
  dom::array array;
  if (!prompt.get(array)) {
    if (array.size() == 0) throw bad_request("'prompt' must not be empty");
    if (array.at(0).is_int64()) return {static_cast<int>(array.size()), {}};
    if (array.size() > 1) throw bad_request("only one prompt per request is served");
    prompt = array.at(0);
  }
  if (prompt.get(text)) throw bad_request("'prompt' should be a string or an array");
  meter.add(text);
  return {meter.tokens(), text};
}

void check_model(dom::object body, const ModelLimits& limits, CompletionRequest& request) {
  const auto model = member<std::string_view>(body, "model", "a string");
  const auto adapter = std::find_if(limits.adapters.begin(), limits.adapters.end(),
                                    [&](const Adapter& each) { return model == each.name; });
  if (adapter != limits.adapters.end()) {
    request.prefill_factor = adapter->prefill_factor;
  } else if (model && !limits.any_model && *model != limits.model) {
    throw ApiError{404, "NotFoundError", fmt::format("The model `{}` does not exist.", *model)};
  }
  request.model = model.value_or(limits.model);
}

void resolve_lengths(dom::object body, const ModelLimits& limits, CompletionRequest& request) {
  auto most = whole(body, "max_tokens");
  if (request.dialect == Dialect::kChat) {
    if (const auto newer = whole(body, "max_completion_tokens")) most = newer;
  } else if (!most) {
    most = kGenerateDefaultTokens;
  }
  if (most && *most < 1) throw bad_request(fmt::format("max_tokens must be at least 1, got {}.", *most));
  const int left = limits.max_model_len - request.prompt_tokens;
  if (left < 1 || (most && *most > left)) {
    throw bad_request(
        fmt::format("This model's maximum context length is {} tokens. However, you requested {} tokens "
                    "({} in the messages, {} in the completion).",
                    limits.max_model_len, request.prompt_tokens + most.value_or(1), request.prompt_tokens,
                    most.value_or(1)));
  }
  request.max_tokens_given = most.has_value();
  request.max_tokens = most.value_or(left);
  request.min_tokens = whole(body, "min_tokens").value_or(0);
  if (request.min_tokens > request.max_tokens) throw bad_request("min_tokens must not exceed max_tokens");
  request.ignore_eos = flag(body, "ignore_eos");
}

void read_stream_options(dom::object body, const ModelLimits& limits, CompletionRequest& request) {
  request.stream = flag(body, "stream");
  const auto options = member<dom::object>(body, "stream_options", "an object");
  if (!options) return;
  if (!request.stream) throw bad_request("Stream options can only be defined when `stream=True`.");
  const auto refuse = [](std::string_view name) {
    throw bad_request(fmt::format("Extra inputs are not permitted: '{}'", name));
  };
  if (limits.usage == UsageOption::kNone) refuse("stream_options");
  if (limits.usage == UsageOption::kFinal && !(*options)["continuous_usage_stats"].error())
    refuse("continuous_usage_stats");
  request.include_usage = flag(*options, "include_usage");
  request.continuous_usage = request.include_usage && flag(*options, "continuous_usage_stats");
}

}  // namespace

struct ApiParser::State {
  dom::parser parser;
  dom::object parse(std::string_view body) {
    dom::element document;
    dom::object object;
    if (parser.parse(body.data(), body.size()).get(document)) throw bad_request("JSON decode error");
    if (document.get(object)) throw bad_request("the body should be a JSON object");
    return object;
  }
};

ApiParser::ApiParser() : state_(std::make_unique<State>()) {}
ApiParser::~ApiParser() = default;

std::variant<CompletionRequest, ApiError> ApiParser::completion(Dialect dialect, std::string_view body,
                                                                const ModelLimits& limits) {
  try {
    const dom::object object = state_->parse(body);
    CompletionRequest request;
    request.dialect = dialect;
    check_model(object, limits, request);
    if (const auto n = whole(object, "n"); n && *n != 1) throw bad_request("only n=1 is served");
    PromptMeter meter(limits.prefix_block_tokens);
    if (dialect == Dialect::kChat) {
      add_messages(meter, object);
      request.prompt_tokens = meter.tokens();
    } else {
      const Prompt prompt = read_prompt(meter, object);
      request.prompt_tokens = prompt.tokens;
      if (dialect == Dialect::kGenerate) append_json_escaped(request.escaped_prompt, prompt.text);
    }
    request.prefix_blocks = meter.blocks();
    resolve_lengths(object, limits, request);
    read_stream_options(object, limits, request);
    return request;
  } catch (ApiError& error) {
    return std::move(error);
  }
}

std::variant<TokenizeRequest, ApiError> ApiParser::tokenize(std::string_view body, const ModelLimits&) {
  try {
    const dom::object object = state_->parse(body);
    PromptMeter meter;
    dom::element messages;
    if (!object["messages"].get(messages)) {
      add_messages(meter, object);
      return TokenizeRequest{meter.tokens()};
    }
    return TokenizeRequest{read_prompt(meter, object).tokens};
  } catch (ApiError& error) {
    return std::move(error);
  }
}

}  // namespace kneepoint::simhost
