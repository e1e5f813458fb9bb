#pragma once

#include <cstddef>
#include <string>

#include "coordinator/results/model.h"

namespace kneepoint::coordinator {

/// Lines are at most so wide where nothing else is asked for; only a word that is longer by itself is not
/// broken.
inline constexpr std::size_t kTextWidth = 120;

/// report.txt, the verdict first: in lines of `width`, which 60 is enough for. Columns that do not fit go by
/// importance, and it is said that they did.
std::string render_text(const Report& report, std::size_t width = kTextWidth);

}  // namespace kneepoint::coordinator
