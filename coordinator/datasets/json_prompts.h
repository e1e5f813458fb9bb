#pragma once

#include <string_view>

#include "coordinator/datasets/collector.h"
#include "coordinator/datasets/dataset_file.h"

namespace kneepoint::coordinator {

/// One JSON object a line; blank lines are skipped. The prompt is a text, a list of texts (the user's turns),
/// or a list of chat messages, of which the user's are taken. Throws DatasetError.
/// @param text readable for simdjson's padding past its end.
void read_json_lines(std::string_view text, const DatasetSpec& spec, DatasetCollector& into);

/// ShareGPT: a list of `{"conversations": [{"from": "human", "value": …}, …]}`. The human's turns are taken;
/// conversations without any are skipped. With `all_roles`, both as logged_turns has them. Same
/// conditions.
void read_share_gpt(std::string_view text, const DatasetSpec& spec, DatasetCollector& into);

}  // namespace kneepoint::coordinator
