#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "tests/simhost/api_request.h"
#include "tests/simhost/misbehave.h"
#include "tests/simhost/usage_habit.h"

namespace kneepoint::simhost {

/// Renders the events of one response, each as one HTTP chunk, into one buffer that is reused: after the
/// first few tokens nothing is allocated. Every returned view is valid until the next call. Not thread-safe.
class EventRenderer {
 public:
  struct Response {
    Dialect dialect = Dialect::kChat;
    std::string_view id;
    std::string_view model;
    std::string_view escaped_prompt;  ///< For /generate only.
    std::int64_t created = 0;         ///< Unix seconds.
    std::uint64_t text_seed = 0;
    int prompt_tokens = 0;
    bool continuous_usage = false;
    std::optional<Misbehaviour> misbehaviour;
    std::optional<UsageHabit> usage_habit;
    int reasoning_tokens = 0;
    bool usage_details = false;  ///< The last usage tells cached and reasoning tokens.
  };

  /// Starts a response; keeps the buffers of the last one.
  void begin(const Response& response);

  /// So many tokens of the prompt came out of the prefix cache.
  void found_in_cache(int tokens) { cached_tokens_ = tokens; }

  /// The role-only first event (chat only).
  std::string_view role();
  /// Tokens [first, first + count) as one delta; `reasoning` puts them into reasoning_content.
  /// @param text_override instead of the tokens' own text, when not empty.
  std::string_view content(int first, int count, bool reasoning, std::string_view text_override = {});
  /// What ends a stream: finish_reason, usage if asked for, [DONE] if `done`, and the last HTTP chunk.
  std::string_view tail(std::string_view finish_reason, int completion_tokens, bool usage, bool done);
  /// An event whose JSON breaks off.
  std::string_view broken_event();
  /// An error as an event, [DONE], and the last HTTP chunk.
  std::string_view error_tail(std::string_view message);
  /// The body of an answer that is not streamed: `reasoning` leading tokens of `tokens`.
  std::string_view whole(std::string_view finish_reason, int tokens, int reasoning, bool usage);

 private:
  void open_chunk();
  std::string_view close_chunk();
  void append_tokens(int first, int count);
  /// @param chunk tokens of this event. @param last nothing more comes.
  void append_usage(int completion_tokens, int chunk, bool last);
  void append_number(std::int64_t number);
  void append_plain_chunk(std::string_view payload);

  Response response_;
  std::string head_;      // up to the delta's or choice's own part
  std::string envelope_;  // {"id":…,"object":…,"created":…,"model":…
  std::string buffer_;
  std::string scratch_;
  std::string so_far_;  // /generate sends all text each time
  std::size_t chunk_start_ = 0;
  std::size_t text_bytes_ = 0;  // of this answer, so far
  int cached_tokens_ = 0;       // of its prompt
};

}  // namespace kneepoint::simhost
