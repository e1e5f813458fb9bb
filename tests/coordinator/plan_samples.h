#pragma once

#include <gtest/gtest.h>

#include <map>
#include <string>

#include "coordinator/plan/plan_loader.h"

namespace kneepoint::coordinator {

/// Variables whose environment is the given map, so that tests do not depend on that of the machine.
inline Variables fake_variables(std::map<std::string, std::string> set = {},
                                std::map<std::string, std::string> environment = {}) {
  Variables variables;
  variables.set = std::move(set);
  variables.environment = [environment = std::move(environment)](const char* name) -> const char* {
    const auto found = environment.find(name);
    return found == environment.end() ? nullptr : found->second.c_str();
  };
  return variables;
}

/// The error that a plan gives, or "" when it loads.
inline std::string error_of(const std::string& text, const Variables& variables = fake_variables()) {
  const auto plan = parse_plan(text, "sweep.yaml", variables);
  return plan ? "" : plan.error().message;
}

/// The plan, or an empty one and a failure of the test.
inline Plan load(const std::string& text, const std::string& file = "dir/sweep.yaml") {
  auto plan = parse_plan(text, file, fake_variables());
  EXPECT_TRUE(plan) << (plan ? "" : plan.error().message);
  return plan ? *std::move(plan) : Plan{};
}

/// The plan that stands in the project's first description of the tool.
inline const std::string kSweep = R"(kneepoint: 1
name: sweep
targets:
  - {name: host, urls: ["http://127.0.0.1:8000"], api: openai-chat, model: qwen3-4b-instruct-2507}
scenarios:
  - name: chat
    workload: {prompts: ["What is a transformer?"], output_tokens: 64, temperature: 0.7}
    ramp: {steps: [1, 2, 4, 8, 16, 32, 64], warmup: 2s, hold: 8s}
    slo: {ttft: {p95: 500ms}, tpot: {p95: 50ms}}
)";

/// A plan around one target, one workload, one ramp, in flow style. Line 3 is the target, 5 the name of the
/// scenario, 6 the workload, 7 the ramp, 8 (if given) more keys of the scenario.
struct Parts {
  std::string target = "{name: host, url: 'http://h:1', model: m}";
  std::string workload = "{prompts: [hi]}";
  std::string ramp = "{steps: [1]}";
  std::string more = "";

  std::string text() const {
    return "kneepoint: 1\ntargets:\n  - " + target +
           "\nscenarios:\n  - name: chat\n    workload: " + workload + "\n    ramp: " + ramp + "\n" +
           (more.empty() ? "" : "    " + more + "\n");
  }
};

}  // namespace kneepoint::coordinator
