#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <array>
#include <filesystem>
#include <fstream>

#include "common/dataset.h"
#include "coordinator/plan/plan_printer.h"
#include "tests/coordinator/plan_samples.h"

// Workloads beyond plain prompts: what is read, how it is explained, what is refused and where.
namespace kneepoint::coordinator {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class PlanWorkload : public testing::Test {
 protected:
  PlanWorkload() {
    std::string pattern = (std::filesystem::temp_directory_path() / "kneepoint-plan-XXXXXX").string();
    folder_ = mkdtemp(pattern.data());
    write("chats.jsonl", "{\"q\": \"a\", \"n\": 3}\n{\"q\": [\"b\", \"c\"], \"n\": 4}\n");
    write("trace.jsonl",
          "{\"timestamp\": 0, \"input_length\": 1000, \"output_length\": 10, \"hash_ids\": [0, 1]}\n"
          "{\"timestamp\": 90000, \"input_length\": 3000, \"output_length\": 30, \"hash_ids\": [0, 2]}\n");
  }
  ~PlanWorkload() override { std::filesystem::remove_all(folder_); }
  void write(const std::string& name, const std::string& text) { std::ofstream(folder_ / name) << text; }

  Result<Plan> parse(const Parts& parts) {
    return parse_plan(parts.text(), (folder_ / "sweep.yaml").string(), fake_variables());
  }
  Plan load(const std::string& workload, const std::string& more = "") {
    auto plan = parse({.workload = "{" + workload + "}", .more = more});
    EXPECT_TRUE(plan) << (plan ? "" : plan.error().message);
    return plan ? *std::move(plan) : Plan{};
  }
  Workload workload(const std::string& text) { return load(text).scenarios.at(0).workload; }
  /// The complaint, without the folder.
  std::string error(const std::string& workload, const std::string& more = "",
                    const std::string& target = "") {
    Parts parts{.workload = "{" + workload + "}", .more = more};
    if (!target.empty()) parts.target = target;
    const auto plan = parse(parts);
    if (plan) return "";
    const std::string& message = plan.error().message;
    return message.substr(folder_.string().size() + 1);
  }

  std::filesystem::path folder_;
};

TEST_F(PlanWorkload, ADatasetSaysWhatPassesBetweenTurns) {
  write("agents.jsonl", R"({"q": ["a", "b"], "n": 4, "wait": [3]})");
  const std::string agents = "dataset: {file: agents.jsonl, prompt: q, output_tokens: n, delay: wait";
  EXPECT_EQ(workload(agents + ", time_scale: 2}, conversation: {}").conversation->think_time, 6);
  EXPECT_THAT(error(agents + "}"), HasSubstr("'delay' passes between turns; add 'conversation: {}'"));
  EXPECT_THAT(error("dataset: {file: agents.jsonl, prompt: q, block_tokens: 16}"),
              HasSubstr("'block_tokens' is for 'hash_ids' of mooncake and bailian traces; jsonl has none"));
  EXPECT_THAT(error(agents + "}, conversation: {think_time: 1s}"),
              HasSubstr("the dataset says what passes between turns; remove it"));
  write("sessions.jsonl",
        R"({"chat_id": 1, "parent_chat_id": -1, "timestamp": 0, "input_length": 20, "output_length": 4}
{"chat_id": 2, "parent_chat_id": 1, "timestamp": 9, "input_length": 40, "output_length": 4})");
  const std::string sessions = "dataset: {file: sessions.jsonl, format: bailian}";
  EXPECT_EQ(workload(sessions + ", conversation: {}").conversation->think_time, 9);
  const Plan alone = load(sessions);
  EXPECT_EQ(alone.datasets.begin()->second->entries.size(), 2u) << "without 'conversation' they are requests";
  EXPECT_THAT(error("dataset: {file: trace.jsonl, format: mooncake}, conversation: {}"),
              HasSubstr("no request of this trace follows another one: it has no conversations"));
  EXPECT_THAT(error("dataset: {file: trace.jsonl, format: mooncake, delay: wait}"),
              HasSubstr("'delay' names a member of a jsonl file; mooncake has none"));
}

TEST_F(PlanWorkload, Synthetic) {
  const Workload w = workload("synthetic: {input_tokens: 1024, shared_prefix_tokens: 512, prefix_groups: 4}");
  EXPECT_EQ(w.synthetic, (Synthetic{.input_tokens = 1024, .shared_prefix_tokens = 512, .prefix_groups = 4}));
  ASSERT_EQ(w.classes.size(), 1u);
  EXPECT_TRUE(w.classes[0].prompts.empty());
}

TEST_F(PlanWorkload, Distributions) {
  const Workload w = workload(
      "synthetic: {input_tokens: {distribution: lognormal, mean: 800, stddev: 400, max: 4096}}, "
      "output_tokens: {distribution: empirical, values: [64, 512], weights: [3, 1]}");
  const Distribution& input = w.synthetic->input_tokens;
  EXPECT_EQ(input.kind, Distribution::Kind::kLogNormal);
  EXPECT_EQ(input.mean, 800);
  EXPECT_EQ(input.stddev, 400);
  EXPECT_EQ(input.min, 1);
  EXPECT_EQ(input.max, 4096);
  EXPECT_THAT(w.output_tokens->values, ElementsAre(64, 512));
  EXPECT_THAT(w.output_tokens->weights, ElementsAre(3, 1));
}

TEST_F(PlanWorkload, Dataset) {
  const Plan plan = load("dataset: {file: chats.jsonl, prompt: q, output_tokens: n, order: sequential}");
  const Workload& w = plan.scenarios[0].workload;
  ASSERT_TRUE(w.dataset);
  EXPECT_EQ(w.dataset->order, DatasetOrder::kSequential);
  EXPECT_FALSE(w.dataset->lengths_only);
  ASSERT_TRUE(plan.datasets.contains(w.dataset->hash));
  const Dataset& dataset = *plan.datasets.at(w.dataset->hash);
  EXPECT_EQ(dataset.entries.size(), 2u);
  EXPECT_EQ(w.dataset->bytes, to_bytes(dataset).size());
  EXPECT_EQ(w.dataset->hash, content_hash(to_bytes(dataset)));
}

TEST_F(PlanWorkload, ATraceIsTakenInOrder) {
  const Workload w = workload("dataset: {file: trace.jsonl, format: mooncake, time_scale: 0.5}");
  EXPECT_TRUE(w.dataset->lengths_only);
  EXPECT_EQ(w.dataset->order, DatasetOrder::kSequential);
  EXPECT_EQ(w.dataset->time_scale, 0.5);
  EXPECT_TRUE(w.makes_text());
}

TEST_F(PlanWorkload, Conversation) {
  const Workload w = workload(
      "synthetic: {input_tokens: 64}, conversation: {turns: {distribution: uniform, min: 2, max: 6}, "
      "think_time: {distribution: normal, mean: 2s, stddev: 500ms}}");
  EXPECT_EQ(w.conversation->turns->max, 6);
  EXPECT_EQ(w.conversation->think_time.mean, 2);
  EXPECT_EQ(w.conversation->think_time.stddev, 0.5);
  EXPECT_FALSE(workload("dataset: {file: chats.jsonl, prompt: q}, conversation: {}").conversation->turns);
}

TEST_F(PlanWorkload, AMatrixMakesAScenarioOfEachPoint) {
  const Plan plan = load("output_tokens: 8", "matrix: {input_tokens: [1024, 8192], stream: [true, false]}");
  std::vector<std::string> names;
  for (const Scenario& scenario : plan.scenarios) names.push_back(scenario.name);
  EXPECT_THAT(names,
              ElementsAre("chat[input_tokens=1024,stream=true]", "chat[input_tokens=1024,stream=false]",
                          "chat[input_tokens=8192,stream=true]", "chat[input_tokens=8192,stream=false]"));
  EXPECT_EQ(plan.scenarios[3].workload.synthetic->input_tokens, 8192);
  EXPECT_FALSE(plan.scenarios[3].workload.stream);
  EXPECT_EQ(cells_of(plan).size(), 4u);
}

TEST_F(PlanWorkload, AMatrixAddsToAPartThatIsThere) {
  const Plan plan = load("synthetic: {shared_prefix_tokens: 10}", "matrix: {input_tokens: [20, 40]}");
  EXPECT_EQ(plan.scenarios[1].workload.synthetic,
            (Synthetic{.input_tokens = 40, .shared_prefix_tokens = 10}));
}

TEST_F(PlanWorkload, OnePairOfLengthsIsMadeTextAndItsAnswer) {
  const Workload w = workload("lengths: 1024/128");
  EXPECT_EQ(w.synthetic, (Synthetic{.input_tokens = 1024}));
  EXPECT_EQ(w.output_tokens, 128);
  EXPECT_FALSE(w.dataset);
}

TEST_F(PlanWorkload, PairsOfLengthsAreClassesDrawnByWeight) {
  const Plan plan = load(
      "lengths: [128/2048, {input_tokens: 8192, output_tokens: 256, weight: 30}, "
      "{input_tokens: 1, output_tokens: 1, weight: 20}], "
      "classes: [{class: 8192/256, model: long}]");
  const Workload& w = plan.scenarios[0].workload;
  ASSERT_EQ(w.classes.size(), 3u);
  EXPECT_EQ(w.classes[1].name, "8192/256");
  EXPECT_EQ(w.classes[1].model, "long");
  EXPECT_TRUE(w.makes_text());
  const Dataset& dataset = *plan.datasets.at(w.dataset->hash);
  EXPECT_THAT(dataset.classes, ElementsAre("128/2048", "8192/256", "1/1"));
  std::array<int, 3> of{};
  for (const DatasetEntry& entry : dataset.entries) ++of[entry.prompt_class];
  EXPECT_THAT(of, ElementsAre(1, 30, 20));
  EXPECT_EQ(dataset.entries[1].input_tokens, 8192u);
  EXPECT_EQ(dataset.entries[1].output_tokens, 256u);
}

TEST_F(PlanWorkload, AMatrixOverPairsOfLengths) {
  const Plan plan = load("stream: true", "matrix: {lengths: [1024/1024, 1024/8192]}");
  ASSERT_EQ(plan.scenarios.size(), 2u);
  EXPECT_EQ(plan.scenarios[1].name, "chat[lengths=1024/8192]");
  EXPECT_EQ(plan.scenarios[1].workload.synthetic->input_tokens, 1024);
  EXPECT_EQ(plan.scenarios[1].workload.output_tokens, 8192);
}

TEST_F(PlanWorkload, ErrorsOfLengths) {
  for (const char* const wrong : {"1024", "1024/", "/5", "1024/0", "0/4", "1k/8k", "-4/4", "4/1000001",
                                  "1 / 2", "1/2/3", "4.5/1", "1048577/1"}) {
    EXPECT_EQ(
        error(fmt::format("lengths: {}", wrong)),
        fmt::format("sweep.yaml:6:25: '{}' is no pair of lengths; write tokens of input and of output, such "
                    "as 1024/128 (at most 1048576/1000000)",
                    wrong));
  }
  EXPECT_EQ(error("lengths: [1/2, 1/2]"), "sweep.yaml:6:31: 1/2 is given twice; keep one, with a 'weight'");
  EXPECT_EQ(error("lengths: [{input_tokens: 4}]"),
            "sweep.yaml:6:26: a pair of 'lengths' has no 'output_tokens'; add it");
  EXPECT_EQ(error("lengths: []"), "sweep.yaml:6:25: 'lengths' is empty; give at least one item");
  EXPECT_EQ(error("lengths: 1/2, output_tokens: 4"),
            "sweep.yaml:6:30: workload of scenario 'chat' has both 'lengths' and 'output_tokens'; keep one");
  EXPECT_EQ(error("lengths: 1/2, conversation: {turns: 2}"),
            "sweep.yaml:6:30: workload of scenario 'chat' has both 'lengths' and 'conversation'; keep one");
  EXPECT_EQ(error("lengths: [1/2, 2/1], classes: [{class: 3/1}]"),
            "sweep.yaml:6:55: the dataset has no class '3/1'; did you mean '2/1'?");
}

TEST_F(PlanWorkload, PairsOfLengthsHaveNoArrivals) {
  const auto plan = parse({.workload = "{lengths: [1/2, 2/1]}", .ramp = "{arrival: trace, warmup: 0s}"});
  ASSERT_FALSE(plan);
  EXPECT_THAT(plan.error().message, HasSubstr("'arrival: trace' needs a dataset that is a trace"));
}

TEST_F(PlanWorkload, Descriptions) {
  const auto described = [&](const std::string& text) { return describe_plan(load(text)); };
  EXPECT_THAT(
      described("synthetic: {input_tokens: 1024, shared_prefix_tokens: 512, prefix_groups: 4}"),
      HasSubstr("workload  made texts of 1024 tokens, the first 512 shared in 4 groups, output length left"));
  EXPECT_THAT(
      described("synthetic: {input_tokens: {distribution: uniform, min: 10, max: 20}}, output_tokens: 1"),
      HasSubstr("made texts of 10 to 20 tokens, at most 1 output token, streamed"));
  EXPECT_THAT(
      described("dataset: {file: chats.jsonl, prompt: q}, unique: true"),
      HasSubstr("2 prompts from a dataset, at random, each made unique, output length left to the host, "
                "streamed"));
  EXPECT_THAT(
      described("dataset: {file: trace.jsonl, format: mooncake}"),
      HasSubstr("a trace of 2 requests over 1m30s, in order, made texts of 2000 tokens and answers of 20 on "
                "average, streamed"));
  EXPECT_THAT(described("lengths: [1/2, {input_tokens: 3, output_tokens: 4, weight: 3}]"),
              HasSubstr("made texts and answers of 2 pairs of lengths in 2 classes (1/2, 3/4 x3), streamed"));
  EXPECT_THAT(described("synthetic: {input_tokens: 8}, conversation: {turns: 3, think_time: 2s}"),
              HasSubstr("conversations of 3 turns, thinking 2s between them"));
}

TEST_F(PlanWorkload, Warnings) {
  const auto warned = [&](const std::string& text, const std::string& ramp = "{steps: [1, 2]}") {
    auto plan = parse({.workload = "{" + text + "}", .ramp = ramp});
    EXPECT_TRUE(plan);
    return plan ? plan_warnings(*plan) : std::vector<std::string>();
  };
  EXPECT_THAT(warned("synthetic: {input_tokens: 8}, output_tokens: 4"), ElementsAre());
  EXPECT_THAT(warned("dataset: {file: chats.jsonl, prompt: q}, output_tokens: 4"),
              ElementsAre(HasSubstr("all steps take from the same 2 prompts")));
  EXPECT_THAT(warned("dataset: {file: chats.jsonl, prompt: q}, output_tokens: 4, unique: true"),
              ElementsAre());
  EXPECT_THAT(warned("dataset: {file: trace.jsonl, format: mooncake, time_scale: 2}"),
              ElementsAre(HasSubstr("time_scale has no effect")));
}

TEST_F(PlanWorkload, ErrorsOfSources) {
  EXPECT_EQ(
      error("output_tokens: 4"),
      "sweep.yaml:6:15: workload of scenario 'chat' has no 'prompts', 'dataset', 'synthetic' or 'lengths'; "
      "add one");
  EXPECT_EQ(error("prompts: [a], synthetic: {input_tokens: 4}"),
            "sweep.yaml:6:30: workload of scenario 'chat' has both 'prompts' and 'synthetic'; keep one");
  EXPECT_EQ(error("synthetic: {}"),
            "sweep.yaml:6:27: 'synthetic' of scenario 'chat' has no 'input_tokens'; add it");
  EXPECT_EQ(error("synthetic: {inputtokens: 4}"),
            "sweep.yaml:6:28: unknown key 'inputtokens' in 'synthetic' of scenario 'chat'; did you mean "
            "'input_tokens'?");
  EXPECT_EQ(error("synthetic: {input_tokens: 0}"),
            "sweep.yaml:6:42: 'input_tokens' must be a whole number from 1 to 1048576, not '0'");
  EXPECT_EQ(error("synthetic: {input_tokens: 10, shared_prefix_tokens: 10}"),
            "sweep.yaml:6:68: 'shared_prefix_tokens' must be less than 'input_tokens', which is at most 10");
  EXPECT_EQ(error("synthetic: {input_tokens: 10, prefix_groups: 2}"),
            "sweep.yaml:6:46: 'prefix_groups' needs 'shared_prefix_tokens', which its groups share");
  EXPECT_EQ(error("synthetic: {input_tokens: 10}, unique: true"),
            "sweep.yaml:6:47: 'unique' is for given texts; made ones always are");
}

TEST_F(PlanWorkload, ErrorsOfDistributions) {
  const auto tokens = [&](const std::string& text) { return error("prompts: [a], output_tokens: " + text); };
  EXPECT_EQ(tokens("[1]"),
            "sweep.yaml:6:45: 'output_tokens' must be a whole number from 1 to 1000000, not a list");
  EXPECT_EQ(tokens("{mean: 3}"), "sweep.yaml:6:45: 'output_tokens' has no 'distribution'; add it");
  EXPECT_EQ(
      tokens("{distribution: gauss}"),
      "sweep.yaml:6:60: unknown distribution 'gauss'; write one of: uniform, normal, lognormal, empirical");
  EXPECT_EQ(tokens("{distribution: uniform, min: 1, mean: 3}"),
            "sweep.yaml:6:77: a distribution that is uniform has no 'mean'; it has min and max");
  EXPECT_EQ(tokens("{distribution: normal, mean: 3}"),
            "sweep.yaml:6:45: 'output_tokens' has no 'stddev'; add it");
  EXPECT_EQ(tokens("{distribution: uniform, min: 5, max: 3}"),
            "sweep.yaml:6:77: 'max' is below 'min'; swap them");
  EXPECT_EQ(tokens("{distribution: empirical, values: [1, 2], weights: [1]}"),
            "sweep.yaml:6:96: there are 1 weights for 2 values; give one for each");
  EXPECT_EQ(tokens("{distribution: empirical, values: [1], weights: [0]}"),
            "sweep.yaml:6:93: all weights are 0; at least one must be above");
}

TEST_F(PlanWorkload, ErrorsOfDatasets) {
  EXPECT_EQ(error("dataset: {file: none.jsonl}"), "sweep.yaml:6:32: " + (folder_ / "none.jsonl").string() +
                                                      ": cannot be read; check the path and its permissions");
  EXPECT_EQ(error("dataset: {file: chats.jsonl}"), "sweep.yaml:6:32: " + (folder_ / "chats.jsonl").string() +
                                                       ":1: has no 'prompt'; it has 'q', 'n'");
  EXPECT_EQ(error("dataset: {file: chats.txt}"),
            "sweep.yaml:6:25: the name of the dataset does not show its 'format'; add it");
  EXPECT_EQ(error("dataset: {file: chats.jsonl, format: json}"),
            "sweep.yaml:6:53: unknown format 'json'; did you mean 'jsonl'?");
  EXPECT_EQ(error("dataset: {file: trace.jsonl, format: mooncake, prompt: x}"),
            "sweep.yaml:6:63: 'prompt' names a field of a jsonl or csv file; mooncake has its own");
  EXPECT_EQ(error("dataset: {file: chats.jsonl, prompt: q, time_scale: 2}"),
            "sweep.yaml:6:56: 'time_scale' is for traces; jsonl has no arrival times");
  EXPECT_EQ(error("dataset: {file: chats.jsonl, prompt: q, order: sequental}"),
            "sweep.yaml:6:63: unknown order 'sequental'; did you mean 'sequential'?");
}

TEST_F(PlanWorkload, ErrorsOfConversations) {
  EXPECT_EQ(error("prompts: [a], conversation: {turns: 2}"),
            "sweep.yaml:6:44: 'conversation' needs 'synthetic' texts or a 'dataset'");
  EXPECT_EQ(error("synthetic: {input_tokens: 4}, conversation: {think_time: 1s}"),
            "sweep.yaml:6:60: 'conversation' of scenario 'chat' has no 'turns'; add it");
  EXPECT_EQ(error("synthetic: {input_tokens: 4}, conversation: {turns: 2, think_time: 3}"),
            "sweep.yaml:6:83: 'think_time' must be a duration such as 30s, 2m, 500ms or 1h30m, not '3'");
  EXPECT_EQ(error("synthetic: {input_tokens: 4}, conversation: {turns: 2}", "",
                  "{name: host, url: 'http://h:1', model: m, api: openai-completions}"),
            "sweep.yaml:6:60: 'conversation' needs a chat dialect; target 'host' speaks openai-completions");
}

TEST_F(PlanWorkload, ErrorsOfAMatrix) {
  EXPECT_EQ(error("prompts: [a]", "matrix: [1]"),
            "sweep.yaml:8:13: 'matrix' needs parameters with values, such as {input_tokens: [1024, 8192]}");
  EXPECT_EQ(
      error("prompts: [a]", "matrix: {input_token: [1]}"),
      "sweep.yaml:8:14: 'input_token' is no parameter of a workload that a matrix can vary; did you mean "
      "'input_tokens'?");
  EXPECT_EQ(error("prompts: [a]", "matrix: {output_tokens: 4}"),
            "sweep.yaml:8:29: 'output_tokens' must be a list, not a single value");
  EXPECT_EQ(error("prompts: [a]", "matrix: {output_tokens: [4, none]}"),
            "sweep.yaml:8:33: 'output_tokens' must be a whole number from 1 to 1000000, not 'none'");
  EXPECT_EQ(error("prompts: [a], output_tokens: 4", "matrix: {output_tokens: [4]}"),
            "sweep.yaml:8:14: 'output_tokens' is given by the workload, too; remove it there");
  EXPECT_EQ(error("prompts: [a]", "matrix: {output_tokens: [4, 4]}"),
            "sweep.yaml:5:11: scenario name 'chat[output_tokens=4]' is taken; each scenario needs a name of "
            "its own");
  EXPECT_EQ(error("prompts: [a]", "matrix: {input_tokens: [4]}"),
            "sweep.yaml:8:14: workload of scenario 'chat' has both 'prompts' and 'synthetic'; keep one");
}

TEST_F(PlanWorkload, ClassesOfMadeTextsAskOtherModels) {
  const Plan plan = load(
      "synthetic: {input_tokens: 64}, classes: [{class: base, weight: 2, headers: {X-Tenant: a}}, "
      "{class: 'lora-{n}', count: 3, model: 'adapter-{n}', zipf: 1, weight: 6, extra_body: {priority: 1}, "
      "slo: {ttft: {p90: 1s}}}]",
      "slo: {tpot: {p95: 50ms}}");
  const Workload& w = plan.scenarios.at(0).workload;
  ASSERT_EQ(w.classes.size(), 4u);
  EXPECT_EQ(w.classes[0].headers.at("X-Tenant"), "a");
  EXPECT_EQ(w.classes[0].model, "");
  const std::vector<std::uint32_t> weights = {2, 6, 3, 2};
  for (std::size_t i = 0; i < 4; ++i) EXPECT_EQ(w.classes[i].weight, weights[i]) << i;
  EXPECT_EQ(w.classes[3].name, "lora-3");
  EXPECT_EQ(w.classes[3].model, "adapter-3");
  EXPECT_EQ(w.classes[3].extra_body, "{\"priority\":1}");
  std::vector<std::string> limits;
  for (const SloLimit& limit : plan.scenarios.at(0).slo) limits.push_back(limit.name());
  EXPECT_THAT(limits,
              ElementsAre("tpot_p95", "ttft_p90 of lora-1", "ttft_p90 of lora-2", "ttft_p90 of lora-3"));
  EXPECT_THAT(describe_plan(plan), HasSubstr("base x2 with its own headers"));
  EXPECT_THAT(describe_plan(plan), HasSubstr("lora-1 x6 as model adapter-1 with its own extra body"));
}

TEST_F(PlanWorkload, ADatasetsClassesHaveThingsOfTheirOwnByName) {
  write("tenants.jsonl", "{\"prompt\": \"a\", \"who\": \"gold\"}\n{\"prompt\": \"b\", \"who\": \"free\"}\n");
  const Workload w = workload(
      "dataset: {file: tenants.jsonl, class: who}, classes: [{class: free, headers: {X-Priority: low}}]");
  ASSERT_EQ(w.classes.size(), 2u);
  EXPECT_TRUE(w.classes[0].headers.empty());
  EXPECT_EQ(w.classes[1].headers.at("X-Priority"), "low");
  EXPECT_THAT(error("dataset: {file: tenants.jsonl, class: who}, classes: [{class: gild}]"),
              HasSubstr("the dataset has no class 'gild'; did you mean 'gold'?"));
  EXPECT_THAT(error("dataset: {file: tenants.jsonl, class: who}, classes: [{class: gold, weight: 2}]"),
              HasSubstr("weight"));
}

TEST_F(PlanWorkload, ClassesThatCannotBe) {
  const std::string made = "synthetic: {input_tokens: 64}, ";
  EXPECT_THAT(error(made + "classes: [{class: a}, {class: a}]"), HasSubstr("class 'a' is given twice"));
  EXPECT_THAT(error(made + "classes: [{class: a, zipf: 1}]"),
              HasSubstr("'zipf' weighs the classes of a 'count'"));
  EXPECT_THAT(error(made + "classes: [{class: a, count: 3}]"), HasSubstr("needs a {n}"));
  EXPECT_THAT(error(made + "classes: [{class: 'a{n}', count: 33}]"), HasSubstr("'count'"));
  EXPECT_THAT(error(made + "classes: [{class: a, headers: {Authorization: x}}]"),
              HasSubstr("a secret never stands in a plan"));
  EXPECT_THAT(error(made + "classes: [{class: a, extra_body: {model: x}}]"),
              HasSubstr("'model' cannot stand"));
  EXPECT_THAT(error("prompts: [a], classes: [{class: a}]"),
              HasSubstr("'prompts' have their classes with them"));
  EXPECT_THAT(error(made + "stream: false, classes: [{class: a, slo: {ttft: {p95: 1s}}}]"),
              HasSubstr("'ttft' needs a stream"));
  EXPECT_THAT(error(made + "classes: [{class: 'a{n}', count: 32, slo: {ttft: {p95: 1s}, e2e: {p95: 1s}}}]"),
              HasSubstr("64 SLO limits"));
}

TEST_F(PlanWorkload, TextsMayRepeat) {
  EXPECT_FALSE(workload("synthetic: {input_tokens: 64}").repeat_texts);
  EXPECT_TRUE(workload("synthetic: {input_tokens: 64}, texts: repeat").repeat_texts);
  EXPECT_FALSE(workload("prompts: [a], unique: true, texts: new").repeat_texts);
  EXPECT_THAT(error("prompts: [a], texts: repeat"), HasSubstr("'texts' is for words of ours"));
  EXPECT_THAT(error("synthetic: {input_tokens: 64}, texts: same"), HasSubstr("unknown texts 'same'"));
}

TEST_F(PlanWorkload, WholeBodies) {
  write("bodies.jsonl", "{\"messages\": [{\"role\": \"user\", \"content\": \"a\"}]}\n{}\n");
  const std::string file = "dataset: {file: bodies.jsonl, format: bodies";
  const Plan plan = load(file + ", bad_lines: skip}");
  ASSERT_TRUE(plan.scenarios.at(0).workload.dataset);
  EXPECT_TRUE(plan.scenarios.at(0).workload.dataset->bodies);
  EXPECT_THAT(describe_plan(plan), HasSubstr("1 whole request from a dataset, at random, streamed"));
  EXPECT_THAT(describe_plan(plan), HasSubstr("bodies.jsonl:2: has none of 'messages'"));
  EXPECT_THAT(error(file + "}"), HasSubstr("bodies.jsonl:2: has none of 'messages'"));
  for (const char* key :
       {"system: x", "output_tokens: 8", "temperature: 1", "top_p: 1", "extra_body: {a: 1}"}) {
    EXPECT_THAT(error(file + ", bad_lines: skip}, " + key), HasSubstr("cannot be used with whole bodies"))
        << key;
  }
  EXPECT_THAT(error(file + ", bad_lines: skip}, unique: true"), HasSubstr("would change what the file says"));
  EXPECT_THAT(error(file + ", bad_lines: skip}, classes: [{class: a, extra_body: {b: 1}}]"),
              HasSubstr("cannot be used with whole bodies"));
  EXPECT_THAT(error(file + ", bad_lines: skip}", "", "{name: host, url: 'http://h:1', api: vllm-generate}"),
              HasSubstr("whole bodies need openai-chat"));
}

TEST_F(PlanWorkload, ChatsWithAllTheirRoles) {
  write("log.jsonl", "{\"m\": [{\"role\": \"user\", \"content\": \"a\"}]}\n");
  const Plan plan =
      load("dataset: {file: log.jsonl, prompt: m, roles: all}, conversation: {}, output_tokens: 4");
  ASSERT_TRUE(plan.scenarios.at(0).workload.dataset);
  EXPECT_TRUE(plan.scenarios.at(0).workload.dataset->messages);
  EXPECT_THAT(describe_plan(plan), HasSubstr("1 logged chat from a dataset"));
  EXPECT_THAT(error("dataset: {file: log.jsonl, prompt: m, roles: every}"),
              HasSubstr("unknown roles 'every'"));
  EXPECT_THAT(error("dataset: {file: trace.jsonl, format: mooncake, roles: all}"),
              HasSubstr("'roles' is for chats"));
  EXPECT_THAT(error("dataset: {file: log.jsonl, prompt: m, roles: all}", "",
                    "{name: host, url: 'http://h:1', model: m, api: openai-completions}"),
              HasSubstr("'roles: all' needs a chat dialect"));
}

}  // namespace
}  // namespace kneepoint::coordinator
