#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "agent/prompts/prompt_pick.h"

namespace kneepoint::agent {

/// A slot's conversation: what was said, and which turn is next. The user's texts are kept as what they are
/// made of, the answers as generated.
class ConversationState {
 public:
  struct Turn {
    PromptPick user;
    std::string answer;  ///< The inside of a JSON string.
  };
  /// The answers of one conversation may have so many bytes; what is past them is left out of the history.
  static constexpr std::size_t kAnswerLimit = std::size_t{4} << 20;

  /// Whether the next request begins a conversation.
  bool over() const { return history_.size() >= turns_; }
  /// Forgets the present conversation. @param turns at least 1.
  void begin(std::uint32_t turns);
  /// A failed request: there is no answer to go on from.
  void abandon() { turns_ = 0; }

  /// Of the present conversation.
  std::uint32_t turns() const { return turns_; }
  std::uint32_t next_turn() const { return static_cast<std::uint32_t>(history_.size()); }
  const std::vector<Turn>& history() const { return history_; }

  /// A request's answer begins, or begins again.
  void clear_answer() { answer_.clear(); }
  /// A piece of it, as the inside of a JSON string.
  void add_answer(std::string_view json_text);
  /// The turn is over.
  void answered(const PromptPick& user);

  /// The number of conversations begun under `epoch`, the present one not counted when `over()`.
  std::uint64_t count_under(std::uint64_t epoch);

 private:
  std::vector<Turn> history_;
  std::string answer_;
  std::size_t answers_bytes_ = 0;
  std::uint32_t turns_ = 0;
  std::uint64_t epoch_ = 0;
  std::uint64_t begun_ = 0;
};

}  // namespace kneepoint::agent
