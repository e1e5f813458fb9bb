#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>
#include <optional>

#include "common/descriptor_limit.h"
#include "tests/simhost/host.h"
#include "tests/simhost/lifecycle.h"
#include "tests/simhost/options.h"
#include "tests/simhost/truth.h"

namespace {

using namespace kneepoint;
using namespace kneepoint::simhost;

constexpr int kUsage = 2;

/// Ends with the reason; for values that CLI11 cannot check.
template <class T>
T or_exit(Result<T> result) {
  if (!result) {
    fmt::print(stderr, "kneepoint-simhost: {}\n", result.error().message);
    std::exit(kUsage);
  }
  if constexpr (!std::is_void_v<T>) return *std::move(result);
}

void list_profiles() {
  for (const Profile& profile : profiles()) {
    const EngineConfig& e = profile.engine;
    fmt::print(
        "{:<18}{}\n{:18}model {}, context {}, slots {}, a {:.3f} ms, c {:.3f} ms, d {:.3f} ms, e {} ns, load "
        "{:.1f} s\n",
        profile.name, profile.description, "", profile.model, profile.max_model_len, e.slots,
        to_seconds(e.base) * 1e3, to_seconds(e.per_sequence) * 1e3, to_seconds(e.per_prefill_token) * 1e3,
        e.per_kv_token_nanos, to_seconds(profile.load_time));
  }
}

std::string joined_urls(const Host& host) {
  std::string all;
  for (const std::string& url : host.urls()) all += (all.empty() ? "" : ",") + url;
  return all;
}

int serve(const HostConfig& config, Workload workload, const Lifecycle& life) {
  raise_descriptor_limit();
  // Blocked before any thread starts, so that only sigwait below sees them.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);

  std::string knee = "no knee below its slots";
  if (config.profile.name != "instant") {
    const Truth truth = true_knee(config.profile.pipeline(), workload);
    knee = fmt::format("true knee {:.1f} ({}), at most {:.0f} tokens/s, at {} prompt and {} output tokens",
                       truth.saturation_concurrency * config.replicas, to_string(truth.kind),
                       truth.max_tokens_per_second * config.replicas, workload.prompt_tokens,
                       workload.output_tokens);
  }
  auto host = or_exit(Host::start(config));
  fmt::print("kneepoint-simhost: listening on {} profile {} model {}; {}\n", joined_urls(*host),
             config.profile.name, config.profile.model, knee);
  std::fflush(stdout);
  or_exit(live(std::move(host), life, signals));
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{
      "A simulated GPU serving host: continuous batching in virtual constants behind vLLM's HTTP API."};
  HostConfig config;
  std::string listen = "127.0.0.1:8000", profile = "demo", model, usage = "continuous";
  std::string a, c, d, load_time, stall_time, page, page_age, page_freeze, front_end, usage_habit, flush;
  std::string slow_replica, die_after, return_after, hang_after;
  std::vector<std::string> faults, misbehaviours, adapters;
  std::optional<int> slots, reasoning, max_model_len, prompt_tokens, output_tokens, speculative, batched;
  std::optional<std::int64_t> kv_tokens;
  std::optional<double> e, jitter, acceptance, acceptance_full;
  double time_scale = 1;
  bool list = false, print_truth = false, prefix_cache = false;

  app.add_option("--listen", listen, "HOST:PORT; port 0 is ephemeral, replica i gets PORT + i")
      ->capture_default_str();
  app.add_option("--replicas", config.replicas, "Independent engines (or split hosts), each on its own port")
      ->capture_default_str();
  app.add_option("--threads", config.threads, "Threads that the replicas are dealt to")
      ->capture_default_str();
  app.add_option("--profile", profile,
                 "See --list-profiles; of a split one /metrics is the router's, the workers' are at "
                 "/prefill/I/metrics and /decode/I/metrics")
      ->capture_default_str();
  app.add_flag("--list-profiles", list, "Print the profiles and end");
  app.add_flag("--print-truth", print_truth, "Print the true knee as JSON and end");
  app.add_option("--prompt-tokens", prompt_tokens, "Workload of the printed truth");
  app.add_option("--output-tokens", output_tokens, "Workload of the printed truth");
  app.add_option("--model", model, "Name of the model served (default: the profile's)");
  app.add_flag("--any-model", config.any_model, "Serve any model name");
  app.add_option("--adapter", adapters,
                 "NAME[=FACTOR]: a LoRA adapter, whose prompts cost FACTOR times the prefill");
  app.add_option("--name", config.name, "Send it as X-Replica; replica i of several adds -i");
  app.add_option("--api-key", config.api_key, "Require it as bearer token on /v1");
  app.add_option("--seed", config.seed, "Of jitter, faults and answer lengths")->capture_default_str();
  app.add_option("--load-time", load_time,
                 "Answer 503 for so long; 'profile' takes the profile's published time");
  app.add_option("--max-model-len", max_model_len, "Context length in tokens");

  auto* engine = app.add_option_group("Engine",
                                      "Overrides of the profile, of a split one's decode workers: one "
                                      "iteration takes a + c·batch + d·prefill + e·kv");
  engine->add_option("--slots", slots, "Most sequences in the batch");
  engine->add_option("--a", a, "Duration per iteration, such as 9ms");
  engine->add_option("--c", c, "Duration per sequence in the batch, such as 60us");
  engine->add_option("--d", d, "Duration per prefill token");
  engine->add_option("--e", e, "Nanoseconds per KV token read");
  engine->add_option("--kv-tokens", kv_tokens, "KV capacity; a full one preempts");
  engine->add_option("--batched-tokens", batched, "Most tokens computed in an iteration (chunked prefill)");
  engine->add_option("--jitter", jitter, "Iteration times vary by this fraction, uniformly");
  engine->add_flag("--prefix-cache", prefix_cache, "Skip the prefill of known prompt prefixes");
  engine->add_option("--speculative", speculative, "Draft tokens per step");
  engine->add_option("--acceptance", acceptance, "Probability that a draft token is accepted");
  engine->add_option("--acceptance-full", acceptance_full,
                     "The same in a full batch; a straight line between");
  engine->add_option("--time-scale", time_scale, "Multiply all engine times")->capture_default_str();

  auto* answers = app.add_option_group("Answers");
  answers->add_option("--tokens-per-chunk", config.tokens_per_chunk, "One event per so many tokens");
  answers->add_option("--reasoning-tokens", reasoning, "First tokens that go to reasoning_content");
  answers->add_option("--eos-mean", config.eos_mean_tokens,
                      "Mean natural answer length; 0: run to max_tokens");
  answers->add_flag("--early-role", config.early_role,
                    "Send the role-only event at once, not with the first token");

  answers->add_option("--usage", usage, "The most that requests may ask for: continuous, final or none")
      ->capture_default_str();
  answers->add_option(
      "--usage-habit", usage_habit,
      "Count wrongly: reasoning_twice, with_prompt, zeros, zeros_until_last, quarter, per_chunk, "
      "restarts or tenfold");
  answers->add_flag("--usage-details", config.usage_details, "Tell cached and reasoning tokens at the end");
  answers->add_flag("--hide-reasoning", config.hide_reasoning, "Count reasoning and do not show it");

  auto* gateway = app.add_option_group("Gateway", "What stands before the host");
  gateway->add_flag("--buffer", config.buffer, "Keep a streamed answer back until it is whole");
  gateway->add_option("--flush", flush, "Let go of what has gathered at this period");
  gateway->add_option("--serve-connections", config.serve_connections,
                      "Accept more connections than this, and never read from them");

  auto* trouble = app.add_option_group("Faults");
  trouble->add_option("--fault", faults,
                      "KIND=RATE; repeatable. A header X-Simhost-Fault: KIND does it to one request");
  trouble->add_option(
      "--misbehave", misbehaviours,
      "KIND or KIND=RATE; repeatable. A header X-Simhost-Misbehave: KIND does it to one request");
  trouble->add_option("--stall-time", stall_time, "Length of stall, slow_accept and late_end (default 2s)");
  trouble->add_option("--reject-above", config.reject_above, "429 when so many run or wait on a replica");
  trouble->add_option("--die-after", die_after, "Close everything and refuse connections from then on");
  trouble->add_option("--return-after", return_after, "Serve again so long after it died");
  trouble->add_option("--hang-after", hang_after, "Stand still from then on, connections left open");

  auto* lies = app.add_option_group("What misleads", "Pages that tell half, and requests that are held");
  lies->add_option(
      "--page", page,
      "All replicas behind the first one's address, whose /metrics is of: first, rotating, "
      "smallest; or each has its own at /pods/I/metrics: each; or it shows them as data parallel "
      "ranks: ranks");
  trouble->add_option("--slow-replica", slow_replica,
                      "I=FACTOR: replica I (from 0) takes FACTOR times as long");
  lies->add_option("--page-age", page_age, "/metrics shows what was so long ago");
  lies->add_option("--page-freeze", page_freeze, "/metrics stands still from so long after the start");
  lies->add_option("--tenants", config.tenants.requests,
                   "Requests of others that a replica holds all the time");
  lies->add_option("--gateway-slots", config.gate.gateway_slots,
                   "A gateway lets so many requests into a replica at a time");
  lies->add_option("--front-end", front_end, "CPU time of the server's one-threaded front end for a request");

  auto* logs = app.add_option_group("Send log");
  logs->add_option("--send-log", config.send_log,
                   "CSV of true send instants; written on GET /simhost/flush and at the end");
  logs->add_flag("--send-log-all", config.send_log_all, "Every content chunk, not only the first");
  CLI11_PARSE(app, argc, argv);

  if (list) {
    list_profiles();
    return 0;
  }
  const Profile* found = find_profile(profile);
  if (found == nullptr) {
    fmt::print(stderr, "kneepoint-simhost: there is no profile '{}'; --list-profiles names them\n", profile);
    return kUsage;
  }
  config.profile = *found;
  or_exit(parse_listen(listen, config));
  EngineConfig& constants = config.profile.engine;
  if (slots) constants.slots = *slots;
  if (!a.empty()) constants.base = or_exit(parse_duration(a));
  if (!c.empty()) constants.per_sequence = or_exit(parse_duration(c));
  if (!d.empty()) constants.per_prefill_token = or_exit(parse_duration(d));
  if (e) constants.per_kv_token_nanos = *e;
  if (kv_tokens) constants.kv_tokens = *kv_tokens;
  if (batched) constants.batched_tokens = *batched;
  if (jitter) constants.jitter = *jitter;
  if (prefix_cache) constants.prefix_cache = config.profile.split.prefill.prefix_cache = true;
  if (speculative) constants.speculative_tokens = *speculative;
  if (acceptance) constants.acceptance = *acceptance;
  constants.acceptance_full = acceptance_full;
  scale_time(constants, time_scale);
  scale_time(config.profile.split, time_scale);
  for (const std::string& each : adapters) config.adapters.push_back(or_exit(parse_adapter(each)));
  if (!model.empty()) config.profile.model = model;
  if (max_model_len) config.profile.max_model_len = *max_model_len;
  if (reasoning) config.profile.reasoning_tokens = *reasoning;
  config.usage = or_exit(parse_usage_option(usage));
  if (load_time == "profile") {
    config.load_time = config.profile.load_time;
  } else if (!load_time.empty()) {
    config.load_time = or_exit(parse_duration(load_time));
  }
  if (!slow_replica.empty()) config.slow_replica = or_exit(parse_slow_replica(slow_replica));
  if (!page.empty()) config.page.of = or_exit(parse_page_of(page));
  if (!page_age.empty()) config.page.age = or_exit(parse_duration(page_age));
  if (!page_freeze.empty()) config.page.freeze_after = or_exit(parse_duration(page_freeze));
  if (!front_end.empty()) config.gate.front_end = or_exit(parse_duration(front_end));
  if (!flush.empty()) config.flush = or_exit(parse_duration(flush));
  if (!usage_habit.empty()) {
    config.usage_habit = parse_usage_habit(usage_habit);
    if (!config.usage_habit) or_exit(Result<void>(Error{fmt::format("'{}' is no usage habit", usage_habit)}));
  }
  if (!stall_time.empty()) config.stall_time = or_exit(parse_duration(stall_time));
  for (const std::string& fault : faults) config.faults.push_back(or_exit(parse_fault_rate(fault)));
  for (const std::string& kind : misbehaviours)
    config.misbehaviours.push_back(or_exit(parse_misbehaviour_rate(kind)));
  or_exit(validate(config));
  Workload workload = config.profile.workload;
  if (prompt_tokens) workload.prompt_tokens = *prompt_tokens;
  if (output_tokens) workload.output_tokens = *output_tokens;
  if (workload.prompt_tokens < 1 || workload.output_tokens < 1 ||
      workload.prompt_tokens + workload.output_tokens > config.profile.max_model_len) {
    fmt::print(stderr,
               "kneepoint-simhost: prompt and output tokens must be at least 1 and fit the context\n");
    return kUsage;
  }
  if (print_truth) {
    fmt::print("{}", truth_json(config, workload, true_knee(config.profile.pipeline(), workload)));
    return 0;
  }
  Lifecycle life;
  if (!die_after.empty()) life.die_after = or_exit(parse_duration(die_after));
  if (!return_after.empty()) life.return_after = or_exit(parse_duration(return_after));
  if (!hang_after.empty()) life.hang_after = or_exit(parse_duration(hang_after));
  return serve(config, workload, life);
}
