#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace kneepoint {

/// The candidate nearest to a misspelt word (insertions, deletions, replacements and swaps of neighbours
/// count one each), at most half of its letters away; "" where none is.
std::string nearest(std::string_view word, const std::vector<std::string_view>& candidates);

}  // namespace kneepoint
