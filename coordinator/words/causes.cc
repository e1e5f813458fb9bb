#include "coordinator/words/causes.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "coordinator/results/units.h"
#include "coordinator/words/failures.h"
#include "coordinator/words/pages.h"
#include "coordinator/words/rows.h"

namespace kneepoint::coordinator::words {
namespace {

std::string percent(double ratio) {
  return fmt::format("{:.0f} %", ratio * 100);
}

std::string figure(double value) {
  return value < 10 ? fmt::format("{:.1f}", value) : fmt::format("{:.0f}", value);
}

/// "32 requests in flight"
std::string load_of(const Step& step) {
  return format_load(step.load_kind(), step.load());
}

std::string held(const HeldBefore& held) {
  std::string text =
      fmt::format("of {} in flight the engine holds {} ({} running, {} waiting)", figure(held.in_flight),
                  figure(held.running + held.waiting), figure(held.running), figure(held.waiting));
  if (held.tokens_here && held.tokens_there)
    text += fmt::format(", though both count the same tokens ({} a second here, {} there)",
                        figure(*held.tokens_here), figure(*held.tokens_there));
  return text;
}

/// "40 of them", "all of them"
std::string of_them(const Step& row, std::uint64_t count) {
  return count == row.requests.failed ? "all of them" : fmt::format("{} of them", count);
}

/// "at 32 requests in flight, 40 of 300 failed"
std::string failed_at(const Step& row) {
  const RequestCounts& requests = row.requests;
  return fmt::format("at {}, {} of {} failed", load_of(row), requests.failed,
                     requests.failed + requests.completed);
}

std::string while_gpu(std::optional<double> gpu) {
  return gpu ? fmt::format(" while the GPU was in use {} of the time", percent(*gpu)) : "";
}

/// "; of a mean TTFT of 532 ms 400 ms pass in the front end, before the engine (20 ms at 32)"
std::string split(const FrontEndShare& share) {
  if (!share.front || !share.ttft) return "";
  std::string text = fmt::format("; of a mean TTFT of {} {} pass in the front end, before the engine",
                                 format_time(*share.ttft), format_time(*share.front));
  if (share.front_before && share.lowest != nullptr)
    text += fmt::format(" ({} at {})", format_time(*share.front_before), load_label(*share.lowest));
  return text;
}

/// "at 32 requests in flight activity was tensor pipe 91 %"
std::string activity(const Step& row, const StepTelemetry& telemetry, bool engine) {
  return fmt::format("at {} activity was {}{}", load_of(row), gpu_units(telemetry.gpu),
                     engine ? token_work(telemetry) : "");
}

std::string beside(const BatchRoom& room) {
  return fmt::format("while {} wait beside a batch of {} that has held {}", figure(room.waiting),
                     figure(room.running), figure(room.has_held));
}

}  // namespace

std::string gpu_units(const GpuTelemetry& gpu) {
  std::string text;
  const auto add = [&](const char* name, const std::optional<double>& ratio) {
    if (ratio) text += fmt::format("{}{} {}", text.empty() ? "" : ", ", name, percent(*ratio));
  };
  add("tensor pipe", gpu.tensor_active_mean);
  add("memory bus", gpu.dram_active_mean);
  add("SMs", gpu.sm_active_mean);
  return text;
}

std::string token_work(const StepTelemetry& engine) {
  if (!engine.server_prompt_tokens_per_second || !engine.server_tokens_per_second) return "";
  return fmt::format(", with {} prompt and {} output tokens a second",
                     figure(*engine.server_prompt_tokens_per_second),
                     figure(*engine.server_tokens_per_second));
}

std::string held_before_server(const Step& row, const HeldBefore& before, double ttft, double outside) {
  return fmt::format(
      "Something before the server holds requests: at {}, {}; of a mean TTFT of {} {} pass before the server "
      "takes the request.",
      load_of(row), held(before), format_time(ttft), format_time(outside));
}

std::string held_in_front_end(const Step& row, const HeldBefore& before, double ttft, double front) {
  return fmt::format(
      "The server's front end holds requests: at {}, {}; of a mean TTFT of {} {} pass in the server, before "
      "its "
      "engine.",
      load_of(row), held(before), format_time(ttft), format_time(front));
}

std::string held_before_engine(const Step& row, const HeldBefore& before) {
  return fmt::format(
      "Something before the engine holds requests (a gateway, a proxy or the server's own front end): at {}, "
      "{}; decoding is as fast as before.",
      load_of(row), held(before));
}

std::string requests_left_late(const Step& row) {
  const GeneratorSummary& generator = row.generator;
  return fmt::format(
      "Requests left late at {}: send lag p99 {} against TTFT p50 {}, while the busiest thread of the load "
      "generator was busy {} of the time.",
      load_of(row), format_time(generator.send_lag_p99_seconds), format_time(row.ttft_seconds.p50),
      percent(generator.busiest_thread_ratio.value_or(0)));
}

std::string generator_was_the_limit(const Step& row, const std::string& why) {
  return fmt::format("The load generator was its own limit at {}: {}.", load_of(row), why);
}

std::string generator_busy(double ratio) {
  return fmt::format("one of its threads was busy {} of the time", percent(ratio));
}

std::string generator_read_late(double ratio) {
  return fmt::format("it read {:.1f} % of the events late and together", ratio * 100);
}

std::string see_the_reasons() {
  return "see the step's reasons";
}

std::string replica_not_reached(const Step& row, std::uint64_t connecting, const std::string& replica) {
  return fmt::format("Requests do not reach the target: {}, {} while connecting, and {} never answered.",
                     failed_at(row), of_them(row, connecting), replica);
}

std::string failed_and_not_there(const Step& failing, const Step& fine) {
  return fmt::format("Requests failed at {}, but not at {}: that is no limit of the host.", load_of(failing),
                     load_of(fine));
}

std::string turned_away(const Step& row, std::uint64_t rejected) {
  return fmt::format("The target turns requests away: {}, {} with HTTP 429 or 503.", failed_at(row),
                     of_them(row, rejected));
}

std::string target_not_reached(const Step& row, std::uint64_t connecting) {
  return fmt::format("Requests do not reach the target: {}, {} while connecting.", failed_at(row),
                     of_them(row, connecting));
}

std::string time_out(const Step& row, std::uint64_t timeouts) {
  return fmt::format("Requests time out: {}, {} by timeout.", failed_at(row), of_them(row, timeouts));
}

std::string target_fails(const Step& row) {
  return fmt::format("The target fails: {} ({}).", failed_at(row), kinds_words(row.requests));
}

std::string front_end_full(const Step& row, double cores, std::optional<double> gpu,
                           const FrontEndShare& share) {
  return fmt::format(
      "The server's front end works as fast as it can: at {} its process was busy {:.2f} of a core{}{}.",
      load_of(row), cores, while_gpu(gpu), split(share));
}

std::string engine_loop_full(const Step& row, double cores, std::optional<double> gpu) {
  return fmt::format(
      "The engine's own loop works as fast as it can: at {} its process was busy {:.2f} of a core{}.",
      load_of(row), cores, while_gpu(gpu));
}

std::string nothing_full(const Step& row, double gpu, double front_cores, double engine_cores) {
  return fmt::format(
      "The GPU is not full ({} in use at {}), nor are the server's processes ({:.2f} and {:.2f} of a core): "
      "what "
      "holds it back was not seen.",
      percent(gpu), load_of(row), front_cores, engine_cores);
}

std::string gpu_not_full(const Step& row, double gpu, std::optional<double> front_cores,
                         std::optional<double> engine_cores, bool both_full) {
  std::string cpu, end = "front end or scheduler (it is not known which).";
  if (front_cores) cpu += fmt::format("; the front end's process was busy {:.2f} of a core", *front_cores);
  if (engine_cores) cpu += fmt::format("; the engine's process was busy {:.2f} of a core", *engine_cores);
  if (!front_cores || !engine_cores) {
    end += " The CPU of each of the server's processes would show it.";
  } else if (both_full) {
    end = "front end and scheduler are both at their limit, and either may hold back the other.";
  }
  return fmt::format("The GPU is not full ({} in use at {}{}): {}", percent(gpu), load_of(row), cpu, end);
}

std::string waits_somewhere() {
  return "Requests wait while decoding is as fast as before: full slots, prefill or something before the "
         "engine "
         "(it is not known which). The engine's queue time, prefill time and requests in the batch, of every "
         "server, would show it.";
}

std::string gpu_computes_all_it_can(const Step& row, const StepTelemetry& telemetry, bool engine) {
  return fmt::format("The GPU computes as fast as it can: {}.", activity(row, telemetry, engine));
}

std::string tensor_pipe_leads(const Step& row, const StepTelemetry& telemetry, bool engine) {
  return fmt::format("The tensor pipe is what is nearest to its limit: {}.",
                     activity(row, telemetry, engine));
}

std::string memory_bus_leads(const Step& row, const StepTelemetry& telemetry, bool engine,
                             std::optional<double> bus_before, const Step& lowest) {
  return fmt::format(
      "The memory bus is what is nearest to its limit, as when decoding reads weights and KV cache: {}{}.",
      activity(row, telemetry, engine),
      bus_before ? fmt::format(" (memory bus {} at {})", percent(*bus_before), load_label(lowest)) : "");
}

std::string kv_cache_runs_out(const Step& row, double usage, double preempted) {
  return fmt::format(
      "The KV cache runs out: at {} it was up to {} full, and {} requests a second were preempted.",
      load_of(row), percent(usage), figure(preempted));
}

std::string kv_cache_full(const Step& row, double usage, double waiting) {
  return fmt::format("The KV cache is full: at {} it was {} full on average while {} requests waited.",
                     load_of(row), percent(usage), figure(waiting));
}

std::string kv_cache_always_full(const Step& lowest, double usage) {
  return fmt::format("The server calls its KV cache {} full at {}, too: that shows no limit.", percent(usage),
                     load_of(lowest));
}

std::string kv_cache_no_room(const Step& row, double running, double each, double waiting) {
  return fmt::format(
      "The KV cache has no room for one more: at {} {} run, each holding up to {} of it, while {} wait.",
      load_of(row), figure(running), percent(each), figure(waiting));
}

std::string network_loses(const Step& row, const Step& lowest) {
  return fmt::format("The network loses packets under load: at {} {}; at {} {}.", load_of(row),
                     packet_loss(row.network), load_label(lowest), packet_loss(lowest.network));
}

std::string connecting_slows(const Step& lowest, double before, const Step& row, double now) {
  return fmt::format("Connecting slows down: p95 {} at {}, {} at {}.", format_time(before),
                     load_label(lowest), format_time(now), load_label(row));
}

std::string iterations_full(const Step& before, double tokens_before, const Step& row, double tokens,
                            const BatchRoom& room) {
  return fmt::format("The engine's iterations are full: {} tokens each at {}, {} at {}, {}.",
                     figure(tokens_before), load_label(before), figure(tokens), load_label(row),
                     beside(room));
}

std::string no_more_prompts(const Step& before, const Step& row, const MorePrefill& prefill) {
  std::string text =
      fmt::format("No more prompts are read in a second: {} prompt tokens a second at {}, {} at {}",
                  format_figure(prefill.tokens_before), load_label(before), format_figure(prefill.tokens),
                  load_label(row));
  if (prefill.room) text += ", " + beside(*prefill.room);
  if (prefill.takes && prefill.takes_before)
    text += fmt::format("; prefill of a request takes {} instead of {}", format_time(*prefill.takes),
                        format_time(*prefill.takes_before));
  if (prefill.gpu && prefill.decoding)
    text += fmt::format("; the GPU was in use {} of the time, and what was written takes {} of it at most",
                        percent(*prefill.gpu), percent(*prefill.decoding));
  return text + ".";
}

std::string batch_full(const Step& row, const BatchFull& batch, const StepTelemetry& telemetry) {
  std::string runs = fmt::format("{} run", figure(batch.running));
  if (batch.earlier != nullptr)
    runs += fmt::format(" ({} at {})", figure(batch.running_earlier), load_label(*batch.earlier));
  std::string text =
      fmt::format("The server takes no more into its batch: at {} {} and {} wait in the server's queue",
                  load_of(row), runs, figure(batch.waiting));
  if (telemetry.queue_time_mean_seconds.value_or(0) > 0)
    text += fmt::format(", {} each", format_time(*telemetry.queue_time_mean_seconds));
  if (telemetry.kv_usage_mean)
    text += fmt::format("; the KV cache is {} full", percent(*telemetry.kv_usage_mean));
  return text + ".";
}

std::string waits_for_a_slot(const Step& knee, const Step& past) {
  std::string text = "Requests wait for a slot while decoding is as fast as before";
  if (const auto& before = knee.ttft_seconds.p50, &now = past.ttft_seconds.p50; before && now)
    text += fmt::format(": TTFT p50 {} at {}, {} at {}", format_time(*before), load_label(knee),
                        format_time(*now), load_label(past));
  if (const auto& before = knee.tpot_seconds.p50, &now = past.tpot_seconds.p50; before && now)
    text += fmt::format("; TPOT p50 {} and {}", format_time(*before), format_time(*now));
  return text + ".";
}

std::string slots_full_past_knee(const std::string& batch) {
  return fmt::format("Past the knee the slots are full, too: {}", batch);
}

std::string slots_full_later(const Step& from, const std::string& batch) {
  return fmt::format("The slots are full, too, but only from {} on: {}", load_label(from), batch);
}

std::string all_slow_each_other(const Step& lowest, const Step& row) {
  return fmt::format("Every request is slowed by the others: TPOT p50 {} at {}, {} at {}.",
                     format_time(lowest.tpot_seconds.p50), load_label(lowest),
                     format_time(row.tpot_seconds.p50), load_label(row));
}

std::string no_limit(const Step& row, const EngineFigures& engine, std::optional<double> kv_usage,
                     const std::string& units) {
  std::vector<std::string> seen;
  if (engine.running) seen.push_back(figure(*engine.running) + " running");
  if (engine.waiting) seen.push_back(figure(*engine.waiting) + " waiting");
  if (kv_usage) seen.push_back("KV cache " + percent(*kv_usage) + " full");
  if (!units.empty()) seen.push_back(units);
  if (seen.empty()) return "";
  return fmt::format("No limit shows at {}: {}.", load_of(row), fmt::join(seen, ", "));
}

std::string page_is_no_witness(const Step& row) {
  return fmt::format("At {} {}: nothing is concluded from it.", load_of(row), page(row.telemetry->page));
}

std::string not_ruled_out(const std::vector<std::string>& names) {
  std::string text = "Without more of the server's telemetry, ";
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (i > 0) text += i + 1 == names.size() ? " and " : ", ";
    std::string name = names[i];
    if (name == "kv_cache") name = "KV cache";
    if (name == "before_engine") name = "something before the engine";
    std::replace(name.begin(), name.end(), '_', ' ');
    text += name;
  }
  return text + " cannot be ruled out.";
}

std::string requests_stand(const Step& row, const std::vector<Stage>& stages, std::string_view most,
                           double without_token) {
  const auto where = [](std::string_view stage) {
    if (stage == "router") return "in the router's own queue";
    if (stage == "prefill") return "before prefill";
    if (stage == "decode") return "before decode";
    return "until their KV cache has been sent from prefill to decode";
  };
  double held = 0;
  std::vector<std::string> others;
  for (const Stage& stage : stages) {
    if (stage.name == most) {
      held = stage.held.value_or(0);
    } else if (stage.held) {
      others.push_back(fmt::format("{} {}", figure(*stage.held), where(stage.name)));
    }
  }
  return fmt::format("At {}, {} requests wait {}{}, by the pages of each role; here {} have no token yet.",
                     load_of(row), figure(held), where(most),
                     others.empty() ? "" : fmt::format(" ({})", fmt::join(others, ", ")),
                     figure(without_token));
}

}  // namespace kneepoint::coordinator::words
