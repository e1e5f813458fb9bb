#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "common/clock.h"

namespace kneepoint::coordinator {

/// A call of a model, as it was seen.
struct TimedCall {
  Nanos begin{0}, end{0};               ///< The end lies behind the beginning.
  std::vector<std::string_view> spans;  ///< Those around it, the outermost first.
};

/// Which calls of a session waited for which. What had ended when a call began may be why it began; calls of
/// two agents side by side have nothing to do with each other, whichever ended first. So the spans around the
/// calls are a tree, and of those beside each other in it one waits for those that had ended when it began,
/// as far as none of these waited for another of them.
class CallOrder {
 public:
  /// @param calls at least one, in order of their beginning.
  explicit CallOrder(std::vector<TimedCall> calls);

  /// How many may run at once; 0: they follow each other.
  std::uint32_t lanes() const;
  /// The calls that call `i` waits for, in order; none: it begins with the session.
  const std::vector<std::uint32_t>& after(std::size_t i) const { return after_[i]; }
  /// What passed before it since the last of these had ended, or since the session began.
  Nanos gap(std::size_t i) const;
  /// The call whose prompt it most likely goes on from: of those that had ended the one that shares most of
  /// the spans around it, and of these the last.
  std::optional<std::size_t> goes_on_from(std::size_t i) const;

 private:
  struct Node;
  void clip();
  Node node(const std::vector<std::uint32_t>& calls, std::size_t level) const;
  void order(const Node& node, const std::vector<std::uint32_t>& before);

  std::vector<TimedCall> calls_;
  std::vector<std::vector<std::uint32_t>> after_;  // by call
  std::uint32_t width_ = 1;
};

}  // namespace kneepoint::coordinator
