#pragma once

#include <cstddef>
#include <string>

#include "coordinator/results/model.h"

/// The table of a run as it goes on, in a terminal of any width: columns go by importance, the load, tok/s
/// and the errors last.
namespace kneepoint::coordinator {

/// One line each, without line break at the end; a note may go on below.
std::string narrow_header(std::size_t width);
std::string narrow_line(const Step& step, std::size_t width);

}  // namespace kneepoint::coordinator
