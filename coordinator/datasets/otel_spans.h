#pragma once

#include <string_view>

#include "coordinator/datasets/collector.h"

namespace kneepoint::coordinator {

/// Agents as OpenTelemetry saw them: a file as its file exporter writes it (a JSON object with
/// `resourceSpans` a line, OTLP's JSON encoding), spans named by its semantic conventions for GenAI (1.37).
/// Each call of a model is a request: spans whose `gen_ai.operation.name` is chat, generate_content or
/// text_completion, with `gen_ai.usage.input_tokens` and `.output_tokens`. All other spans are passed over,
/// and a call within a call is the same, traced twice.
/// Entries are in order of arrival, the first one's is 0. Throws DatasetError.
/// @param sessions whether calls that follow each other are the turns of one entry: those of one
/// `gen_ai.conversation.id`, or else of one trace. A call waits for those that had ended when it began,
/// within the innermost span around both; those that overlapped run beside each other (DatasetEntry::lanes).
/// Gaps are from the end of the last answer that a call waits for. A prompt begins with that of an earlier
/// call of its span: as far as `gen_ai.usage.cache_read.input_tokens` says, or else as a whole where it is at
/// least as long.
/// @param text readable for simdjson's padding past its end.
void read_otel_spans(std::string_view text, bool sessions, DatasetCollector& into);

}  // namespace kneepoint::coordinator
