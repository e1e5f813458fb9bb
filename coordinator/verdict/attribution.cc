#include "coordinator/verdict/attribution.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "coordinator/measure/validity.h"
#include "coordinator/results/units.h"
#include "coordinator/verdict/observed_steps.h"

namespace kneepoint::coordinator {
namespace {

/// "32 requests in flight", of an open loop "20 requests per second".
std::string load_of(const Step& step) {
  return format_load(step.load_kind(), step.load());
}

/// Requests that the host has at a time: asked for, or of an open loop what came of it.
double held(const Step& step) {
  return step.offered_rate ? step.achieved_concurrency.value_or(0) : step.concurrency;
}

using Limits = AttributionLimits;

std::string percent(double ratio) {
  return fmt::format("{:.0f} %", ratio * 100);
}
std::string figure(double value) {
  return value < 10 ? fmt::format("{:.1f}", value) : fmt::format("{:.0f}", value);
}

std::uint64_t count_of(const RequestCounts& requests, std::initializer_list<Outcome> outcomes) {
  std::uint64_t sum = 0;
  for (const Outcome outcome : outcomes) sum += requests.by_outcome[static_cast<std::size_t>(outcome)];
  return sum;
}

class Judge {
 public:
  explicit Judge(const AttributionInput& input)
      : input_(input), steps_(observe(input.steps, input.saturation)) {}

  Attribution run() {
    const bool found = client() || errors() || kv_cache() || compute_despite_queue() || queue_slots() ||
                       network() || busiest_unit();
    if (!found) say_nothing_found();
    doubt();
    return std::move(result_);
  }

 private:
  bool say(std::string bottleneck, std::string sentence) {
    result_.bottleneck = std::move(bottleneck);
    result_.evidence.push_back(std::move(sentence));
    return true;
  }

  /// A generator that stumbled in one row did not make a knee that valid rows show, nor was it the limit
  /// there when it kept up with more.
  bool client() {
    if (input_.saturation) return false;
    const double kept_up_with = steps_.knee.step == nullptr ? 0 : steps_.knee.step->load();  // highest valid
    for (const ObservedStep& o : steps_.all) {
      if (!o.step->has_flag("CLIENT_BOUND") || o.step->load() < kept_up_with) continue;
      const GeneratorSummary& generator = o.step->generator;
      if (only_late(*o.step)) {
        result_.evidence.push_back(
            fmt::format("Requests left late at {}: send lag p99 {} against TTFT p50 {}, while the busiest "
                        "thread of the load generator was busy {} of the time.",
                        load_of(*o.step), format_time(generator.send_lag_p99_seconds),
                        format_time(o.step->ttft_seconds.p50), percent(*generator.busiest_thread_ratio)));
        continue;
      }
      std::string why = "see the step's reasons";
      if (generator.busiest_thread_ratio.value_or(0) > Gates::kBusyThread) {
        why = fmt::format("one of its threads was busy {} of the time",
                          percent(*generator.busiest_thread_ratio));
      } else if (generator.client_coalesced_ratio.value_or(0) > Gates::kCoalesced) {
        why = fmt::format("it read {:.1f} % of the events late and together",
                          *generator.client_coalesced_ratio * 100);
      } else if (!o.step->reasons.empty()) {
        why = o.step->reasons.front();
      }
      return say("client",
                 fmt::format("The load generator was its own limit at {}: {}.", load_of(*o.step), why));
    }
    return false;
  }

  /// Late sends of a generator that had time are its machine's doing, and no limit that gave out.
  static bool only_late(const Step& step) {
    const GeneratorSummary& generator = step.generator;
    return step.ttft_seconds.p50 &&
           generator.send_lag_p99_seconds.value_or(0) > Gates::kLagShare * *step.ttft_seconds.p50 &&
           generator.busiest_thread_ratio.value_or(1) < Limits::kIdleThread &&
           generator.client_coalesced_ratio.value_or(0) <= Gates::kCoalesced &&
           generator.unstamped_read_ratio.value_or(0) <= Gates::kUnstamped;
  }

  bool waits(const ObservedStep& o) const {
    if (o.telemetry == nullptr || !o.telemetry->waiting_mean) return false;
    return *o.telemetry->waiting_mean >=
           std::max(Limits::kFewestWaiting, Limits::kWaitingShare * held(*o.step));
  }

  bool errors() {
    for (const ObservedStep& o : steps_.all) {
      const RequestCounts& requests = o.step->requests;
      if (!surely_failing(requests)) continue;
      const std::uint64_t failed = requests.failed;
      const auto rejected = count_of(requests, {Outcome::kRejected});
      const auto unreached = count_of(requests, {Outcome::kDns, Outcome::kConnect, Outcome::kTls});
      const auto timeouts = count_of(requests, {Outcome::kTimeout});
      const std::string what =
          fmt::format("at {}, {} of {} failed", load_of(*o.step), failed, failed + requests.completed);
      if (2 * rejected > failed) {
        return say("admission",
                   fmt::format("The target turns requests away: {}, {} of them with HTTP 429 or 503.", what,
                               rejected));
      }
      if (2 * unreached > failed) {
        return say("network",
                   fmt::format("Requests do not reach the target: {}, {} of them while connecting.", what,
                               unreached));
      }
      // Those that time out in the server's queue tell of the queue, and that is told below.
      if (2 * timeouts > failed && waits(o)) {
        result_.evidence.push_back(
            fmt::format("Requests time out: {}, {} of them by timeout.", what, timeouts));
        continue;
      }
      return say("errors", fmt::format("The target fails: {} ({}).", what, format_errors(requests)));
    }
    return false;
  }

  bool kv_cache() {
    if (steps_.judged.telemetry == nullptr) return false;
    const StepTelemetry& t = *steps_.judged.telemetry;
    const double preempted = t.preemptions_per_second.value_or(0);
    const std::string at = load_of(*steps_.judged.step);
    if (t.kv_usage_max && *t.kv_usage_max >= Limits::kKvNearlyFull &&
        preempted >= Limits::kPreemptionsPerSecond) {
      return say("kv_cache", fmt::format("The KV cache runs out: at {} it was up to {} full, and {} requests "
                                         "a second were preempted.",
                                         at, percent(*t.kv_usage_max), fmt::format("{:.2g}", preempted)));
    }
    if (t.kv_usage_mean && *t.kv_usage_mean >= Limits::kKvFull && waits(steps_.judged)) {
      return say("kv_cache", fmt::format("The KV cache is full: at {} it was {} full on average "
                                         "while {} requests waited.",
                                         at, percent(*t.kv_usage_mean), figure(*t.waiting_mean)));
    }
    if (t.kv_usage_max && t.running_mean && waits(steps_.judged)) {
      const double running = *t.running_mean / static_cast<double>(input_.replicas);
      const double each = *t.kv_usage_max / std::max(running, 1.0);
      if (each >= Limits::kKvLargeRequest && *t.kv_usage_max + each > 1) {
        return say("kv_cache",
                   fmt::format("The KV cache has no room for one more: at {} {} run, each holding up "
                               "to {} of it, while {} wait.",
                               at, figure(*t.running_mean), percent(each), figure(*t.waiting_mean)));
      }
    }
    return false;
  }

  /// How near each unit is to its practical ceiling; absent where it is not exposed.
  static std::optional<double> tensor_share(const ObservedStep& o) {
    if (o.telemetry == nullptr || !o.telemetry->gpu.tensor_active_mean) return std::nullopt;
    return *o.telemetry->gpu.tensor_active_mean / Limits::kTensorCeiling;
  }
  static std::optional<double> dram_share(const ObservedStep& o) {
    if (o.telemetry == nullptr || !o.telemetry->gpu.dram_active_mean) return std::nullopt;
    return *o.telemetry->gpu.dram_active_mean / Limits::kDramCeiling;
  }

  std::string units_text() const {
    const GpuTelemetry& gpu = steps_.judged.telemetry->gpu;
    std::string text;
    const auto add = [&](const char* name, const std::optional<double>& ratio) {
      if (ratio) text += fmt::format("{}{} {}", text.empty() ? "" : ", ", name, percent(*ratio));
    };
    add("tensor pipe", gpu.tensor_active_mean);
    add("memory bus", gpu.dram_active_mean);
    add("SMs", gpu.sm_active_mean);
    return text;
  }

  /// Prefill at the card's limit holds requests back like a full batch does, but more slots would not help.
  bool compute_despite_queue() {
    if (!input_.saturation && !waits(steps_.judged)) return false;
    const auto tensor = tensor_share(steps_.judged);
    if (!tensor || *tensor < Limits::kUnitSaturated || *tensor <= dram_share(steps_.judged).value_or(0))
      return false;
    return say("compute", fmt::format("The GPU computes as fast as it can: at {} activity was {}{}.",
                                      load_of(*steps_.judged.step), units_text(), work_text()));
  }

  /// Whether it was prefill or decode that kept the GPU busy.
  std::string work_text() const {
    const auto& prompt = steps_.judged.telemetry->server_prompt_tokens_per_second;
    const auto& output = steps_.judged.telemetry->server_tokens_per_second;
    if (!prompt || !output) return "";
    return fmt::format(", with {} prompt and {} output tokens a second", figure(*prompt), figure(*output));
  }

  bool queue_slots() {
    if (steps_.judged.telemetry == nullptr || !steps_.judged.telemetry->running_mean)
      return queue_slots_by_client();
    if (!waits(steps_.judged)) return false;
    // One load tells of no batch that stays as it is while the load grows.
    if (!input_.saturation && steps_.lowest.step->load() == steps_.judged.step->load()) return false;
    const StepTelemetry& t = *steps_.judged.telemetry;
    std::string batch = fmt::format("{} run", figure(*t.running_mean));
    bool flat = false;
    if (steps_.before.step != nullptr && steps_.before.step != steps_.judged.step &&
        steps_.before.telemetry != nullptr && steps_.before.telemetry->running_mean) {
      const double earlier = *steps_.before.telemetry->running_mean;
      flat = *t.running_mean <= earlier * (1 + Limits::kRunningGrowth);
      batch += fmt::format(" ({} at {})", figure(earlier), load_label(*steps_.before.step));
    }
    // A short queue beside a batch that still grows is only the way in.
    if (!flat && *t.waiting_mean < Limits::kQueueShare * held(*steps_.judged.step)) return false;
    std::string sentence = fmt::format(
        "The server takes no more into its batch: at {} {} and {} wait in the server's "
        "queue",
        load_of(*steps_.judged.step), batch, figure(*t.waiting_mean));
    if (t.queue_time_mean_seconds.value_or(0) > 0)
      sentence += fmt::format(", {} each", format_time(*t.queue_time_mean_seconds));
    if (t.kv_usage_mean) sentence += fmt::format("; the KV cache is {} full", percent(*t.kv_usage_mean));
    return say("queue_slots", sentence + ".");
  }

  /// Without the server's word a hard knee still tells: past it TTFT grows and decoding does not slow down.
  bool queue_slots_by_client() {
    if (input_.knee_kind != "hard" || steps_.past.step == nullptr || steps_.knee.step == steps_.past.step)
      return false;
    const auto& ttft = [](const Step& s) { return s.ttft_seconds.p50; };
    const auto& tpot = [](const Step& s) { return s.tpot_seconds.p50; };
    std::string sentence = "Requests wait for a slot while decoding is as fast as before";
    if (ttft(*steps_.knee.step) && ttft(*steps_.past.step)) {
      sentence += fmt::format(": TTFT p50 {} at {}, {} at {}", format_time(*ttft(*steps_.knee.step)),
                              load_label(*steps_.knee.step), format_time(*ttft(*steps_.past.step)),
                              load_label(*steps_.past.step));
    }
    if (tpot(*steps_.knee.step) && tpot(*steps_.past.step)) {
      sentence += fmt::format("; TPOT p50 {} and {}", format_time(*tpot(*steps_.knee.step)),
                              format_time(*tpot(*steps_.past.step)));
    }
    return say("queue_slots", sentence + ".");
  }

  /// Requests that the client has sent and the engine does not hold; absent where not every replica told.
  std::optional<double> in_transit() const {
    if (steps_.judged.telemetry == nullptr || !steps_.judged.telemetry->running_mean ||
        !steps_.judged.telemetry->waiting_mean || steps_.judged.telemetry->engine_sources < input_.replicas) {
      return std::nullopt;
    }
    return steps_.judged.step->achieved_concurrency.value_or(held(*steps_.judged.step)) -
           *steps_.judged.telemetry->running_mean - *steps_.judged.telemetry->waiting_mean;
  }

  bool network() {
    const auto missing = in_transit();
    if (missing &&
        *missing >= std::max(Limits::kFewestInTransit, Limits::kInTransit * held(*steps_.judged.step))) {
      return say(
          "network",
          fmt::format("Something before the engine holds requests: of {} in flight the engine knows {} "
                      "({} running, {} waiting).",
                      figure(held(*steps_.judged.step)),
                      figure(*steps_.judged.telemetry->running_mean + *steps_.judged.telemetry->waiting_mean),
                      figure(*steps_.judged.telemetry->running_mean),
                      figure(*steps_.judged.telemetry->waiting_mean)));
    }
    if (steps_.judged.step == nullptr || steps_.lowest.step == nullptr ||
        steps_.judged.step == steps_.lowest.step)
      return false;
    const auto& before = steps_.lowest.step->connect_seconds.p95;
    const auto& now = steps_.judged.step->connect_seconds.p95;
    if (before && now && *now >= Limits::kConnectSeconds && *now >= Limits::kConnectGrowth * *before) {
      return say("network", fmt::format("Connecting slows down: p95 {} at {}, {} at {}.",
                                        format_time(*before), load_label(*steps_.lowest.step),
                                        format_time(*now), load_label(*steps_.judged.step)));
    }
    return false;
  }

  /// Decoding keeps a unit busy at any load: it says something only where more load has stopped to help.
  bool busiest_unit() {
    if (!input_.saturation) return false;
    const double tensor = tensor_share(steps_.judged).value_or(0);
    const double dram = dram_share(steps_.judged).value_or(0);
    if (std::max(tensor, dram) < Limits::kUnitBusy) return false;
    const std::string at =
        fmt::format("at {} activity was {}{}", load_of(*steps_.judged.step), units_text(), work_text());
    if (tensor > dram) {
      return say("compute", fmt::format("The tensor pipe is what is nearest to its limit: {}.", at));
    }
    // Decoding keeps the bus busy at any load; where it limits, every request slows the others: a soft knee.
    if (input_.knee_kind == "hard") return false;
    std::string sentence = fmt::format(
        "The memory bus is what is nearest to its limit, as when decoding reads weights and KV cache: {}",
        at);
    if (steps_.lowest.step != steps_.judged.step && steps_.lowest.telemetry != nullptr &&
        steps_.lowest.telemetry->gpu.dram_active_mean) {
      sentence +=
          fmt::format(" (memory bus {} at {})", percent(*steps_.lowest.telemetry->gpu.dram_active_mean),
                      load_label(*steps_.lowest.step));
    }
    return say("memory_bandwidth", sentence + ".");
  }

  void say_nothing_found() {
    if (steps_.judged.step == nullptr) return;
    const auto& before = steps_.lowest.step->tpot_seconds.p50;
    const auto& now = steps_.judged.step->tpot_seconds.p50;
    if (input_.knee_kind == "soft" && before && now && steps_.judged.step != steps_.lowest.step) {
      result_.evidence.push_back(fmt::format(
          "Every request is slowed by the others: TPOT p50 {} at {}, {} at {}.", format_time(*before),
          load_label(*steps_.lowest.step), format_time(*now), load_label(*steps_.judged.step)));
    }
    if (steps_.judged.telemetry == nullptr || !input_.saturation) return;
    const StepTelemetry& t = *steps_.judged.telemetry;
    std::string seen;
    const auto add = [&](std::string text) { seen += (seen.empty() ? "" : ", ") + std::move(text); };
    if (t.running_mean) add(figure(*t.running_mean) + " running");
    if (t.waiting_mean) add(figure(*t.waiting_mean) + " waiting");
    if (t.kv_usage_mean) add("KV cache " + percent(*t.kv_usage_mean) + " full");
    if (const std::string units = units_text(); !units.empty()) add(units);
    if (!seen.empty()) {
      result_.evidence.push_back(
          fmt::format("No limit shows at {}: {}.", load_of(*steps_.judged.step), seen));
    }
  }

  /// What the missing telemetry could have excluded.
  void doubt() {
    const std::string& found = result_.bottleneck;
    if (found.empty() && !input_.saturation) return;  // nothing has given out yet
    if (found == "client" || found == "admission" || found == "errors") return;
    const StepTelemetry none;
    const StepTelemetry& t = steps_.judged.telemetry != nullptr ? *steps_.judged.telemetry : none;
    const auto add = [&](const char* name, bool known) {
      if (!known && found != name) result_.not_ruled_out.emplace_back(name);
    };
    // A hard knee and a known queue both tell how far the batch is.
    const bool batch_known = t.waiting_mean.has_value();
    add("queue_slots", batch_known || found == "kv_cache");
    add("kv_cache", t.kv_usage_mean.has_value());
    const bool explained = found == "queue_slots" || found == "kv_cache" || found == "network";
    add("compute", t.gpu.tensor_active_mean.has_value() || explained || found == "memory_bandwidth");
    add("memory_bandwidth", t.gpu.dram_active_mean.has_value() || explained || found == "compute");
    add("network", in_transit().has_value() || explained);
  }

  const AttributionInput& input_;
  ObservedSteps steps_;
  Attribution result_;
};

}  // namespace

std::string Attribution::text() const {
  std::string text;
  for (const std::string& sentence : evidence) text += (text.empty() ? "" : " ") + sentence;
  if (not_ruled_out.empty()) return text;
  if (!text.empty()) text += ' ';
  text += "Without more of the server's telemetry, ";
  for (std::size_t i = 0; i < not_ruled_out.size(); ++i) {
    if (i > 0) text += i + 1 == not_ruled_out.size() ? " and " : ", ";
    std::string name = not_ruled_out[i];
    if (name == "kv_cache") name = "KV cache";
    std::replace(name.begin(), name.end(), '_', ' ');
    text += name;
  }
  return text + " cannot be ruled out.";
}

Attribution find_bottleneck(const AttributionInput& input) {
  return Judge(input).run();
}

}  // namespace kneepoint::coordinator
