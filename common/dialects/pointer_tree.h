#pragma once

#include <simdjson.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/dialect_description.h"
#include "common/dialects/dialect.h"
#include "common/dialects/event_template.h"
#include "common/dialects/failure_signs.h"

namespace kneepoint {

/// The JSON pointers of a description, put together as a tree: one pass over a document, left to right, finds
/// all of them, without allocating and without unescaping a string. What no pointer names is looked at for
/// signs of failure (FailureSigns), so that a description need not know how a gateway before its server
/// fails.
class PointerTree {
 public:
  /// What a pass finds.
  struct Found {
    explicit Found(Chunk& into) : chunk(into) {}
    Chunk& chunk;
    EventParts parts = {};
    FailureSigns signs = {};
    std::uint64_t prompt_added = 0;  ///< What pointers with '+' add to the prompt's tokens.
    std::size_t text_bytes = 0;  ///< Of all texts, answer and reasoning, as written (escapes not resolved).
    // What counts only with a value that stands elsewhere in the event, perhaps behind it.
    struct Waiting {
      Waiting() {}  // NOLINT: nothing is written that is not read, for every event
      Waiting(const void* at, std::string_view words) : node(at), data(words.data()), size(words.size()) {}
      std::string_view text() const { return {data, size}; }  ///< Empty where it is no text.
      const void* node;
      const char* data;
      std::size_t size;
    };
    std::uint64_t held = 0;                           ///< A bit per condition of PointerTree that holds.
    std::size_t waits = 0;                            ///< How many nodes with such parts were met, and …
    std::array<Waiting, kMostGuardedPlaces> waiting;  ///< … which.
  };

  /// @param pointers checked (`kneepoint::check`).
  explicit PointerTree(const AnswerPointers& pointers);

  /// @param json readable for kPadding bytes past its end. @param whole it is all of an answer.
  /// @return false when it is malformed.
  bool read(std::string_view json, simdjson::ondemand::parser& parser, Found& found, bool whole) const;

 private:
  enum Part : std::uint16_t {
    kText = 1,
    kReasoning = 2,
    kToolCall = 4,
    kFinish = 8,
    kError = 16,
    kCompletionTokens = 32,
    kPromptTokens = 64,
    kCachedTokens = 128,
    kReasoningTokens = 256,
    kPromptAdded = 512,
  };
  static constexpr std::uint16_t kCounts =
      kCompletionTokens | kPromptTokens | kCachedTokens | kReasoningTokens | kPromptAdded;
  struct Node {
    std::string key;        // as JSON writes it, between its quotes
    std::size_t index = 0;  // of an array's item; kNoIndex when the key is no number
    bool root = false;
    std::uint16_t parts = 0;  // of Part
    std::vector<std::pair<std::string, Part>>
        equals;  // what it is where the value is this, as JSON writes it
    std::vector<std::pair<std::string, std::uint64_t>> conditions;  // held where the value is this
    std::vector<std::pair<std::uint64_t, Part>> guarded;  // what it is where one of these bits is held
    std::vector<Node> children;
  };

  void add(const std::vector<std::string>& pointers, Part part);
  Node& node_at(std::string_view pointer);
  std::uint64_t condition_bit(const PointerCondition& condition);
  static void settle(Found& found);
  static bool expects_array(const Node& node);
  static bool visit(const Node& node, simdjson::ondemand::value& value, Found& found);
  static bool visit_text(const Node& node, simdjson::ondemand::value& value, Found& found, bool& given);
  static bool visit_unit(const Node& node, simdjson::ondemand::value& value, Found& found, bool& given);
  static void note(std::uint16_t parts, Found& found);
  static bool visit_members(const Node& node, simdjson::ondemand::value& value, Found& found, bool& given);
  static bool visit_items(const Node& node, simdjson::ondemand::value& value, Found& found, bool& given);
  static void take_number(const Node& node, simdjson::ondemand::value& value, Found& found);

  Node root_;
  std::uint64_t next_condition_ = 1;
};

}  // namespace kneepoint
