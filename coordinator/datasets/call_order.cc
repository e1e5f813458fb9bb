#include "coordinator/datasets/call_order.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <tuple>
#include <utility>

#include "common/dataset.h"

namespace kneepoint::coordinator {
namespace {

/// So far back a prompt is looked for that another one goes on from.
constexpr std::size_t kLooksBack = 256;

}  // namespace

/// A span with calls beneath it, or a call.
struct CallOrder::Node {
  Nanos begin = Nanos::max(), end{0};
  std::vector<std::uint32_t> last;  ///< Of its calls those that none of its others follows.
  std::uint32_t width = 1;          ///< So many of its calls may run at once.
  std::optional<std::uint32_t> call;
  std::vector<Node> parts;  ///< By their beginning.
};

CallOrder::CallOrder(std::vector<TimedCall> calls) : calls_(std::move(calls)), after_(calls_.size()) {
  clip();
  std::vector<std::uint32_t> all(calls_.size());
  std::iota(all.begin(), all.end(), 0);
  const Node root = node(all, 0);
  width_ = root.width;
  order(root, {});
}

/// Machines have clocks of their own, and a stream's span closes late: what overlaps by less than a
/// millisecond, or a hundredth of the shorter call, followed.
void CallOrder::clip() {
  constexpr Nanos kLeast = std::chrono::milliseconds(1);
  const auto length = [](const TimedCall& call) { return call.end - call.begin; };
  for (std::size_t i = 0; i < calls_.size(); ++i) {
    TimedCall& call = calls_[i];
    const Nanos earliest = call.end - std::max(kLeast, length(call) / 100);
    auto next = std::lower_bound(calls_.begin() + static_cast<std::ptrdiff_t>(i) + 1, calls_.end(), earliest,
                                 [](const TimedCall& each, Nanos at) { return each.begin < at; });
    for (; next != calls_.end() && next->begin < call.end; ++next) {
      const Nanos slack = std::max(kLeast, std::min(length(call), length(*next)) / 100);
      if (call.end - next->begin >= slack || next->begin <= call.begin) continue;
      call.end = next->begin;
      break;
    }
  }
}

std::uint32_t CallOrder::lanes() const {
  return width_ > 1 ? std::min(width_, kMostLanes) : 0;
}

Nanos CallOrder::gap(std::size_t i) const {
  Nanos since = calls_.front().begin;
  for (const std::uint32_t before : after_[i]) since = std::max(since, calls_[before].end);
  return calls_[i].begin - since;
}

std::optional<std::size_t> CallOrder::goes_on_from(std::size_t i) const {
  std::optional<std::size_t> best;
  std::size_t most = 0;
  const auto& mine = calls_[i].spans;
  for (std::size_t j = i - std::min(i, kLooksBack); j < i; ++j) {
    if (calls_[j].end > calls_[i].begin) continue;
    const auto& other = calls_[j].spans;
    const auto shared = static_cast<std::size_t>(
        std::mismatch(mine.begin(), mine.end(), other.begin(), other.end()).first - mine.begin());
    // Of equal ones the nearest to the span that both are in: an agent goes on from itself, not from another
    // that it has called.
    const auto rank = [&](std::size_t at) {
      return std::tuple(at == j ? shared : most, -static_cast<int>(calls_[at].spans.size()), calls_[at].end);
    };
    if (best && rank(j) < rank(*best)) continue;
    best = j;
    most = shared;
  }
  return best;
}

/// The tree of these calls, around whose first `level` spans they all are.
CallOrder::Node CallOrder::node(const std::vector<std::uint32_t>& calls, std::size_t level) const {
  Node made;
  std::map<std::string_view, std::vector<std::uint32_t>> beneath;
  for (const std::uint32_t each : calls) {
    if (calls_[each].spans.size() > level) {
      beneath[calls_[each].spans[level]].push_back(each);
    } else {
      made.parts.push_back(
          {.begin = calls_[each].begin, .end = calls_[each].end, .last = {each}, .call = each});
    }
  }
  for (const auto& [span, its] : beneath) made.parts.push_back(node(its, level + 1));
  if (made.parts.size() == 1) return std::move(made.parts.front());
  std::sort(made.parts.begin(), made.parts.end(),
            [](const Node& a, const Node& b) { return a.begin < b.begin; });
  Nanos latest{0};
  for (const Node& part : made.parts) {
    made.begin = std::min(made.begin, part.begin);
    made.end = std::max(made.end, part.end);
    latest = std::max(latest, part.begin);
    std::uint32_t width = part.width;  // of those that run when it begins
    for (const Node& other : made.parts) {
      if (&other != &part && other.begin <= part.begin && other.end > part.begin) width += other.width;
    }
    made.width = std::max(made.width, width);
  }
  for (const Node& part : made.parts) {
    if (part.end > latest) made.last.insert(made.last.end(), part.last.begin(), part.last.end());
  }
  return made;
}

/// @param before what the node itself waits for.
void CallOrder::order(const Node& node, const std::vector<std::uint32_t>& before) {
  if (node.call) {
    after_[*node.call] = before;
    std::sort(after_[*node.call].begin(), after_[*node.call].end());
    return;
  }
  for (const Node& part : node.parts) {
    Nanos latest{0};
    for (const Node& other : node.parts) {
      if (other.end <= part.begin) latest = std::max(latest, other.begin);
    }
    std::vector<std::uint32_t> its;
    for (const Node& other : node.parts) {
      if (other.end <= part.begin && other.end > latest)
        its.insert(its.end(), other.last.begin(), other.last.end());
    }
    order(part, its.empty() ? before : its);
  }
}

}  // namespace kneepoint::coordinator
