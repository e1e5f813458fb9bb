#include "agent/prompts/conversation.h"

#include <utility>

namespace kneepoint::agent {

void ConversationState::begin(std::uint32_t turns) {
  history_.clear();
  answer_.clear();
  answers_bytes_ = 0;
  turns_ = turns;
  ++begun_;
}

void ConversationState::add_answer(std::string_view json_text) {
  if (answers_bytes_ + answer_.size() + json_text.size() <= kAnswerLimit) answer_.append(json_text);
}

void ConversationState::answered(const PromptPick& user) {
  answers_bytes_ += answer_.size();
  history_.push_back({user, std::exchange(answer_, {})});
}

std::uint64_t ConversationState::count_under(std::uint64_t epoch) {
  if (epoch_ != epoch) {
    epoch_ = epoch;
    begun_ = 0;
  }
  return begun_;
}

}  // namespace kneepoint::agent
