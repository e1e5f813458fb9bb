#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "common/usage_option.h"
#include "tests/simhost/host_config.h"

namespace kneepoint::simhost {

enum class Dialect { kChat, kCompletions, kGenerate };

/// An answer other than 200, in vLLM's words.
struct ApiError {
  int status = 400;
  std::string type = "BadRequestError";
  std::string message;
};

/// What the parser must know of the host.
struct ModelLimits {
  std::string_view model;
  bool any_model = false;
  std::span<const Adapter> adapters{};
  int max_model_len = 32768;
  int prefix_block_tokens = 0;                   ///< 0: no prefix cache, no hashes.
  UsageOption usage = UsageOption::kContinuous;  ///< The most that may be asked for.
};

/// A parsed and accepted completion request.
struct CompletionRequest {
  Dialect dialect = Dialect::kChat;
  std::string model;
  std::string escaped_prompt;  ///< JSON-escaped; kept for /generate only, whose answer repeats it.
  std::vector<std::uint64_t> prefix_blocks;
  int prompt_tokens = 1;
  double prefill_factor = 1;  ///< The adapter's.
  int max_tokens = 0;  ///< Resolved: what was asked, the dialect's default, or what the context leaves.
  bool max_tokens_given = false;
  int min_tokens = 0;
  bool ignore_eos = false;
  bool stream = false;
  bool include_usage = false;
  bool continuous_usage = false;
};

/// Prompt of a /tokenize call, counted.
struct TokenizeRequest {
  int tokens = 1;
};

/// Parses request bodies. Keeps simdjson's buffers between calls; one per thread.
class ApiParser {
 public:
  ApiParser();
  ~ApiParser();
  std::variant<CompletionRequest, ApiError> completion(Dialect dialect, std::string_view body,
                                                       const ModelLimits& limits);
  std::variant<TokenizeRequest, ApiError> tokenize(std::string_view body, const ModelLimits& limits);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace kneepoint::simhost
