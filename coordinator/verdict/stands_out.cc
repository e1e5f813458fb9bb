#include "coordinator/verdict/stands_out.h"

#include <algorithm>

namespace kneepoint::coordinator {
namespace {

/// So many times as long, and by so much: a server of the same make does not get there by chance.
constexpr double kSlower = 1.5;
constexpr double kLeastSeconds = 1e-3;

}  // namespace

std::optional<OutOfLine> stands_out(const std::vector<std::optional<double>>& seconds, std::size_t index) {
  std::vector<double> others;
  for (std::size_t i = 0; i < seconds.size(); ++i) {
    if (!seconds[i]) return std::nullopt;
    if (i != index) others.push_back(*seconds[i]);
  }
  if (others.empty()) return std::nullopt;
  const auto middle = others.begin() + static_cast<std::ptrdiff_t>(others.size() / 2);
  std::nth_element(others.begin(), middle, others.end());
  const OutOfLine found{.own = *seconds[index], .others = *middle};
  if (found.own < kSlower * found.others || found.own - found.others <= kLeastSeconds) return std::nullopt;
  return found;
}

std::optional<std::size_t> the_one_that_stands_out(const std::vector<std::optional<double>>& seconds) {
  std::optional<std::size_t> found;
  for (std::size_t i = 0; i < seconds.size(); ++i) {
    if (!stands_out(seconds, i)) continue;
    if (found) return std::nullopt;
    found = i;
  }
  return found;
}

}  // namespace kneepoint::coordinator
