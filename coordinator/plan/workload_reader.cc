#include "coordinator/plan/workload_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <initializer_list>
#include <string_view>
#include <utility>

#include "coordinator/plan/class_reader.h"
#include "coordinator/plan/dataset_reader.h"
#include "coordinator/plan/distribution_reader.h"
#include "coordinator/plan/lengths_reader.h"
#include "coordinator/plan/workload_limits.h"
#include "coordinator/plan/yaml_reader.h"

namespace kneepoint::coordinator {
namespace {

using namespace std::chrono_literals;
using yaml::MappingReader;
using yaml::Node;
using yaml::PlanError;

constexpr std::uint64_t kMostGroups = 1'000'000;
constexpr std::uint64_t kMostTurns = 1000;
constexpr double kHighestTemperature = 2;

Synthetic read_synthetic(const Node& node, const std::string& scenario) {
  const MappingReader reader(node, fmt::format("'synthetic' of {}", scenario),
                             {"input_tokens", "shared_prefix_tokens", "prefix_groups"});
  Synthetic synthetic;
  synthetic.input_tokens =
      read_varying_count(reader.require("input_tokens"), "'input_tokens'", 1, kMostInputTokens);
  if (const Node* const shared = reader.find("shared_prefix_tokens")) {
    synthetic.shared_prefix_tokens = static_cast<std::uint32_t>(
        yaml::read_integer(*shared, "'shared_prefix_tokens'", 0, kMostInputTokens));
    if (synthetic.shared_prefix_tokens >= synthetic.input_tokens.largest()) {
      throw PlanError{shared->at,
                      fmt::format("'shared_prefix_tokens' must be less than 'input_tokens', which "
                                  "is at most {:g}",
                                  synthetic.input_tokens.largest())};
    }
  }
  if (const Node* const groups = reader.find("prefix_groups")) {
    if (synthetic.shared_prefix_tokens == 0)
      throw PlanError{reader.key_position("prefix_groups"),
                      "'prefix_groups' needs 'shared_prefix_tokens', which its groups share"};
    synthetic.prefix_groups =
        static_cast<std::uint32_t>(yaml::read_integer(*groups, "'prefix_groups'", 1, kMostGroups));
  }
  return synthetic;
}

/// @param dataset the workload's, or null.
Conversation read_conversation(const Node& node, const std::string& scenario, const Workload& workload,
                               const Dataset* dataset) {
  const MappingReader reader(node, fmt::format("'conversation' of {}", scenario), {"turns", "think_time"});
  const auto gap = dataset != nullptr ? mean_gap(*dataset) : std::nullopt;
  if (!workload.synthetic && dataset == nullptr)
    throw PlanError{node.at, "'conversation' needs 'synthetic' texts or a 'dataset'"};
  if (dataset != nullptr && workload.dataset->lengths_only && !gap)
    throw PlanError{node.at, "no request of this trace follows another one: it has no conversations"};
  Conversation conversation;
  if (const Node* const turns = reader.find("turns")) {
    conversation.turns = read_varying_count(*turns, "'turns'", 1, kMostTurns);
  } else if (workload.synthetic) {
    throw PlanError{node.at, fmt::format("{} has no 'turns'; add it", reader.what())};
  }
  if (const Node* const think = reader.find("think_time")) {
    if (gap)
      throw PlanError{reader.key_position("think_time"),
                      "the dataset says what passes between turns; remove it"};
    conversation.think_time = read_varying_duration(*think, "'think_time'", 24h);
  } else if (gap) {
    conversation.think_time =
        to_seconds(*gap) * workload.dataset->time_scale;  // how long a cycle is expected to be
  }
  return conversation;
}

/// Bodies are sent as they are: nothing of the workload may change or add to them.
void refuse_beside_bodies(const MappingReader& reader, const Workload& workload) {
  if (!workload.dataset->bodies && !workload.dataset->messages) return;
  const auto refuse = [&](std::initializer_list<std::string_view> keys, std::string_view why) {
    for (const std::string_view key : keys) {
      if (reader.find(key) != nullptr)
        throw PlanError{reader.key_position(key), fmt::format("'{}' {}", key, why)};
    }
  };
  refuse({"unique"}, "would change what the file says; it is for texts");
  if (!workload.dataset->bodies) return;
  refuse({"conversation", "system", "output_tokens", "temperature", "top_p", "extra_body"},
         "cannot be used with whole bodies: they are sent as they are, but for model, stream and "
         "stream_options");
}

/// What the texts of the requests are.
void read_source(const MappingReader& reader, const std::string& scenario, DatasetLibrary& library,
                 Workload& workload, std::vector<SloLimit>& of_classes) {
  const auto take = [&](ClassesRead read) {
    workload.classes = std::move(read.classes);
    of_classes = std::move(read.slo);
  };
  reader.exclusive("prompts", "dataset");
  reader.exclusive("prompts", "synthetic");
  reader.exclusive("dataset", "synthetic");
  for (const std::string_view other : {"prompts", "dataset", "synthetic", "output_tokens", "conversation"})
    reader.exclusive("lengths", other);
  if (const Node* const synthetic = reader.find("synthetic")) {
    workload.classes = {{.name = std::string(kDefaultClass), .prompts = {}}};
    workload.synthetic = read_synthetic(*synthetic, scenario);
  } else if (const Node* const dataset = reader.find("dataset")) {
    read_dataset_use(*dataset, scenario, reader.find("conversation") != nullptr, library, workload);
    refuse_beside_bodies(reader, workload);
  } else if (const Node* const lengths = reader.find("lengths")) {
    read_lengths(*lengths, library, workload);
  } else if (reader.find("prompts") != nullptr) {
    take(read_prompts(reader.require("prompts"), scenario, workload.stream));
  } else {
    throw PlanError{
        reader.node().at,
        fmt::format("{} has no 'prompts', 'dataset', 'synthetic' or 'lengths'; add one", reader.what())};
  }
  if (const Node* const classes = reader.find("classes")) {
    if (reader.find("prompts") != nullptr) {
      throw PlanError{reader.key_position("classes"),
                      "'prompts' have their classes with them: {class: NAME, text: TEXT, model: …}"};
    }
    std::vector<std::string> names;
    for (const PromptClass& each : workload.classes) names.push_back(each.name);
    const Node* const dataset = reader.find("dataset");
    const bool has_own = names.size() > 1 || (dataset != nullptr && dataset->find("class") != nullptr);
    take(has_own ? read_dataset_classes(*classes, scenario, workload.stream, names)
                 : read_classes(*classes, scenario, workload.stream));
    const bool bodies = workload.dataset && workload.dataset->bodies;
    for (const Node& item : classes->items) {
      if (const Node* const extra = item.find("extra_body"); bodies && extra != nullptr)
        throw PlanError{extra->at,
                        "'extra_body' cannot be used with whole bodies: they are sent as they are"};
    }
  }
  if (const Node* const conversation = reader.find("conversation")) {
    const Dataset* const dataset =
        workload.dataset ? library.datasets().at(workload.dataset->hash).get() : nullptr;
    workload.conversation = read_conversation(*conversation, scenario, workload, dataset);
  }
  if (const Node* const think = reader.find("think_time")) {
    if (workload.conversation) {
      throw PlanError{reader.key_position("think_time"),
                      "the turns of a conversation have a 'think_time' of their own; move it there"};
    }
    workload.think_time = read_varying_duration(*think, "'think_time'", 24h);
  }
  if (const Node* const texts = reader.find("texts")) {
    workload.repeat_texts = yaml::read_choice(*texts, "texts", {"new", "repeat"}) == "repeat";
    const Node* const unique = reader.find("unique");
    if (!workload.makes_text() && !(unique != nullptr && yaml::read_bool(*unique, "'unique'"))) {
      throw PlanError{reader.key_position("texts"),
                      "'texts' is for words of ours: made texts, or given ones with unique: true"};
    }
  }
  if (const Node* const unique = reader.find("unique")) {
    workload.unique = yaml::read_bool(*unique, "'unique'");
    if (workload.makes_text())
      throw PlanError{reader.key_position("unique"), "'unique' is for given texts; made ones always are"};
  }
}

}  // namespace

Workload read_workload(const Node& node, const std::string& scenario, DatasetLibrary& library,
                       std::vector<SloLimit>& of_classes) {
  const MappingReader reader(
      node, fmt::format("workload of {}", scenario),
      {"prompts", "dataset", "synthetic", "lengths", "classes", "conversation", "think_time", "unique",
       "texts", "system", "output_tokens", "temperature", "top_p", "stream", "extra_body"});
  Workload workload;
  if (const Node* const stream = reader.find("stream"))
    workload.stream = yaml::read_bool(*stream, "'stream'");
  read_source(reader, scenario, library, workload, of_classes);
  if (const Node* const system = reader.find("system"))
    workload.system = yaml::read_text(*system, "'system'");
  if (const Node* const tokens = reader.find("output_tokens")) {
    workload.output_tokens = read_varying_count(*tokens, "'output_tokens'", 1, kMostOutputTokens);
  }
  if (const Node* const value = reader.find("temperature")) {
    workload.temperature = yaml::read_number(*value, "'temperature'", 0, kHighestTemperature);
  }
  if (const Node* const value = reader.find("top_p"))
    workload.top_p = yaml::read_number(*value, "'top_p'", 0.001, 1);
  if (const Node* const extra = reader.find("extra_body")) workload.extra_body = read_extra_body(*extra);
  return workload;
}

}  // namespace kneepoint::coordinator
