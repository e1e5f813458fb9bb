#pragma once

#include <string>
#include <vector>

#include "coordinator/results/model.h"

/// What the report says in words, once for every renderer. Plain text without markup.
namespace kneepoint::coordinator {

/// What the word of a verdict asks of its reader: "Not trustworthy: do not rely on this result."
std::string trust_sentence(Trust trust);
/// "Fatal", "Reservation", "Warning"
std::string weight_word(Remark::Weight weight);
/// "✗ ttft_p95@32>500ms: 543 ms at 32"; a threshold that was not checked says so.
std::string threshold_sentence(const ThresholdOutcome& outcome);
/// The first that fails, with how many more do; else how many held; nothing where there are none.
std::vector<std::string> gate_words(const std::vector<ThresholdOutcome>& outcomes);
/// "The host stopped answering at 03:12. See why it went."
std::string remark_sentence(const Remark& remark);
/// "chat on host, model m, loaded in 18.3 s"
std::string title_sentence(const ScenarioResult& result);
/// What to think of figures of a load that never stood still; empty for any other result.
std::string survey_sentence(const ScenarioResult& result);
/// A valid step of the one load that was measured validly; null where there are none or several loads.
const Step* only_load(const ScenarioResult& result);
/// "87.4 output tok/s, TTFT p50 126 ms"; without streaming the end-to-end time.
std::string figures_of(const Step& step);
/// Where one result saturates: "chat on host saturates at 22.3 requests in flight (between 16 and 32), …".
std::string saturation_sentence(const ScenarioResult& result);
/// The same with its explanation and what to do about what gives out, where there is any.
std::string saturation_text(const ScenarioResult& result);
/// "from chats.jsonl (5000 entries, sha256 3fa1c09be2d4a1b2…)", "made to 1024 tokens on average, the server
/// counted 1019 (-0.5 %)", or both; empty for prompts that stand in the plan.
std::string prompt_sentence(const ScenarioResult& result);
/// "N counts sessions, which think between two turns: of 16 3.1 in flight and 12.9 think (81 %)"; empty where
/// nobody thinks.
std::string sessions_sentence(const ScenarioResult& result);
/// What was found beside the saturation point, in the order of a report: title ("Movement", "Confirmation",
/// "Proof", "Way back down") and sentences.
std::vector<std::pair<std::string, std::string>> findings_of(const ScenarioResult& result);
/// "37 requests in flight (30 to 40): the highest concurrency that meets all limits together"
std::string recommendation_sentence(const Recommendation& recommendation);
/// "ttft_p95 ≤ 500 ms holds up to 16 requests in flight and fails at 32".
std::string slo_sentence(const SloCriterion& criterion, LoadKind kind);
/// What the state of a limit means for whoever plans capacity: a clause.
std::string criterion_meaning(const SloCriterion& criterion);
/// What a "hard" or a "soft" knee means: a sentence; empty for any other.
std::string_view knee_meaning(std::string_view kind);
/// Run, plan, time, agents.
std::string run_line(const Report& report);
/// The whole run's counts.
std::string totals_line(const Totals& totals);
/// "64: only 12.3 of 64 requests were in flight", for every step that is invalid or weakened.
std::vector<std::string> step_remarks(const ScenarioResult& result);

}  // namespace kneepoint::coordinator
