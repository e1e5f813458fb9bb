#pragma once

#include <string_view>

#include "coordinator/datasets/collector.h"

/// Traces of real traffic: lengths and arrival times, no texts. Entries are put in order of arrival, and the
/// first one's becomes 0. All throw DatasetError.
namespace kneepoint::coordinator {

/// Mooncake (Qin et al., FAST '25): JSON lines of `timestamp` (ms), `input_length`, `output_length`, and
/// `hash_ids`, one for each 512 tokens of the prompt: equal ids, equal text.
/// @param text readable for simdjson's padding past its end.
void read_mooncake(std::string_view text, DatasetCollector& into);

/// The Azure LLM inference traces (Patel et al., ISCA '24): CSV with `TIMESTAMP`, `ContextTokens`,
/// `GeneratedTokens`.
void read_azure_llm(std::string_view text, DatasetCollector& into);

/// BurstGPT (Wang et al., 2024): CSV with `Timestamp` (s), `Request tokens`, `Response tokens` and others. A
/// failed request has no response tokens: it is sent for one.
void read_burst_gpt(std::string_view text, DatasetCollector& into);

}  // namespace kneepoint::coordinator
