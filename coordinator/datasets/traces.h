#pragma once

#include <string_view>

#include "common/clock.h"
#include "coordinator/datasets/collector.h"
#include "coordinator/datasets/dataset_file.h"

/// Traces of real traffic: lengths and arrival times, no texts. Entries are put in order of arrival, and the
/// first one's becomes 0. All throw DatasetError.
namespace kneepoint::coordinator {

/// A trace is replayed in at most a month.
inline constexpr Nanos kLongestTrace = std::chrono::hours(24 * 31);

/// What every trace's reader ends with.
void order_by_arrival(Dataset& dataset);

/// Mooncake (Qin et al., FAST '25): JSON lines of `timestamp` (ms), `input_length`, `output_length`, and
/// `hash_ids`, one for each 512 tokens of the prompt (or as the spec has it): equal ids, equal text.
/// @param text readable for simdjson's padding past its end.
void read_mooncake(std::string_view text, const DatasetSpec& spec, DatasetCollector& into);

/// Qwen-Bailian (Wang et al., USENIX ATC '25), by the README of alibaba-edu/qwen-bailian-usagetraces-anon:
/// JSON lines of `chat_id`, `parent_chat_id` (-1: none), `timestamp` (s), `input_length`, `output_length`,
/// `hash_ids`, one for each 16 tokens. A prompt's length and ids are those of all that was said before, too.
/// With the spec's `sessions` a chat and those that follow it, wherever they stand in the file, are the turns
/// of one entry; of two that follow the same chat the later one begins a session of its own. Their gaps are
/// from arrival to arrival: when answers ended is not told.
/// @param text readable for simdjson's padding past its end.
void read_bailian(std::string_view text, const DatasetSpec& spec, DatasetCollector& into);

/// The Azure LLM inference traces (Patel et al., ISCA '24): CSV with `TIMESTAMP`, `ContextTokens`,
/// `GeneratedTokens`.
void read_azure_llm(std::string_view text, DatasetCollector& into);

/// BurstGPT (Wang et al., 2024): CSV with `Timestamp` (s), `Request tokens`, `Response tokens` and others. A
/// failed request has no response tokens: it is sent for one.
void read_burst_gpt(std::string_view text, DatasetCollector& into);

}  // namespace kneepoint::coordinator
