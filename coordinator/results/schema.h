#pragma once

#include "coordinator/results/model.h"

/// The fields of report.json, once for the writer and the reader. A visitor `v` has
///   v(name, field)         a field of any type below, std::optional or std::vector of one
///   v.object(name, body)   a nested object that the model keeps flat; body takes a visitor
///   v.timestamp(name, at)  an instant
///   v.outcomes(name, counts)
///   v.verdict(name, verdict)
///   v.exit(name, report)   what the run exits with, which follows from the report
/// The order here is the order in the file.
namespace kneepoint::coordinator {

template <class V>
void fields(V& v, Estimate& e) {
  v("value", e.value);
  v("ci95", e.ci95);
  v("standard_error", e.standard_error);
}

template <class V>
void fields(V& v, LatencySummary& s) {
  v("count", s.count);
  v("mean", s.mean);
  v("stddev", s.stddev);
  v("p50", s.p50);
  v("p90", s.p90);
  v("p95", s.p95);
  v("p99", s.p99);
  v("min", s.min);
  v("max", s.max);
  v("p50_ci95", s.p50_ci95);
  v("p95_ci95", s.p95_ci95);
}

template <class V>
void fields(V& v, GeneratorSummary& g) {
  v("cpu_us_per_token", g.cpu_us_per_token);
  v("cpu_seconds", g.cpu_seconds);
  v("rx_lag_p99_seconds", g.rx_lag_p99_seconds);
  v("loop_gap_p99_seconds", g.loop_gap_p99_seconds);
  v("send_lag_p99_seconds", g.send_lag_p99_seconds);
  v("multi_event_read_ratio", g.multi_event_read_ratio);
  v("client_coalesced_ratio", g.client_coalesced_ratio);
  v("unstamped_read_ratio", g.unstamped_read_ratio);
  v("busiest_thread_ratio", g.busiest_thread_ratio);
  v("resident_bytes", g.resident_bytes);
}

template <class V>
void fields(V& v, NetworkSummary& n) {
  v("sent_segments", n.segments.sent);
  v("retransmitted_segments", n.segments.retransmitted);
  v("received_segments", n.segments.received);
  v("out_of_order_segments", n.segments.out_of_order);
  v("retransmitted_ratio", n.retransmitted_ratio);
  v("out_of_order_ratio", n.out_of_order_ratio);
}

template <class V>
void fields(V& v, FailureKind& f) {
  v("outcome", f.outcome);
  v("status", f.status);
  v("count", f.count);
  v("said", f.said);
  v("request_id", f.request_id);
}

template <class V>
void fields(V& v, SlowRequest& s) {
  v("request_id", s.request_id);
  v("ttft_seconds", s.ttft_seconds);
  v("sent_at_seconds", s.sent_at_seconds);
}

template <class V>
void fields(V& v, RequestCounts& r) {
  v("started", r.started);
  v("completed", r.completed);
  v("failed", r.failed);
  v.outcomes("by_outcome", r.by_outcome);
  v("failures", r.failures);
}

template <class V>
void fields(V& v, Share& s) {
  v("name", s.name);
  v("requests", s.requests);
  v("requests_per_second", s.requests_per_second);
  v("output_tokens_per_second", s.output_tokens_per_second);
  v("goodput_ratio", s.goodput_ratio);
  v("ttft_seconds", s.ttft_seconds);
  v("tpot_seconds", s.tpot_seconds);
  v("e2e_seconds", s.e2e_seconds);
  v("cached_prompt_ratio", s.cached_prompt_ratio);
  v("reasoning_ratio", s.reasoning_ratio);
  v("audio_prompt_ratio", s.audio_prompt_ratio);
  v("audio_ratio", s.audio_ratio);
}

template <class V>
void fields(V& v, SloCheck& c) {
  v("name", c.name);
  v("met", c.met);
  v("missed", c.missed);
  v("missed_ratio", c.missed_ratio);
  v("bounds", c.bounds);
  v("state", c.state);
}

template <class V>
void fields(V& v, PromptTokens& p) {
  v("asked_mean", p.asked_mean);
  v("achieved_mean", p.achieved_mean);
}

template <class V>
void fields(V& v, GpuTelemetry& g) {
  v("memory_peak_bytes", g.memory_peak_bytes);
  v("memory_total_bytes", g.memory_total_bytes);
  v("process_memory_peak_bytes", g.process_memory_peak_bytes);
  v("power_mean_watts", g.power_mean_watts);
  v("energy_joules", g.energy_joules);
  v("joules_per_token", g.joules_per_token);
  v("util_ratio", g.util_mean);
  v("sm_active_ratio", g.sm_active_mean);
  v("tensor_active_ratio", g.tensor_active_mean);
  v("dram_active_ratio", g.dram_active_mean);
  v("temperature_max_celsius", g.temperature_max_celsius);
}

template <class V>
void fields(V& v, PageCheck& p) {
  v("state", p.state);
  v("tokens_ratio", p.tokens_ratio);
  v("requests_ratio", p.requests_ratio);
  v("in_flight_ratio", p.in_flight_ratio);
  v("lag_seconds", p.lag_seconds);
  v("still_seconds", p.still_seconds);
}

template <class V>
void fields(V& v, TokenWitness& w) {
  v("name", w.name);
  v("output_tokens_per_second", w.output_tokens_per_second);
}

template <class V>
void fields(V& v, TokenCount& c) {
  v("state", c.state);
  v("witnesses", c.witnesses);
  v("text_bytes_per_token", c.text_bytes_per_token);
  v("text_bytes_per_chunk", c.text_bytes_per_chunk);
  v("over_limit_ratio", c.over_limit_ratio);
  v("assumed_tokens_per_chunk", c.assumed_tokens_per_chunk);
  v("suspicion", c.suspicion);
}

template <class V>
void fields(V& v, Delivery& d) {
  v("one_piece_ratio", d.one_piece_ratio);
  v("flush_seconds", d.flush_seconds);
  v("events_per_flush", d.events_per_flush);
  v("at_once_ratio", d.at_once_ratio);
}

template <class V>
void fields(V& v, HostSpeed& h) {
  v("ratio", h.ratio);
  v("standard_error", h.standard_error);
}

template <class V>
void fields(V& v, BystanderFigures& b) {
  v("requests", b.requests);
  v("failed", b.failed);
  v("ttft_p50_seconds", b.ttft_p50_seconds);
  v("ttft_max_seconds", b.ttft_max_seconds);
}

template <class V>
void fields(V& v, RoleFigures& r) {
  v("role", r.role);
  v("pages", r.pages);
  v("running", r.running_mean);
  v("waiting", r.waiting_mean);
  v("kv_usage_max_ratio", r.kv_usage_max);
  v("prompt_tokens_per_second", r.prompt_tokens_per_second);
  v("output_tokens_per_second", r.output_tokens_per_second);
}

template <class V>
void fields(V& v, PodFigures& p) {
  v("name", p.name);
  v("rank", p.rank);
  v("requests_per_second", p.requests_per_second);
  v("output_tokens_per_second", p.output_tokens_per_second);
  v("requests_share_ratio", p.requests_share);
  v("tokens_share_ratio", p.tokens_share);
  v("running", p.running_mean);
  v("waiting", p.waiting_mean);
  v("kv_usage_max_ratio", p.kv_usage_max);
  v("queue_time_mean_seconds", p.queue_time_mean_seconds);
  v("ttft_mean_seconds", p.ttft_mean_seconds);
  v("tpot_mean_seconds", p.tpot_mean_seconds);
}

template <class V>
void fields(V& v, StepTelemetry& t) {
  v("running", t.running_mean);
  v("waiting", t.waiting_mean);
  v("running_max", t.running_max);
  v("running_by_time", t.running_by_time);
  v("waiting_by_time", t.waiting_by_time);
  v("kv_usage_mean_ratio", t.kv_usage_mean);
  v("kv_usage_max_ratio", t.kv_usage_max);
  v("preemptions_per_second", t.preemptions_per_second);
  v("queue_time_mean_seconds", t.queue_time_mean_seconds);
  v("prefill_time_mean_seconds", t.prefill_time_mean_seconds);
  v("ttft_mean_seconds", t.ttft_mean_seconds);
  v("outside_server_seconds", t.outside_server_seconds);
  v("front_end_seconds", t.front_end_seconds);
  v("iteration_tokens_mean", t.iteration_tokens_mean);
  v("front_end_cpu_cores", t.front_end_cpu_cores);
  v("engine_cpu_cores", t.engine_cpu_cores);
  v("prefix_hit_ratio", t.prefix_hit_ratio);
  v("spec_acceptance_ratio", t.spec_acceptance_ratio);
  v("spec_acceptance_length", t.spec_acceptance_length);
  v("spec_draft_tokens_per_second", t.spec_draft_tokens_per_second);
  v("output_tokens_per_second", t.server_tokens_per_second);
  v("prompt_tokens_per_second", t.server_prompt_tokens_per_second);
  v("requests_per_second", t.server_requests_per_second);
  v("gpu", t.gpu);
  v("engine_sources", t.engine_sources);
  v("page", t.page);
  v("roles", t.roles);
  v("kv_transfer_mean_seconds", t.kv_transfer_mean_seconds);
  v("kv_transferring", t.kv_transferring);
  v("kv_transfers_failed_per_second", t.kv_transfers_failed_per_second);
  v("pods", t.pods);
}

template <class V>
void fields(V& v, Look& l) {
  v("number", l.number);
  v("low", l.low);
  v("high", l.high);
}

template <class V>
void fields(V& v, Step& s) {
  v("concurrency", s.concurrency);
  v("achieved_concurrency", s.achieved_concurrency);
  v("offered_rate", s.offered_rate);
  v("due_per_second", s.due_per_second);
  v("achieved_rate", s.achieved_rate);
  v("backlog", s.backlog);
  v("attempt", s.attempt);
  v("role", s.role);
  v("scout", s.scout);
  v("look", s.look);
  v("agents", s.agents);
  v("recovery_seconds", s.recovery_seconds);
  v("valid", s.valid);
  v("state", s.state);
  v("flags", s.flags);
  v("reasons", s.reasons);
  v("faults", s.faults);
  v("note", s.note);
  v("window_begin_seconds", s.window_begin_seconds);
  v("duration_seconds", s.duration_seconds);
  v("requests", s.requests);
  v("requests_per_second", s.requests_per_second);
  v("output_tokens_per_second", s.output_tokens_per_second);
  v("speed", s.speed);
  v("token_source", s.token_source);
  v("token_count", s.token_count);
  v("delivery", s.delivery);
  v("hanging", s.hanging);
  v("unanswered", s.unanswered);
  v("batches", s.batches);
  v("ttft_seconds", s.ttft_seconds);
  v("ttfo_seconds", s.ttfo_seconds);
  v("tpot_seconds", s.tpot_seconds);
  v("icl_seconds", s.icl_seconds);
  v("e2e_seconds", s.e2e_seconds);
  v("connect_seconds", s.connect_seconds);
  v("ttft_intended_seconds", s.ttft_intended_seconds);
  v("e2e_intended_seconds", s.e2e_intended_seconds);
  v("error_ratio", s.error_ratio);
  v("goodput_ratio", s.goodput_ratio);
  v("goodput_requests_per_second", s.goodput_requests_per_second);
  v("waiting", s.waiting);
  v("backing_off", s.backing_off);
  v("reconnects", s.reconnects);
  v("early_stops", s.early_stops);
  v("answer_tokens_mean", s.answer_tokens_mean);
  v("prompt_tokens_per_second", s.prompt_tokens_per_second);
  v("cached_prompt_ratio", s.cached_prompt_ratio);
  v("reasoning_ratio", s.reasoning_ratio);
  v("audio_prompt_ratio", s.audio_prompt_ratio);
  v("audio_ratio", s.audio_ratio);
  v("thinking", s.thinking);
  v("beside", s.beside);
  v("prompt_tokens", s.prompt_tokens);
  v("slo", s.slo);
  v("slo_joint", s.slo_joint);
  v("generator", s.generator);
  v("network", s.network);
  v("telemetry", s.telemetry);
  v("bystander", s.bystander);
  v("slowest", s.slowest);
  v("replicas", s.replicas);
  v("classes", s.classes);
  v("turns", s.turns);
}

template <class V>
void fields(V& v, Usl& u) {
  v("lambda", u.lambda);
  v("sigma", u.sigma);
  v("kappa", u.kappa);
}

template <class V>
void fields(V& v, Saturation& s) {
  v("concurrency", s.concurrency);
  v("ci95", s.ci95);
  v("lower_bound", s.lower_bound);
  v("scatter_ratio", s.scatter_ratio);
  v("max_output_tokens_per_second", s.max_output_tokens_per_second);
  v("usl", s.usl);
  v("power_concurrency", s.power_concurrency);
  v("knee_kind", s.knee_kind);
  v("bottleneck", s.bottleneck);
  v("shape", s.shape);
  v("explanation", s.explanation);
}

template <class V>
void fields(V& v, SloCriterion& c) {
  v("name", c.name);
  v("limit", c.limit);
  v("concurrency", c.concurrency);
  v("ci95", c.ci95);
  v("state", c.state);
  v("doubt", c.doubt);
}

template <class V>
void fields(V& v, SloResult& s) {
  v("criteria", s.criteria);
  v("joint", s.joint);
}

template <class V>
void fields(V& v, WorkloadIdentity& w) {
  v("id", w.id);
  v("summary", w.summary);
  v("texts", w.texts);
}

template <class V>
void fields(V& v, HourlyTrend& t) {
  v("name", t.name);
  v("ratio", t.ratio);
  v("ci95", t.ci95);
}

template <class V>
void fields(V& v, Movement& m) {
  v("kind", m.kind);
  v("at_seconds", m.at_seconds);
  v("period_seconds", m.period_seconds);
  v("ratio", m.ratio);
  v("explanation", m.explanation);
}

template <class V>
void fields(V& v, Finding& f) {
  v("state", f.state);
  v("explanation", f.explanation);
  v("trends", f.trends);
}

template <class V>
void fields(V& v, Recommendation& r) {
  v("name", r.name);
  v("value", r.value);
  v("ci95", r.ci95);
  v("unit", r.unit);
  v("basis", r.basis);
}

template <class V>
void fields(V& v, DatasetSource& d) {
  v("file", d.file);
  v("sha256", d.sha256);
  v("entries", d.entries);
}

template <class V>
void fields(V& v, ScenarioResult& r) {
  v("target", r.target);
  v("scenario", r.scenario);
  v("model", r.model);
  v("workload", r.workload);
  v.verdict("verdict", r.verdict);
  v("load_seconds", r.load_seconds);
  v("dataset", r.dataset);
  v("steps", r.steps);
  v("saturation", r.saturation);
  v("slo", r.slo);
  v("movement", r.movement);
  v("after", r.after);
  v("proof", r.proof);
  v("descent", r.descent);
  v("confirmation", r.confirmation);
  v("soak", r.soak);
  v("recommendations", r.recommendations);
}

template <class V>
void fields(V& v, Remark& r) {
  v("weight", r.weight);
  v("code", r.code);
  v("text", r.text);
  v("remedy", r.remedy);
}

template <class V>
void fields(V& v, ThresholdOutcome& t) {
  v("expression", t.expression);
  v("state", t.state);
  v("explanation", t.explanation);
}

template <class V>
void fields(V& v, Totals& t) {
  v("started", t.started);
  v("completed", t.completed);
  v("failed", t.failed);
  v("cancelled", t.cancelled);
  v("output_tokens", t.output_tokens);
  v("reconnects", t.reconnects);
}

template <class V>
void fields(V& v, Resumption& r) {
  v.timestamp("at", r.at);
  v("at_seconds", r.at_seconds);
  v("gap_seconds", r.gap_seconds);
}

template <class V>
void fields(V& v, Report& r) {
  v.object("run", [&](auto& run) {
    run("id", r.run_id);
    run("name", r.run_name);
    run.timestamp("started_at", r.started_at);
    run("version", r.version);
    run("duration_seconds", r.duration_seconds);
    run("interrupted", r.interrupted);
    run("stopped_by", r.stopped_by);
    run("alternated", r.alternated);
    run("resumed", r.resumed);
    run("agents", r.agents);
    run("agents_lost", r.agents_lost);
    run("agents_returned", r.agents_returned);
    run("steps_lost", r.steps_lost);
    run("fleet_failure", r.fleet_failure);
    run("clock_uncertainty_seconds", r.clock_uncertainty_seconds);
  });
  v.exit("exit", r);
  v.verdict("verdict", r.verdict);
  v("thresholds", r.thresholds);
  v("totals", r.totals);
  v("results", r.results);
}

}  // namespace kneepoint::coordinator
