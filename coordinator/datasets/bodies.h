#pragma once

#include <string_view>

#include "coordinator/datasets/collector.h"

namespace kneepoint::coordinator {

/// Whole request bodies, a JSON object a line, blank lines skipped. An entry's turn is the object's members
/// as they were written, up to and with its closing brace, without `model`, `stream` and `stream_options`,
/// which are for the sender to set. Throws DatasetError.
/// @param text readable for simdjson's padding past its end.
void read_bodies(std::string_view text, DatasetCollector& into);

}  // namespace kneepoint::coordinator
