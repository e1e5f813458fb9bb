#pragma once

#include <cstddef>
#include <optional>
#include <vector>

namespace kneepoint::coordinator {

/// A time of one server of several, beside the middle one of the others. Seconds.
struct OutOfLine {
  double own = 0, others = 0;
};

/// Of servers of the same make: whether the one at `index` takes so much longer than the middle one of the
/// others that it is not chance. Absent, too, where one of them has no figure.
std::optional<OutOfLine> stands_out(const std::vector<std::optional<double>>& seconds, std::size_t index);

/// The only one that does; nothing where there are several, or none.
std::optional<std::size_t> the_one_that_stands_out(const std::vector<std::optional<double>>& seconds);

}  // namespace kneepoint::coordinator
