#pragma once

/// What stands above the parts of a report, and lines that say what is left out: once for every renderer.
namespace kneepoint::coordinator::words {

inline constexpr const char *kLoadAndThroughput = "Load and throughput", *kAfterTheRamp = "After the ramp",
                            *kLatencies = "Latency",
                            *kOpenLoop = "Open loop: latencies from when a request was due",
                            *kByClass = "By prompt class", *kByTurn = "By turn", *kByReplica = "By replica",
                            *kOthersFeel = "What others feel: requests beside the load",
                            *kByRole = "By role of the servers",
                            *kByPod = "By pod or rank, as each one's page has it",
                            *kEngineSaid = "What the engine said",
                            *kFirstToken = "Where a first token takes its time",
                            *kGpusSaid = "What the GPUs said", *kRequestsTitle = "Requests and connections",
                            *kErrorsTitle = "Errors", *kSlowest = "The slowest to their first token",
                            *kGeneratorError = "The generator's own error",
                            *kSideBySide = "Side by side (TTFT at the lowest step)",
                            *kRecommendations = "Recommendations", *kStatesAndFlags = "States and flags",
                            *kDefinitions = "Definitions";

inline constexpr const char* kColumnsLeftOut =
    "Columns that do not fit are left out; report.md and steps.csv have all.";
/// Of a page.
inline constexpr const char* kChartNeedsScript =
    "The chart is drawn by script, which is off. The tables below hold every figure of it.";
inline constexpr const char* kNothingMeasured = "Nothing was measured.";
inline constexpr const char* kPlanNotKept = "The plan's text was not kept.";
inline constexpr const char* kNoneFailed = "No request failed inside a measured window.";
inline constexpr const char* kPageIsComplete = "This file is complete: it loads nothing from anywhere.";
inline constexpr const char* kPageAsksCoordinator =
    "This page asks for nothing but the coordinator that serves it.";

}  // namespace kneepoint::coordinator::words
