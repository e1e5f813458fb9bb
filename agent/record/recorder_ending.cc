// What is kept of a request at its end beside its figures: why it failed, and its row.
#include <algorithm>

#include "agent/record/host_words.h"
#include "agent/record/recorded_series.h"
#include "agent/record/recorder.h"
#include "common/printable.h"

namespace kneepoint::agent {

/// Of each kind a second has one example, so that a host that refuses thousands costs no more than one.
void Recorder::note_failure(Failures& into, Outcome outcome, const FailureDetail& failure) {
  FailureCount* const kind = into.of({outcome, static_cast<std::uint16_t>(failure.status)});
  if (kind == nullptr) return;
  ++kind->count;
  if (kind->count > 1 && (!kind->said.empty() || failure.said.empty())) return;
  kind->said = host_words(failure.said, failure.secret);
  kind->request_id = printable_start(failure.request_id, Failures::kIdBytes - std::string_view("…").size());
}

void Recorder::keep_row(const RequestRecord& record, MonoTime at, Outcome outcome) {
  RequestRow row{.key = record.series->key,
                 .slot = record.slot,
                 .k = record.k,
                 .outcome = outcome,
                 .scheduled = std::max((record.open_loop ? record.due : record.scheduled) - zero_, Nanos(0)),
                 .sent = record.start - zero_,
                 .ended = at - zero_,
                 .chunks = record.chunks};
  // An answer that is not streamed arrives at once: it has an end, and no first token.
  if (record.streamed && record.chunks > 0) row.first = record.first - zero_;
  if (record.streamed && record.answered) row.first_answer = record.first_answer - zero_;
  if (record.chunks > 0) row.last = record.last - zero_;
  if (record.has_prompt_usage) row.prompt_tokens = record.prompt_tokens;
  if (record.counted()) row.output_tokens = record.completion_tokens;
  row.cached_tokens = record.cached_tokens;
  if (record.reasoning_tokens > 0) row.reasoning_tokens = record.reasoning_tokens;
  if (record.audio_prompt_tokens > 0) row.audio_prompt_tokens = record.audio_prompt_tokens;
  if (record.audio_tokens > 0) row.audio_tokens = record.audio_tokens;
  recorded(std::min(second_of(at), second_)).requests.push_back(row);
}

}  // namespace kneepoint::agent
