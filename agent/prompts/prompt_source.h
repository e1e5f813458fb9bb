#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "agent/prompts/conversation.h"
#include "agent/prompts/prompt_pick.h"
#include "agent/prompts/session_turns.h"
#include "agent/prompts/text.h"
#include "common/dataset.h"
#include "common/dialects/dialect.h"
#include "common/plan.h"
#include "common/result.h"

namespace kneepoint::agent {

/// Where a thread's prompts are written: one request's at a time, whatever its length.
struct PromptBuffer {
  std::string text;
  std::vector<Exchange> history;
};

/// Decides what the requests of one cell ask, and writes their texts. Immutable: the threads share it.
class PromptSource {
 public:
  /// @param cell outlives the source. @param text_seed of its random words; all else follows the requests'
  /// own seed. @param dataset the one that its workload names, or null.
  static Result<std::unique_ptr<const PromptSource>> create(const Cell& cell, std::uint64_t text_seed,
                                                            std::shared_ptr<const Dataset> dataset);

  /// What the request asks. Follows and moves the slot's `conversation` where the workload has them.
  PromptPick pick(const Ticket& ticket, ConversationState& conversation) const;
  /// Turn `turn` of the session that `first` begins, whatever has been answered: of a trace, whose turns
  /// stand alone.
  PromptPick later_turn(const RequestIdentity& request, const PromptPick& first, std::uint32_t turn) const;
  /// Whether the session that the pick begins runs turns beside each other.
  bool has_lanes(const PromptPick& first) const;
  /// @pre `has_lanes(first)`. @param conversation the one that `first` began.
  void begin_lanes(const PromptPick& first, const ConversationState& conversation, SessionTurns& turns) const;
  /// What passes before its turn `turn`, since those that this one waits for have ended.
  Nanos gap_before(const RequestIdentity& session, PromptPick first, std::uint32_t turn) const;
  /// How long to think between this request's answer and the next turn or request: as the dataset says, else
  /// as the workload does. @param took from its send to its answer's end.
  Nanos think_time(const RequestIdentity& request, const PromptPick& pick, Nanos took) const;

  /// Writes a request's text into `buffer`; the views are good until the next call with it.
  Prompt render(const PromptPick& pick, const ConversationState& conversation, PromptBuffer& buffer) const;

 private:
  PromptSource(const Cell& cell, std::uint64_t text_seed, std::shared_ptr<const Dataset> dataset);
  Result<void> check() const;

  std::uint64_t text_bits(RequestIdentity request, Draw draw) const;
  PromptPick first_turn(const Ticket& ticket, std::uint64_t number) const;
  void pick_class(const Ticket& ticket, std::uint64_t place, PromptPick& pick) const;
  void pick_lengths(const RequestIdentity& request, PromptPick& pick) const;
  std::uint32_t turns(const RequestIdentity& request, const PromptPick& first) const;
  /// A trace's turn stands alone: its prompt holds what was said before.
  bool alone() const { return dataset_ && workload_.dataset->lengths_only; }
  std::string_view given_text(const PromptPick& pick) const;
  void append_text(const PromptPick& pick, std::string& out) const;
  void append_made(const PromptPick& pick, std::string& out) const;
  std::size_t words(double tokens) const;

  const Workload& workload_;
  const Calibration calibration_;
  const std::uint64_t text_seed_;
  const std::uint64_t prefix_seed_;
  const std::shared_ptr<const Dataset> dataset_;
  std::uint64_t class_weights_ = 0;
  std::uint64_t class_stride_ = 1;  ///< Has no divisor in common with class_weights_.
};

}  // namespace kneepoint::agent
