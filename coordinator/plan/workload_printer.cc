#include "coordinator/plan/workload_printer.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

#include "common/agent_caps.h"
#include "common/dataset.h"
#include "common/plural.h"
#include "coordinator/plan/duration.h"
#include "coordinator/plan/lengths_reader.h"

namespace kneepoint::coordinator {
namespace {

using namespace std::chrono_literals;

/// "512", "64 to 512", "about 512 (normal, SD 100)"
template <class Show>
std::string describe_distribution(const Distribution& d, Show show) {
  switch (d.kind) {
    case Distribution::Kind::kFixed:
      return show(d.mean);
    case Distribution::Kind::kUniform:
      return fmt::format("{} to {}", show(d.min), show(d.max));
    case Distribution::Kind::kNormal:
      return fmt::format("about {} (normal, SD {})", show(d.mean), show(d.stddev));
    case Distribution::Kind::kLogNormal:
      return fmt::format("about {} (lognormal, SD {})", show(d.mean), show(d.stddev));
    case Distribution::Kind::kEmpirical:
      break;
  }
  return fmt::format("about {} ({} values)", show(d.expected()), d.values.size());
}

std::string tokens(const Distribution& d, std::string_view noun) {
  const std::string text = describe_distribution(d, [](double v) { return fmt::format("{:.6g}", v); });
  return fmt::format("{} {}{}", text, noun, d.fixed() && d.mean == 1 ? "" : "s");
}

std::string describe_synthetic(const Synthetic& synthetic) {
  std::string text = fmt::format("made texts of {}", tokens(synthetic.input_tokens, "token"));
  if (synthetic.shared_prefix_tokens > 0) {
    text += fmt::format(", the first {} shared", synthetic.shared_prefix_tokens);
    if (synthetic.prefix_groups > 1) text += fmt::format(" in {} groups", synthetic.prefix_groups);
  }
  return text;
}

std::string describe_dataset(const DatasetUse& use, const Plan& plan) {
  const Dataset& dataset = *plan.datasets.at(use.hash);
  const std::string_view order = use.order == DatasetOrder::kSequential ? "in order" : "at random";
  if (use.bodies)
    return fmt::format("{} from a dataset, {}", plural(dataset.entries.size(), "whole request"), order);
  if (use.messages)
    return fmt::format("{} from a dataset, {}, with all that was said in them",
                       plural(dataset.entries.size(), "logged chat"), order);
  if (!use.lengths_only)
    return fmt::format("{} from a dataset, {}", plural(dataset.entries.size(), "prompt"), order);
  if (is_pairs_of_lengths(dataset))
    return fmt::format("made texts and answers of {} pairs of lengths", dataset.classes.size());
  double input = 0, output = 0;
  std::size_t requests = 0;
  for (const DatasetEntry& entry : dataset.entries) {
    input += entry.input_tokens;
    output += entry.output_tokens;
    for (const TraceTurn& turn : entry.later) {
      input += turn.input_tokens;
      output += turn.output_tokens;
    }
    requests += entry.turn_count();
  }
  const auto n = static_cast<double>(requests);
  return fmt::format(
      "a trace of {}{} over {}, {}, made texts of {:.0f} tokens and answers of {:.0f} on average",
      plural(requests, "request"),
      requests == dataset.entries.size() ? ""
                                         : fmt::format(" in {}", plural(dataset.entries.size(), "session")),
      format_duration(
          std::chrono::round<std::chrono::seconds>(arrival_of(dataset.entries.back(), use.time_scale))),
      order, input / n, output / n);
}

std::string times(const Distribution& d) {
  return describe_distribution(d, [](double seconds) {
    return format_duration(std::chrono::round<std::chrono::milliseconds>(from_seconds(seconds)));
  });
}

/// @param gaps whether a dataset says what passes between turns.
std::string describe_conversation(const Conversation& conversation, bool gaps) {
  std::string text = "conversations of ";
  text += conversation.turns ? tokens(*conversation.turns, "turn") : "all turns that they have";
  if (gaps) {
    text += fmt::format(", with its gaps between them, {} on average", times(conversation.think_time));
  } else if (conversation.think_time.largest() > 0) {
    text += fmt::format(", thinking {} between them", times(conversation.think_time));
  }
  return text;
}

bool has_gaps(const Workload& workload, const Plan& plan) {
  return workload.dataset && mean_gap(*plan.datasets.at(workload.dataset->hash)).has_value();
}

std::string describe_source(const Workload& workload, const Plan& plan) {
  if (workload.synthetic) return describe_synthetic(*workload.synthetic);
  if (workload.dataset) return describe_dataset(*workload.dataset, plan);
  std::size_t prompts = 0;
  for (const PromptClass& c : workload.classes) prompts += c.prompts.size();
  return plural(prompts, "prompt");
}

/// "chat x3 as model adapter-1 with its own headers"
std::string describe_class(const PromptClass& one) {
  std::string text = one.name;
  if (one.weight != 1) text += fmt::format(" x{}", one.weight);
  if (!one.model.empty()) text += " as model " + one.model;
  if (!one.headers.empty()) text += " with its own headers";
  if (!one.extra_body.empty()) text += " with its own extra body";
  return text;
}

}  // namespace

std::uint32_t highest_step(const Ramp& ramp) {
  if (ramp.open) return ramp.open->max_in_flight;
  if (ramp.linear) return static_cast<std::uint32_t>(std::max(ramp.linear->from, ramp.linear->to));
  return ramp.search ? ramp.search->max : *std::max_element(ramp.steps.begin(), ramp.steps.end());
}

std::string describe_workload(const Workload& workload, const Plan& plan) {
  std::string text = describe_source(workload, plan);
  if (workload.classes.size() > 1) {
    std::vector<std::string> classes;
    for (const PromptClass& c : workload.classes) classes.push_back(describe_class(c));
    text += fmt::format(" in {} classes ({})", classes.size(), fmt::join(classes, ", "));
  }
  if (workload.unique) text += ", each made unique";
  if (workload.repeat_texts) text += ", the same in every run";
  if (workload.conversation)
    text += ", " + describe_conversation(*workload.conversation, has_gaps(workload, plan));
  if (const std::uint32_t lanes = lanes_of(workload, plan.datasets); lanes > 1)
    text += fmt::format(", {}up to {} turns of one at once",
                        lanes == kMostLanes ? "whatever they have, " : "", lanes);
  if (workload.think_time.largest() > 0)
    text += fmt::format(", users think {} between requests", times(workload.think_time));
  if (workload.system) text += ", a system prompt";
  if (workload.output_tokens) {
    text += fmt::format(", at most {}", tokens(*workload.output_tokens, "output token"));
  } else if (workload.dataset && workload.dataset->output_lengths) {
    if (!workload.dataset->lengths_only) text += ", output lengths from it";  // a trace has named them
  } else if (!workload.dataset || !workload.dataset->bodies) {
    text += ", output length left to the host";
  }
  if (workload.temperature) text += fmt::format(", temperature {:g}", *workload.temperature);
  if (workload.top_p) text += fmt::format(", top_p {:g}", *workload.top_p);
  text += workload.stream ? ", streamed" : ", not streamed";
  if (!workload.extra_body.empty()) text += fmt::format("\n{:15}extra body {}", "", workload.extra_body);
  return text;
}

void warn_about_workload(const Scenario& scenario, const Plan& plan, std::vector<std::string>& warnings) {
  const Workload& workload = scenario.workload;
  const std::uint32_t most = highest_step(scenario.ramp);
  if (!workload.makes_text() && !workload.unique) {
    std::set<std::string_view> distinct;
    for (const PromptClass& c : workload.classes) distinct.insert(c.prompts.begin(), c.prompts.end());
    const bool whole_bodies = workload.dataset && workload.dataset->bodies;
    const std::string_view make_unique = whole_bodies ? "" : "unique: true, ";
    const std::size_t prompts =
        workload.dataset ? plan.datasets.at(workload.dataset->hash)->entries.size() : distinct.size();
    if (most > 1 && prompts < most) {
      warnings.push_back(fmt::format(
          "{}: {} for up to {} requests at once. Where the host has prefix caching, repeated prompts skip "
          "most of their prefill and TTFT is better than with real traffic; use more prompts, "
          "{}or switch the cache off.",
          scenario.name, prompts == 1 ? "the same prompt" : plural(prompts, "prompt"), most, make_unique));
    } else if (workload.dataset && (scenario.ramp.search || scenario.ramp.step_count() > 1)) {
      warnings.push_back(
          fmt::format("{}: all steps take from the same {}. Where the host has prefix caching, later steps "
                      "come out better than earlier ones; {}switch the cache off.",
                      scenario.name, plural(prompts, "prompt"), whole_bodies ? "" : "use unique: true, or "));
    }
  }
  if (workload.dataset) {
    const DatasetFile& file = plan.dataset_files.at(workload.dataset->hash);
    if (file.skipped > 0) {
      warnings.push_back(fmt::format("{}: {} left out; the first: {}.", scenario.name,
                                     plural(file.skipped, "bad line"), file.first_skipped));
    }
  }
  const bool replayed =
      scenario.ramp.open && scenario.ramp.open->steps.front().kind == ArrivalProcess::Kind::kTrace;
  const bool between_turns = workload.conversation && has_gaps(workload, plan);
  if (workload.dataset && workload.dataset->time_scale != 1 && !replayed && !between_turns) {
    warnings.push_back(
        fmt::format("{}: time_scale has no effect without arrival: trace, which follows the trace's times.",
                    scenario.name));
  }
  const bool lengths = workload.output_tokens ||
                       (workload.dataset && (workload.dataset->output_lengths || workload.dataset->bodies));
  if (!lengths) {
    warnings.push_back(
        fmt::format("{}: without output_tokens the host decides how long answers are, and steps may "
                    "not be comparable.",
                    scenario.name));
  }
}

}  // namespace kneepoint::coordinator
