#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "coordinator/results/model.h"

/// The evidence for a bottleneck, and what was seen where there is none: sentences, but where it says clause.
/// Loads are told as Step has them, times are in seconds, ratios of 1.
namespace kneepoint::coordinator::words {

/// What the engine and its GPU had in a row; absent: not known.
struct EngineFigures {
  std::optional<double> running, waiting;
};

/// "tensor pipe 91 %, memory bus 40 %": a clause; empty where nothing is known.
std::string gpu_units(const GpuTelemetry& gpu);
/// ", with 3,100 prompt and 420 output tokens a second": a clause.
std::string token_work(const StepTelemetry& engine);

/// Something holds requests before the engine.
struct HeldBefore {
  double in_flight = 0, running = 0, waiting = 0;
  /// Tokens a second, where both sides count them.
  std::optional<double> tokens_here, tokens_there;
};
std::string held_before_server(const Step& row, const HeldBefore& held, double ttft, double outside);
std::string held_in_front_end(const Step& row, const HeldBefore& held, double ttft, double front);
std::string held_before_engine(const Step& row, const HeldBefore& held);

std::string requests_left_late(const Step& row);
/// @param why A clause, as generator_busy() and the next one.
std::string generator_was_the_limit(const Step& row, const std::string& why);
std::string generator_busy(double ratio);
std::string generator_read_late(double ratio);
std::string see_the_reasons();

/// Requests that fail. @param connecting Of those that failed.
std::string replica_not_reached(const Step& row, std::uint64_t connecting, const std::string& replica);
std::string failed_and_not_there(const Step& failing, const Step& fine);
std::string turned_away(const Step& row, std::uint64_t rejected);
std::string target_not_reached(const Step& row, std::uint64_t connecting);
std::string time_out(const Step& row, std::uint64_t timeouts);
std::string target_fails(const Step& row);

/// The server's own processes. @param cores Of a core. @param gpu How long the GPU was in use.
struct FrontEndShare {
  std::optional<double> ttft, front;   ///< Of a mean TTFT, in the front end.
  std::optional<double> front_before;  ///< The same at `lowest`.
  const Step* lowest = nullptr;
};
std::string front_end_full(const Step& row, double cores, std::optional<double> gpu,
                           const FrontEndShare& share);
std::string engine_loop_full(const Step& row, double cores, std::optional<double> gpu);
std::string nothing_full(const Step& row, double gpu, double front_cores, double engine_cores);
/// @param both_full Whether both processes are at their limit.
std::string gpu_not_full(const Step& row, double gpu, std::optional<double> front_cores,
                         std::optional<double> engine_cores, bool both_full);
std::string waits_somewhere();

std::string gpu_computes_all_it_can(const Step& row, const StepTelemetry& telemetry, bool engine);
std::string tensor_pipe_leads(const Step& row, const StepTelemetry& telemetry, bool engine);
/// @param bus_before The memory bus at `lowest`, where that is another row.
std::string memory_bus_leads(const Step& row, const StepTelemetry& telemetry, bool engine,
                             std::optional<double> bus_before, const Step& lowest);

std::string kv_cache_runs_out(const Step& row, double usage, double preempted);
std::string kv_cache_full(const Step& row, double usage, double waiting);
std::string kv_cache_always_full(const Step& lowest, double usage);
std::string kv_cache_no_room(const Step& row, double running, double each, double waiting);

std::string network_loses(const Step& row, const Step& lowest);
std::string connecting_slows(const Step& lowest, double before, const Step& row, double now);

/// Prompts that there is no time for.
struct BatchRoom {
  double waiting = 0, running = 0, has_held = 0;
};
std::string iterations_full(const Step& before, double tokens_before, const Step& row, double tokens,
                            const BatchRoom& room);
struct MorePrefill {
  double tokens_before = 0, tokens = 0;       ///< Prompt tokens a second.
  std::optional<BatchRoom> room;              ///< Where requests queue though the batch is not full.
  std::optional<double> takes_before, takes;  ///< Prefill of a request, where it got slower.
  std::optional<double> gpu, decoding;        ///< Shares of the time, where prompts alone take it.
};
std::string no_more_prompts(const Step& before, const Step& row, const MorePrefill& prefill);

/// A batch that takes no more. @param earlier A row to compare with, and what ran in it.
struct BatchFull {
  double running = 0, waiting = 0;
  const Step* earlier = nullptr;
  double running_earlier = 0;
};
std::string batch_full(const Step& row, const BatchFull& batch, const StepTelemetry& telemetry);
std::string waits_for_a_slot(const Step& knee, const Step& past);
std::string slots_full_past_knee(const std::string& batch);
std::string slots_full_later(const Step& from, const std::string& batch);

/// Where nothing was found.
std::string all_slow_each_other(const Step& lowest, const Step& row);
std::string no_limit(const Step& row, const EngineFigures& engine, std::optional<double> kv_usage,
                     const std::string& units);
std::string page_is_no_witness(const Step& row);
/// @param names As Attribution has them: "kv_cache".
std::string not_ruled_out(const std::vector<std::string>& names);

/// Where requests stand still on their way through servers of several roles.
struct Stage {
  const char* name;            ///< "router", "prefill", "kv_transfer" or "decode", as a bottleneck is called.
  std::optional<double> held;  ///< Requests, by the stage's own pages.
};
/// @param most The name of the stage that holds most. @param without_token Requests, by the client.
std::string requests_stand(const Step& row, const std::vector<Stage>& stages, std::string_view most,
                           double without_token);

}  // namespace kneepoint::coordinator::words
