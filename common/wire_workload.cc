#include "common/wire_workload.h"

#include <array>
#include <cmath>
#include <utility>

#include "common/dataset.h"
#include "common/wire.h"
#include "kneepoint/v1/plan.pb.h"

namespace kneepoint::wire {
namespace {

constexpr std::size_t kMaxPrompts = 1 << 20;
constexpr std::size_t kMaxHeaders = 256;

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
  if (message.hash().size() != 64 ||
      !std::all_of(message.hash().begin(), message.hash().end(), hexadecimal)) {
    refuse({&at, "hash"}, "is not a SHA-256 in hexadecimal digits");
  }
  if (message.bytes() == 0 || message.bytes() > kMaxDatasetBytes) {
    refuse({&at, "bytes"}, fmt::format("{} is not in 1 to {}", message.bytes(), kMaxDatasetBytes));
  }
  return {.hash = message.hash(),
          .bytes = message.bytes(),
          .order = message.sequential() ? DatasetOrder::kSequential : DatasetOrder::kRandom,
          .time_scale = wire::amount({&at, "time_scale"}, message.time_scale()),
          .lengths_only = message.lengths_only(),
          .output_lengths = message.output_lengths(),
          .bodies = message.bodies(),
          .messages = message.messages()};
}

Conversation conversation_from(const Field& at, const v1::Conversation& message) {
  Conversation conversation;
  if (message.has_turns()) conversation.turns = distribution_from({&at, "turns"}, message.turns());
  conversation.think_time = distribution_from({&at, "think_seconds"}, message.think_seconds());
  return conversation;
}

}  // namespace

std::map<std::string, std::string> headers_from(const Field& at, const Headers& messages) {
  std::map<std::string, std::string> headers;
  size_at_most(at, static_cast<std::size_t>(messages.size()), kMaxHeaders);
  for (int i = 0; i < messages.size(); ++i) {
    const Field here{at.parent, at.name, i};
    const v1::Header& header = messages.Get(i);
    auto name = filled_line({&here, "name"}, header.name(), kMaxName);
    auto value = line({&here, "value"}, header.value(), kMaxPath);
    if (!headers.emplace(std::move(name), std::move(value)).second) refuse(here, "repeats another's name");
  }
  return headers;
}

void to_messages(const std::map<std::string, std::string>& headers, Headers& out) {
  for (const auto& [name, value] : headers) {
    v1::Header& header = *out.Add();
    header.set_name(name);
    header.set_value(value);
  }
}

Calibration calibration_from(const Field& at, const v1::Calibration& message) {
  const double tokens_per_word = amount({&at, "tokens_per_word"}, message.tokens_per_word());
  if (tokens_per_word < 0.01 || tokens_per_word > 100) {
    refuse({&at, "tokens_per_word"}, fmt::format("{} is absurd", tokens_per_word));
  }
  return {.tokens_per_word = tokens_per_word,
          .overhead_tokens = amount({&at, "overhead_tokens"}, message.overhead_tokens()),
          .source = domain_of({&at, "source"}, kCalibrations, message.source())};
}

Workload workload_from(const Field& at, const v1::Workload& message) {
  Workload workload;
  const Field classes{&at, "classes"};
  if (message.classes().empty()) refuse(classes, "is empty");
  size_at_most(classes, static_cast<std::size_t>(message.classes_size()), kMaxClasses);
  for (int i = 0; i < message.classes_size(); ++i) {
    const Field here{&at, "classes", i};
    const v1::PromptClass& from = message.classes(i);
    PromptClass& to = workload.classes.emplace_back();
    to.name = line({&here, "name"}, from.name(), kMaxName);
    const Field prompts{&here, "prompts"};
    if (from.prompts().empty() && !message.has_synthetic() && !message.has_dataset()) {
      refuse(prompts, "is empty");
    }
    size_at_most(prompts, static_cast<std::size_t>(from.prompts_size()), kMaxPrompts);
    for (const std::string& prompt : from.prompts()) to.prompts.push_back(text(prompts, prompt));
    if (from.weight() == 0 || from.weight() > 1'000'000) refuse({&here, "weight"}, "is not in 1 to 1000000");
    to.weight = from.weight();
    to.model = line({&here, "model"}, from.model(), kMaxName);
    to.headers = headers_from({&here, "headers"}, from.headers());
    to.extra_body = text({&here, "extra_body"}, from.extra_body());
  }
  if (message.has_system()) workload.system = text({&at, "system"}, message.system());
  if (message.has_output_tokens()) {
    workload.output_tokens = distribution_from({&at, "output_tokens"}, message.output_tokens());
    if (!(workload.output_tokens->expected() > 0)) refuse({&at, "output_tokens"}, "is 0");
  }
  if (message.has_temperature()) workload.temperature = amount({&at, "temperature"}, message.temperature());
  if (message.has_top_p()) workload.top_p = amount({&at, "top_p"}, message.top_p());
  workload.stream = message.stream();
  workload.extra_body = text({&at, "extra_body"}, message.extra_body());
  workload.unique = message.unique();
  workload.repeat_texts = message.repeat_texts();
  if (message.has_synthetic()) workload.synthetic = synthetic_from({&at, "synthetic"}, message.synthetic());
  if (message.has_dataset()) workload.dataset = dataset_from({&at, "dataset"}, message.dataset());
  if (message.has_think_seconds())
    workload.think_time = distribution_from({&at, "think_seconds"}, message.think_seconds());
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
    to.set_model(from.model);
    to_messages(from.headers, *to.mutable_headers());
    to.set_extra_body(from.extra_body);
  }
  if (workload.system) out.set_system(*workload.system);
  if (workload.output_tokens) to_message(*workload.output_tokens, *out.mutable_output_tokens());
  if (workload.temperature) out.set_temperature(*workload.temperature);
  if (workload.top_p) out.set_top_p(*workload.top_p);
  out.set_stream(workload.stream);
  out.set_extra_body(workload.extra_body);
  out.set_unique(workload.unique);
  out.set_repeat_texts(workload.repeat_texts);
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
    to.set_output_lengths(dataset->output_lengths);
    to.set_bodies(dataset->bodies);
    to.set_messages(dataset->messages);
  }
  if (workload.think_time != Distribution(0)) to_message(workload.think_time, *out.mutable_think_seconds());
  if (const auto& conversation = workload.conversation) {
    if (conversation->turns) to_message(*conversation->turns, *out.mutable_conversation()->mutable_turns());
    to_message(conversation->think_time, *out.mutable_conversation()->mutable_think_seconds());
  }
}

void to_message(const Calibration& calibration, v1::Calibration& out) {
  out.set_tokens_per_word(calibration.tokens_per_word);
  out.set_overhead_tokens(calibration.overhead_tokens);
  out.set_source(message_of(kCalibrations, calibration.source));
}

}  // namespace kneepoint::wire

namespace kneepoint {

std::string workload_id(const Workload& workload) {
  v1::Workload message;
  wire::to_message(workload, message);
  return content_hash(message.SerializeAsString());
}

}  // namespace kneepoint
