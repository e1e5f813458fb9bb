#include <algorithm>
#include <array>
#include <utility>

#include "common/dataset.h"
#include "common/wire.h"
#include "common/wire_check.h"
#include "kneepoint/v1/plan.pb.h"

namespace kneepoint {
namespace {

using wire::Field;
using wire::refuse;

constexpr std::size_t kMaxName = 1024;
constexpr std::size_t kMaxPath = 4096;
constexpr std::size_t kMaxText = 16 << 20;
constexpr std::size_t kMaxTargets = 1024;
constexpr std::size_t kMaxUrls = 4096;
constexpr std::size_t kMaxHeaders = 256;
constexpr std::size_t kMaxCells = 65'536;
constexpr std::size_t kMaxClasses = 4096;
constexpr std::size_t kMaxPrompts = 1 << 20;
constexpr std::size_t kMaxLimits = 64;
constexpr std::uint32_t kMaxSlots = 10'000'000;

constexpr std::array<std::pair<Api, v1::Api>, 3> kApis = {
    {{Api::kOpenAiChat, v1::API_OPENAI_CHAT},
     {Api::kOpenAiCompletions, v1::API_OPENAI_COMPLETIONS},
     {Api::kVllmGenerate, v1::API_VLLM_GENERATE}}};

constexpr std::array<std::pair<SloMetric, v1::SloMetric>, 5> kMetrics = {
    {{SloMetric::kTtft, v1::SLO_METRIC_TTFT},
     {SloMetric::kTtfo, v1::SLO_METRIC_TTFO},
     {SloMetric::kTpot, v1::SLO_METRIC_TPOT},
     {SloMetric::kIcl, v1::SLO_METRIC_ICL},
     {SloMetric::kE2e, v1::SLO_METRIC_E2E}}};

constexpr std::array<std::pair<Distribution::Kind, v1::DistributionKind>, 5> kDistributions = {
    {{Distribution::Kind::kFixed, v1::DISTRIBUTION_KIND_FIXED},
     {Distribution::Kind::kUniform, v1::DISTRIBUTION_KIND_UNIFORM},
     {Distribution::Kind::kNormal, v1::DISTRIBUTION_KIND_NORMAL},
     {Distribution::Kind::kLogNormal, v1::DISTRIBUTION_KIND_LOG_NORMAL},
     {Distribution::Kind::kEmpirical, v1::DISTRIBUTION_KIND_EMPIRICAL}}};

constexpr std::array<std::pair<Calibration::Source, v1::CalibrationSource>, 3> kCalibrations = {
    {{Calibration::Source::kAssumed, v1::CALIBRATION_SOURCE_ASSUMED},
     {Calibration::Source::kTokenize, v1::CALIBRATION_SOURCE_TOKENIZE},
     {Calibration::Source::kUsage, v1::CALIBRATION_SOURCE_USAGE}}};

template <class Table, class Domain>
auto message_of(const Table& table, Domain value) {
  return std::find_if(table.begin(), table.end(), [&](const auto& row) { return row.first == value; })
      ->second;
}

template <class Table, class Message>
auto domain_of(const Field& at, const Table& table, Message value) {
  const auto row = std::find_if(table.begin(), table.end(), [&](const auto& r) { return r.second == value; });
  if (row == table.end()) refuse(at, fmt::format("unknown value {}", static_cast<int>(value)));
  return row->first;
}

std::string text(const Field& at, const std::string& value, std::size_t most = kMaxText) {
  if (value.size() > most) refuse(at, fmt::format("{} bytes, at most {} are allowed", value.size(), most));
  return value;
}

/// One line: what may stand in a header, a URL, a path or a label.
std::string line(const Field& at, const std::string& value, std::size_t most) {
  if (std::any_of(value.begin(), value.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; })) {
    refuse(at, "holds control characters");
  }
  return text(at, value, most);
}

std::string filled_line(const Field& at, const std::string& value, std::size_t most) {
  if (value.empty()) refuse(at, "is empty");
  return line(at, value, most);
}

SecretRef secret_from(const Field& at, const v1::SecretRef& message) {
  switch (message.source_case()) {
    case v1::SecretRef::kEnvironment:
      return {SecretRef::Source::kEnvironment,
              filled_line({&at, "environment"}, message.environment(), kMaxName)};
    case v1::SecretRef::kFile:
      return {SecretRef::Source::kFile, filled_line({&at, "file"}, message.file(), kMaxPath)};
    case v1::SecretRef::SOURCE_NOT_SET:
      return {};
  }
  refuse(at, "unknown source");
}

TlsOptions tls_from(const Field& at, const v1::TlsOptions& message) {
  return {.verify = message.verify(),
          .ca_file = line({&at, "ca_file"}, message.ca_file(), kMaxPath),
          .client_cert = line({&at, "client_cert"}, message.client_cert(), kMaxPath),
          .client_key = line({&at, "client_key"}, message.client_key(), kMaxPath),
          .server_name = line({&at, "server_name"}, message.server_name(), kMaxName)};
}

Target target_from(const Field& at, const v1::Target& message) {
  Target target;
  target.name = filled_line({&at, "name"}, message.name(), kMaxName);
  const Field urls{&at, "urls"};
  if (message.urls().empty()) refuse(urls, "is empty");
  wire::size_at_most(urls, static_cast<std::size_t>(message.urls_size()), kMaxUrls);
  for (int i = 0; i < message.urls_size(); ++i) {
    target.urls.push_back(filled_line({&at, "urls", i}, message.urls(i), kMaxPath));
  }
  target.api = domain_of({&at, "api"}, kApis, message.api());
  target.model = line({&at, "model"}, message.model(), kMaxName);
  target.auth = secret_from({&at, "auth"}, message.auth());
  const Field headers{&at, "headers"};
  wire::size_at_most(headers, static_cast<std::size_t>(message.headers_size()), kMaxHeaders);
  for (int i = 0; i < message.headers_size(); ++i) {
    const Field here{&at, "headers", i};
    const v1::Header& header = message.headers(i);
    auto name = filled_line({&here, "name"}, header.name(), kMaxName);
    auto value = line({&here, "value"}, header.value(), kMaxPath);
    if (!target.headers.emplace(std::move(name), std::move(value)).second)
      refuse(here, "repeats another's name");
  }
  target.tls = tls_from({&at, "tls"}, message.tls());
  target.connect_timeout =
      wire::duration({&at, "connect_timeout_nanos"}, message.connect_timeout_nanos(), Nanos(1));
  target.request_timeout =
      wire::duration({&at, "request_timeout_nanos"}, message.request_timeout_nanos(), Nanos(1));
  target.idle_timeout = wire::duration({&at, "idle_timeout_nanos"}, message.idle_timeout_nanos(), Nanos(1));
  return target;
}

void to_message(const Target& target, v1::Target& out) {
  out.set_name(target.name);
  for (const std::string& url : target.urls) out.add_urls(url);
  out.set_api(message_of(kApis, target.api));
  out.set_model(target.model);
  if (target.auth.source == SecretRef::Source::kEnvironment)
    out.mutable_auth()->set_environment(target.auth.name);
  if (target.auth.source == SecretRef::Source::kFile) out.mutable_auth()->set_file(target.auth.name);
  for (const auto& [name, value] : target.headers) {
    v1::Header& header = *out.add_headers();
    header.set_name(name);
    header.set_value(value);
  }
  v1::TlsOptions& tls = *out.mutable_tls();
  tls.set_verify(target.tls.verify);
  tls.set_ca_file(target.tls.ca_file);
  tls.set_client_cert(target.tls.client_cert);
  tls.set_client_key(target.tls.client_key);
  tls.set_server_name(target.tls.server_name);
  out.set_connect_timeout_nanos(target.connect_timeout.count());
  out.set_request_timeout_nanos(target.request_timeout.count());
  out.set_idle_timeout_nanos(target.idle_timeout.count());
}

Distribution distribution_from(const Field& at, const v1::Distribution& message) {
  Distribution distribution;
  distribution.kind = domain_of({&at, "kind"}, kDistributions, message.kind());
  distribution.mean = wire::amount({&at, "mean"}, message.mean());
  distribution.stddev = wire::amount({&at, "stddev"}, message.stddev());
  distribution.min = wire::amount({&at, "min"}, message.min());
  distribution.max = wire::amount({&at, "max"}, message.max());
  if (distribution.max < distribution.min) refuse({&at, "max"}, "is below the minimum");
  const Field values{&at, "values"};
  wire::size_at_most(values, static_cast<std::size_t>(message.values_size()), kMaxPrompts);
  for (const double value : message.values()) distribution.values.push_back(wire::amount(values, value));
  const Field weights{&at, "weights"};
  double sum = 0;
  for (const double weight : message.weights()) {
    distribution.weights.push_back(wire::amount(weights, weight));
    sum += weight;
  }
  const bool empirical = distribution.kind == Distribution::Kind::kEmpirical;
  if (empirical == distribution.values.empty()) refuse(values, "is not what the kind needs");
  if (!distribution.weights.empty() &&
      (distribution.weights.size() != distribution.values.size() || !(sum > 0) || !std::isfinite(sum))) {
    refuse(weights, "does not weigh the values");
  }
  const bool logarithmic = distribution.kind == Distribution::Kind::kLogNormal;
  if (logarithmic && !(distribution.mean > 0)) refuse({&at, "mean"}, "is 0");
  return distribution;
}

void to_message(const Distribution& distribution, v1::Distribution& out) {
  out.set_kind(message_of(kDistributions, distribution.kind));
  out.set_mean(distribution.mean);
  out.set_stddev(distribution.stddev);
  out.set_min(distribution.min);
  out.set_max(distribution.max);
  for (const double value : distribution.values) out.add_values(value);
  for (const double weight : distribution.weights) out.add_weights(weight);
}

Synthetic synthetic_from(const Field& at, const v1::Synthetic& message) {
  if (message.prefix_groups() == 0) refuse({&at, "prefix_groups"}, "is 0");
  return {.input_tokens = distribution_from({&at, "input_tokens"}, message.input_tokens()),
          .shared_prefix_tokens = message.shared_prefix_tokens(),
          .prefix_groups = message.prefix_groups()};
}

DatasetUse dataset_from(const Field& at, const v1::DatasetUse& message) {
  const auto hexadecimal = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
  if (message.hash().size() != 64 || !std::all_of(message.hash().begin(), message.hash().end(), hexadecimal)) {
    refuse({&at, "hash"}, "is not a SHA-256 in hexadecimal digits");
  }
  if (message.bytes() == 0 || message.bytes() > kMaxDatasetBytes) {
    refuse({&at, "bytes"}, fmt::format("{} is not in 1 to {}", message.bytes(), kMaxDatasetBytes));
  }
  return {.hash = message.hash(),
          .bytes = message.bytes(),
          .order = message.sequential() ? DatasetOrder::kSequential : DatasetOrder::kRandom,
          .time_scale = wire::amount({&at, "time_scale"}, message.time_scale()),
          .lengths_only = message.lengths_only()};
}

Conversation conversation_from(const Field& at, const v1::Conversation& message) {
  return {.turns = distribution_from({&at, "turns"}, message.turns()),
          .think_time = distribution_from({&at, "think_seconds"}, message.think_seconds())};
}

Calibration calibration_from(const Field& at, const v1::Calibration& message) {
  const double tokens_per_word = wire::amount({&at, "tokens_per_word"}, message.tokens_per_word());
  if (tokens_per_word < 0.01 || tokens_per_word > 100) {
    refuse({&at, "tokens_per_word"}, fmt::format("{} is absurd", tokens_per_word));
  }
  return {.tokens_per_word = tokens_per_word,
          .overhead_tokens = wire::amount({&at, "overhead_tokens"}, message.overhead_tokens()),
          .source = domain_of({&at, "source"}, kCalibrations, message.source())};
}

Workload workload_from(const Field& at, const v1::Workload& message) {
  Workload workload;
  const Field classes{&at, "classes"};
  if (message.classes().empty()) refuse(classes, "is empty");
  wire::size_at_most(classes, static_cast<std::size_t>(message.classes_size()), kMaxClasses);
  for (int i = 0; i < message.classes_size(); ++i) {
    const Field here{&at, "classes", i};
    const v1::PromptClass& from = message.classes(i);
    PromptClass& to = workload.classes.emplace_back();
    to.name = line({&here, "name"}, from.name(), kMaxName);
    const Field prompts{&here, "prompts"};
    if (from.prompts().empty() && !message.has_synthetic() && !message.has_dataset()) {
      refuse(prompts, "is empty");
    }
    wire::size_at_most(prompts, static_cast<std::size_t>(from.prompts_size()), kMaxPrompts);
    for (const std::string& prompt : from.prompts()) to.prompts.push_back(text(prompts, prompt));
    if (from.weight() == 0 || from.weight() > 1'000'000) refuse({&here, "weight"}, "is not in 1 to 1000000");
    to.weight = from.weight();
  }
  if (message.has_system()) workload.system = text({&at, "system"}, message.system());
  if (message.has_output_tokens()) {
    workload.output_tokens = distribution_from({&at, "output_tokens"}, message.output_tokens());
    if (!(workload.output_tokens->expected() > 0)) refuse({&at, "output_tokens"}, "is 0");
  }
  if (message.has_temperature())
    workload.temperature = wire::amount({&at, "temperature"}, message.temperature());
  if (message.has_top_p()) workload.top_p = wire::amount({&at, "top_p"}, message.top_p());
  workload.stream = message.stream();
  workload.extra_body = text({&at, "extra_body"}, message.extra_body());
  workload.unique = message.unique();
  if (message.has_synthetic()) workload.synthetic = synthetic_from({&at, "synthetic"}, message.synthetic());
  if (message.has_dataset()) workload.dataset = dataset_from({&at, "dataset"}, message.dataset());
  if (message.has_conversation()) {
    workload.conversation = conversation_from({&at, "conversation"}, message.conversation());
  }
  return workload;
}

void to_message(const Workload& workload, v1::Workload& out) {
  for (const PromptClass& from : workload.classes) {
    v1::PromptClass& to = *out.add_classes();
    to.set_name(from.name);
    for (const std::string& prompt : from.prompts) to.add_prompts(prompt);
    to.set_weight(from.weight);
  }
  if (workload.system) out.set_system(*workload.system);
  if (workload.output_tokens) to_message(*workload.output_tokens, *out.mutable_output_tokens());
  if (workload.temperature) out.set_temperature(*workload.temperature);
  if (workload.top_p) out.set_top_p(*workload.top_p);
  out.set_stream(workload.stream);
  out.set_extra_body(workload.extra_body);
  out.set_unique(workload.unique);
  if (const auto& synthetic = workload.synthetic) {
    v1::Synthetic& to = *out.mutable_synthetic();
    to_message(synthetic->input_tokens, *to.mutable_input_tokens());
    to.set_shared_prefix_tokens(synthetic->shared_prefix_tokens);
    to.set_prefix_groups(synthetic->prefix_groups);
  }
  if (const auto& dataset = workload.dataset) {
    v1::DatasetUse& to = *out.mutable_dataset();
    to.set_hash(dataset->hash);
    to.set_bytes(dataset->bytes);
    to.set_sequential(dataset->order == DatasetOrder::kSequential);
    to.set_time_scale(dataset->time_scale);
    to.set_lengths_only(dataset->lengths_only);
  }
  if (const auto& conversation = workload.conversation) {
    to_message(conversation->turns, *out.mutable_conversation()->mutable_turns());
    to_message(conversation->think_time, *out.mutable_conversation()->mutable_think_seconds());
  }
}

SloLimit limit_from(const Field& at, const v1::SloLimit& message) {
  const double quantile = message.quantile();
  if (!(quantile > 0 && quantile <= 1))
    refuse({&at, "quantile"}, fmt::format("{} is not in (0, 1]", quantile));
  return {.metric = domain_of({&at, "metric"}, kMetrics, message.metric()),
          .quantile = quantile,
          .limit = wire::duration({&at, "limit_nanos"}, message.limit_nanos(), Nanos(1))};
}

Cell cell_from(const Field& at, const v1::Cell& message, int place, int targets) {
  if (message.id() != static_cast<std::uint32_t>(place)) refuse({&at, "id"}, "is not its place in the list");
  if (message.target() >= static_cast<std::uint32_t>(targets)) {
    refuse({&at, "target"}, fmt::format("{} is not one of {} targets", message.target(), targets));
  }
  Cell cell{.id = message.id(), .scenario = message.scenario(), .target = message.target()};
  cell.workload = workload_from({&at, "workload"}, message.workload());
  wire::size_at_most({&at, "slo"}, static_cast<std::size_t>(message.slo_size()), kMaxLimits);
  for (int i = 0; i < message.slo_size(); ++i)
    cell.slo.push_back(limit_from({&at, "slo", i}, message.slo(i)));
  if (message.has_calibration())
    cell.calibration = calibration_from({&at, "calibration"}, message.calibration());
  return cell;
}

}  // namespace

void to_wire(const Assignment& assignment, v1::Assignment& out) {
  out.Clear();
  out.set_run_id(assignment.run_id);
  for (const Target& target : assignment.targets) to_message(target, *out.add_targets());
  for (const Cell& cell : assignment.cells) {
    v1::Cell& to = *out.add_cells();
    to.set_id(cell.id);
    to.set_scenario(cell.scenario);
    to.set_target(cell.target);
    to_message(cell.workload, *to.mutable_workload());
    if (cell.workload.makes_text()) {
      v1::Calibration& calibration = *to.mutable_calibration();
      calibration.set_tokens_per_word(cell.calibration.tokens_per_word);
      calibration.set_overhead_tokens(cell.calibration.overhead_tokens);
      calibration.set_source(message_of(kCalibrations, cell.calibration.source));
    }
    for (const SloLimit& limit : cell.slo) {
      v1::SloLimit& slo = *to.add_slo();
      slo.set_metric(message_of(kMetrics, limit.metric));
      slo.set_quantile(limit.quantile);
      slo.set_limit_nanos(limit.limit.count());
    }
  }
  out.set_seed(assignment.seed);
  out.set_zero_nanos(assignment.zero.time_since_epoch().count());
}

Result<Assignment> from_wire(const v1::Assignment& message) {
  return wire::guarded([&] {
    Assignment assignment;
    assignment.run_id = filled_line({nullptr, "run_id"}, message.run_id(), kMaxName);
    wire::size_at_most({nullptr, "targets"}, static_cast<std::size_t>(message.targets_size()), kMaxTargets);
    for (int i = 0; i < message.targets_size(); ++i) {
      assignment.targets.push_back(target_from({nullptr, "targets", i}, message.targets(i)));
    }
    wire::size_at_most({nullptr, "cells"}, static_cast<std::size_t>(message.cells_size()), kMaxCells);
    for (int i = 0; i < message.cells_size(); ++i) {
      assignment.cells.push_back(
          cell_from({nullptr, "cells", i}, message.cells(i), i, message.targets_size()));
    }
    assignment.seed = message.seed();
    assignment.zero = MonoTime(Nanos(message.zero_nanos()));
    return assignment;
  });
}

void to_wire(const LoadLevel& level, v1::LoadLevel& out) {
  out.Clear();
  out.set_epoch(level.epoch);
  out.set_cell(level.cell);
  out.set_attempt(level.attempt);
  out.set_concurrency(level.concurrency);
  out.set_slot_offset(level.slot_offset);
  out.set_slot_stride(level.slot_stride);
  out.set_effective_at_nanos(level.effective_at.count());
  out.set_warm_slots(level.warm_slots);
  out.set_spread_over_nanos(level.spread_over.count());
  if (level.budget) out.set_budget(*level.budget);
}

Result<LoadLevel> from_wire(const v1::LoadLevel& message) {
  return wire::guarded([&] {
    LoadLevel level;
    level.epoch = message.epoch();
    level.cell = message.cell();
    level.attempt = message.attempt();
    level.concurrency = message.concurrency();
    if (level.concurrency > kMaxSlots)
      refuse({nullptr, "concurrency"}, fmt::format("{} is absurd", level.concurrency));
    level.slot_stride = message.slot_stride();
    level.slot_offset = message.slot_offset();
    if (level.slot_stride == 0 || level.slot_stride > kMaxSlots) {
      refuse({nullptr, "slot_stride"}, fmt::format("{} is not in 1 to {}", level.slot_stride, kMaxSlots));
    }
    if (level.slot_offset >= level.slot_stride) {
      refuse({nullptr, "slot_offset"}, fmt::format("{} is not below the stride", level.slot_offset));
    }
    level.effective_at = wire::duration({nullptr, "effective_at_nanos"}, message.effective_at_nanos());
    level.warm_slots = message.warm_slots();
    level.spread_over = wire::duration({nullptr, "spread_over_nanos"}, message.spread_over_nanos());
    if (message.has_budget()) level.budget = wire::count({nullptr, "budget"}, message.budget());
    return level;
  });
}

}  // namespace kneepoint
