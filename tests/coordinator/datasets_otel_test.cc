#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "coordinator/datasets/dataset_file.h"
#include "tests/coordinator/dataset_files.h"

namespace kneepoint::coordinator {
namespace {

using namespace std::chrono_literals;

/// A span as the file exporter of OpenTelemetry's specification writes it, in OTLP's JSON encoding; what is
/// in it follows the semantic conventions for GenAI. The figures are invented.
struct Span {
  int begin = 0, end = 0;  // seconds
  int input = 0, output = 0;
  std::string trace = "5b8efff798038103d269b633813fc60c";
  std::string operation = "chat";
  std::string id, parent, more = "";

  std::string json() const {
    return fmt::format(
        R"({{"traceId":"{}","spanId":"{}","parentSpanId":"{}","name":"chat m","kind":3,)"
        R"("startTimeUnixNano":"17000000{:02}000000000","endTimeUnixNano":"17000000{:02}000000000",)"
        R"("attributes":[{{"key":"gen_ai.operation.name","value":{{"stringValue":"{}"}}}},)"
        R"({{"key":"gen_ai.usage.input_tokens","value":{{"intValue":"{}"}}}},)"
        R"({{"key":"gen_ai.usage.output_tokens","value":{{"intValue":{}}}}}{}]}})",
        trace, id, parent, begin, end, operation, input, output, more);
  }
};

std::string line(const std::vector<std::string>& spans) {
  return fmt::format(
      R"({{"resourceSpans":[{{"resource":{{}},"scopeSpans":[{{"scope":{{}},"spans":[{}]}}]}}]}})",
      fmt::join(spans, ","));
}

std::string attribute(const std::string& key, const std::string& value) {
  return fmt::format(R"(,{{"key":"{}","value":{}}})", key, value);
}

class OtelSpans : public DatasetFiles {
 protected:
  DatasetSpec lines(const std::string& text, bool sessions = true) {
    DatasetSpec spec = file(DatasetFormat::kOtelSpans, text);
    spec.sessions = sessions;
    return spec;
  }
  DatasetSpec spans(const std::vector<Span>& all, bool sessions = true) {
    std::string text;
    for (const Span& each : all) text += line({each.json()}) + "\n";
    return lines(text, sessions);
  }
};

TEST_F(OtelSpans, CallsOfModelsAreRequestsInOrderOfTheirBeginning) {
  const Dataset dataset = read(spans({{.begin = 12, .end = 13, .input = 40, .output = 9},
                                      {.begin = 1, .end = 60, .operation = "invoke_agent"},
                                      {.begin = 13, .end = 15, .operation = "execute_tool"},
                                      {.begin = 10, .end = 12, .input = 100, .output = 7}},
                                     false));
  ASSERT_EQ(dataset.entries.size(), 2u);
  EXPECT_EQ(dataset.entries[0], (DatasetEntry{.input_tokens = 100, .output_tokens = 7}));
  EXPECT_EQ(dataset.entries[1], (DatasetEntry{.input_tokens = 40, .output_tokens = 9, .arrival = 2s}));
}

TEST_F(OtelSpans, ALineMayHoldManySpansAndNumbersMayBeNumbers) {
  std::string text = line({Span{.begin = 10, .end = 12, .input = 3, .output = 7}.json(),
                           Span{.begin = 14, .end = 15, .input = 5, .output = 8}.json()});
  for (const std::string stamp : {"1700000010000000000", "1700000014000000000"}) {
    const std::string quoted = "\"" + stamp + "\"";
    text.replace(text.find(quoted), quoted.size(), stamp);
  }
  EXPECT_EQ(read(lines(text)).entries.at(0).turn_count(), 2u);
}

TEST_F(OtelSpans, CallsThatFollowEachOtherAreTheTurnsOfASession) {
  const Dataset dataset = read(spans({{.begin = 10, .end = 12, .input = 40, .output = 9},
                                      {.begin = 17, .end = 20, .input = 70, .output = 5},
                                      {.begin = 20, .end = 21, .input = 33, .output = 4},
                                      {.begin = 11, .end = 12, .input = 20, .output = 1, .trace = "other"}}));
  EXPECT_FALSE(dataset.gaps_from_send);
  EXPECT_EQ(dataset.block_tokens, 16u);
  ASSERT_EQ(dataset.entries.size(), 2u);
  const DatasetEntry& session = dataset.entries[0];
  EXPECT_EQ(session.gaps, (std::vector<Nanos>{5s, 0s}));
  ASSERT_EQ(session.later.size(), 2u);
  EXPECT_EQ(session.blocks.size(), 2u);
  const auto& grown = session.later[0].blocks;
  ASSERT_EQ(grown.size(), 4u);
  EXPECT_EQ(std::vector<std::uint64_t>(grown.begin(), grown.begin() + 2), session.blocks)
      << "it begins with the prompt before";
  EXPECT_NE(session.later[1].blocks.at(0), session.blocks.at(0)) << "it became shorter: it is another one";
  EXPECT_NE(dataset.entries[1].blocks.at(0), session.blocks.at(0));
  EXPECT_EQ(dataset.entries[1].arrival, 1s);
}

TEST_F(OtelSpans, WhatTheCacheHeldIsWhatIsShared) {
  const std::string cached = attribute("gen_ai.usage.cache_read.input_tokens", R"({"intValue":"33"})");
  const Dataset dataset = read(spans({{.begin = 10, .end = 12, .input = 160, .output = 9},
                                      {.begin = 17, .end = 20, .input = 150, .output = 5, .more = cached}}));
  const auto& first = dataset.entries.at(0).blocks;
  const auto& second = dataset.entries.at(0).later.at(0).blocks;
  EXPECT_EQ(second.size(), 9u);
  EXPECT_EQ(second.at(1), first.at(1));
  EXPECT_NE(second.at(2), first.at(2));
}

std::vector<std::vector<std::uint32_t>> waits(const DatasetEntry& session) {
  std::vector<std::vector<std::uint32_t>> waits;
  for (const TraceTurn& turn : session.later) waits.push_back(turn.after);
  return waits;
}
using Waits = std::vector<std::vector<std::uint32_t>>;

TEST_F(OtelSpans, CallsThatOverlappedRunBesideEachOtherAndWaitForWhatHadEnded) {
  const Dataset dataset = read(spans({{.begin = 10, .end = 12, .input = 40, .output = 9},
                                      {.begin = 13, .end = 30, .input = 50, .output = 9},
                                      {.begin = 14, .end = 20, .input = 60, .output = 9},
                                      {.begin = 31, .end = 32, .input = 80, .output = 9}}));
  ASSERT_EQ(dataset.entries.size(), 1u);
  const DatasetEntry& session = dataset.entries[0];
  EXPECT_EQ(session.lanes, 2u);
  EXPECT_EQ(waits(session), (Waits{{0}, {0}, {1, 2}}));
  EXPECT_EQ(session.gaps, (std::vector<Nanos>{1s, 2s, 1s})) << "from the last answer that it waits for";
}

TEST_F(OtelSpans, ASessionMayBeginWithSeveralCalls) {
  const Dataset dataset = read(spans({{.begin = 10, .end = 15, .input = 40, .output = 9},
                                      {.begin = 12, .end = 14, .input = 50, .output = 9},
                                      {.begin = 17, .end = 20, .input = 60, .output = 9}}));
  EXPECT_EQ(waits(dataset.entries.at(0)), (Waits{{}, {0, 1}}));
  EXPECT_EQ(dataset.entries.at(0).gaps, (std::vector<Nanos>{2s, 2s})) << "the first since the session began";
}

/// Two sub-agents, spans `a` and `b` around their calls, neither of which waits for the other's.
TEST_F(OtelSpans, WithinAnAgentsSpanCallsWaitForItsOwn) {
  const auto within = [](Span span, const std::string& parent) {
    span.parent = parent;
    return span;
  };
  const Dataset dataset =
      read(spans({{.begin = 10, .end = 60, .operation = "invoke_agent", .id = "main"},
                  {.begin = 12, .end = 40, .operation = "invoke_agent", .id = "a", .parent = "main"},
                  {.begin = 12, .end = 40, .operation = "invoke_agent", .id = "b", .parent = "main"},
                  within({.begin = 10, .end = 12, .input = 400, .output = 9}, "main"),
                  within({.begin = 13, .end = 20, .input = 100, .output = 9}, "a"),
                  within({.begin = 14, .end = 18, .input = 110, .output = 9}, "b"),
                  within({.begin = 22, .end = 24, .input = 120, .output = 9}, "b"),
                  within({.begin = 25, .end = 30, .input = 130, .output = 9}, "a"),
                  within({.begin = 41, .end = 42, .input = 500, .output = 9}, "main")}));
  ASSERT_EQ(dataset.entries.size(), 1u);
  const DatasetEntry& session = dataset.entries[0];
  EXPECT_EQ(session.lanes, 2u) << "as many as the agents, though no two second calls overlapped";
  EXPECT_EQ(waits(session), (Waits{{0}, {0}, {2}, {1}, {3, 4}}));
  EXPECT_EQ(session.gaps, (std::vector<Nanos>{1s, 2s, 4s, 5s, 11s}));
  const auto begins_like = [&](const std::vector<std::uint64_t>& blocks,
                               const std::vector<std::uint64_t>& other) {
    return blocks.at(0) == other.at(0);
  };
  EXPECT_TRUE(begins_like(session.later[3].blocks, session.later[0].blocks)) << "both of a";
  EXPECT_TRUE(begins_like(session.later[2].blocks, session.later[1].blocks)) << "both of b";
  EXPECT_FALSE(begins_like(session.later[0].blocks, session.blocks)) << "a sub-agent begins anew";
  EXPECT_FALSE(begins_like(session.later[0].blocks, session.later[1].blocks));
  EXPECT_TRUE(begins_like(session.later[4].blocks, session.blocks)) << "main goes on";
}

TEST_F(OtelSpans, OfSpansThatAreNotInTheFileTimesAloneTell) {
  const Dataset dataset = read(spans({{.begin = 10, .end = 12, .input = 40, .output = 9, .parent = "main"},
                                      {.begin = 13, .end = 15, .input = 50, .output = 9, .parent = "a"},
                                      {.begin = 13, .end = 16, .input = 60, .output = 9, .parent = "b"},
                                      {.begin = 17, .end = 18, .input = 80, .output = 9, .parent = "main"}}));
  EXPECT_EQ(dataset.entries.at(0).lanes, 2u);
  EXPECT_EQ(waits(dataset.entries.at(0)), (Waits{{0}, {0}, {1, 2}}));
}

TEST_F(OtelSpans, CallsWithoutLengthInTimeFollowEachOther) {
  const Dataset dataset = read(spans({{.begin = 10, .end = 10, .input = 40, .output = 9},
                                      {.begin = 11, .end = 11, .input = 50, .output = 9},
                                      {.begin = 12, .end = 12, .input = 60, .output = 9}}));
  EXPECT_EQ(dataset.entries.at(0).lanes, 0u);
  EXPECT_EQ(waits(dataset.entries.at(0)), (Waits{{}, {}}));
}

TEST_F(OtelSpans, SpansInACircleEnd) {
  const Dataset dataset =
      read(spans({{.begin = 10, .end = 60, .operation = "invoke_agent", .id = "x", .parent = "y"},
                  {.begin = 10, .end = 60, .operation = "invoke_agent", .id = "y", .parent = "x"},
                  {.begin = 10, .end = 12, .input = 40, .output = 9, .id = "1", .parent = "x"},
                  {.begin = 14, .end = 15, .input = 50, .output = 9, .id = "2", .parent = "x"}}));
  EXPECT_EQ(dataset.entries.at(0).turn_count(), 2u);
}

TEST_F(OtelSpans, AConversationGoesOnInAnotherTrace) {
  const std::string id = attribute("gen_ai.conversation.id", R"({"stringValue":"conv_1"})");
  const Dataset dataset =
      read(spans({{.begin = 10, .end = 12, .input = 4, .output = 9, .trace = "a", .more = id},
                  {.begin = 15, .end = 16, .input = 4, .output = 9, .trace = "b", .more = id},
                  {.begin = 15, .end = 16, .input = 4, .output = 9, .trace = "conv_1"}}));
  ASSERT_EQ(dataset.entries.size(), 2u);
  EXPECT_EQ(dataset.entries[0].later.size(), 1u);
}

/// Frameworks name the conversation in the agent's span, and not in every call's.
TEST_F(OtelSpans, ACallIsOfTheConversationThatASpanAroundItNames) {
  const std::string id = attribute("gen_ai.conversation.id", R"({"stringValue":"conv_1"})");
  const auto agent = [&](int begin, const std::string& trace) {
    return Span{.begin = begin,
                .end = begin + 5,
                .trace = trace,
                .operation = "invoke_agent",
                .id = "agent",
                .more = id};
  };
  const auto call = [](int begin, const std::string& trace, const std::string& parent) {
    return Span{.begin = begin, .end = begin + 1, .input = 40, .output = 9, .trace = trace, .parent = parent};
  };
  const Dataset beneath =
      read(spans({agent(10, "a/b"), call(11, "a/b", "agent"), agent(20, "c"), call(21, "c", "agent")}));
  ASSERT_EQ(beneath.entries.size(), 1u);
  EXPECT_EQ(beneath.entries[0].gaps, std::vector<Nanos>{9s});
  Span named = call(11, "a", "");
  named.more = id;
  EXPECT_EQ(read(spans({named, call(15, "a", "")})).entries.size(), 1u)
      << "the only one that its trace names";
}

TEST_F(OtelSpans, ASubAgentsFirstPromptIsItsOwnHoweverLongItIs) {
  const auto within = [](Span span, const std::string& parent) {
    span.parent = parent;
    return span;
  };
  const std::vector<Span> all = {
      {.begin = 10, .end = 60, .operation = "invoke_agent", .id = "main"},
      {.begin = 13, .end = 40, .operation = "invoke_agent", .id = "sub", .parent = "main"},
      within({.begin = 10, .end = 12, .input = 160, .output = 9}, "main"),
      within({.begin = 14, .end = 20, .input = 320, .output = 9}, "sub"),
      within({.begin = 22, .end = 24, .input = 480, .output = 9}, "sub"),
      within({.begin = 41, .end = 42, .input = 500, .output = 9}, "main")};
  const DatasetEntry session = read(spans(all)).entries.at(0);
  EXPECT_NE(session.later.at(0).blocks.at(0), session.blocks.at(0));
  EXPECT_EQ(session.later.at(1).blocks.at(19), session.later.at(0).blocks.at(19)) << "goes on from itself";
  EXPECT_EQ(session.later.at(2).blocks.at(9), session.blocks.at(9)) << "and so does main";
  std::vector<Span> told = all;
  told[3].more = attribute("gen_ai.usage.cache_read.input_tokens", R"({"intValue":"32"})");
  const DatasetEntry cached = read(spans(told)).entries.at(0);
  EXPECT_EQ(cached.later.at(0).blocks.at(1), cached.blocks.at(1)) << "what a cache held was there before";
  EXPECT_NE(cached.later.at(0).blocks.at(2), cached.blocks.at(2));
}

TEST_F(OtelSpans, ACallIsTakenOnceHoweverOftenItWasTraced) {
  const Span call{.begin = 10, .end = 14, .input = 4, .output = 9, .id = "1"};
  const Span again = call;
  const Span within{.begin = 11, .end = 13, .input = 4, .output = 9, .id = "2", .parent = "1"};
  const Span next{.begin = 20, .end = 21, .input = 5, .output = 9, .id = "3", .parent = "0"};
  const Span elsewhere{
      .begin = 20, .end = 21, .input = 6, .output = 9, .trace = "other", .id = "4", .parent = "1"};
  const Dataset dataset = read(spans({within, call, again, next, elsewhere}));
  ASSERT_EQ(dataset.entries.size(), 2u);
  EXPECT_EQ(dataset.entries[0].input_tokens, 4u);
  EXPECT_EQ(dataset.entries[0].later.size(), 1u);
}

TEST_F(OtelSpans, ASpanThatCountsWhatIsBeneathItOnceMoreIsLeftOut) {
  const auto session = [&](const std::vector<Span>& all) { return read(spans(all)).entries.at(0); };
  const DatasetEntry loop =
      session({{.begin = 10, .end = 20, .input = 90, .output = 12, .id = "all"},
               {.begin = 11, .end = 12, .input = 30, .output = 4, .id = "1", .parent = "all"},
               {.begin = 14, .end = 15, .input = 60, .output = 8, .id = "2", .parent = "all"}});
  EXPECT_EQ(loop.input_tokens, 30u) << "calls and tools, one span around them all";
  EXPECT_EQ(loop.later.size(), 1u);
  const DatasetEntry client =
      session({{.begin = 10, .end = 20, .input = 90, .output = 12, .id = "framework"},
               {.begin = 10, .end = 20, .operation = "POST", .id = "http", .parent = "framework"},
               {.begin = 11, .end = 19, .input = 90, .output = 12, .id = "client", .parent = "http"}});
  EXPECT_EQ(client.turn_count(), 1u) << "a plain span between";
  const DatasetEntry agent =
      session({{.begin = 10, .end = 20, .input = 90, .output = 12, .id = "main"},
               {.begin = 12, .end = 15, .input = 30, .output = 4, .id = "sub", .parent = "main"}});
  EXPECT_EQ(agent.turn_count(), 2u) << "another call, though beneath";
}

TEST_F(OtelSpans, WhatHardlyOverlapsFollows) {
  std::string first = Span{.begin = 10, .end = 12, .input = 40, .output = 9}.json();
  first.replace(first.find("1700000012000000000"), 19, "1700000012000900000");
  const Dataset dataset =
      read(lines(line({first, Span{.begin = 12, .end = 13, .input = 50, .output = 9}.json()})));
  EXPECT_EQ(dataset.entries.at(0).lanes, 0u);
  EXPECT_EQ(dataset.entries.at(0).gaps, std::vector<Nanos>{0s});
}

TEST_F(OtelSpans, ACacheThatHeldMoreThanTheInputStandsBesideIt) {
  const std::string cached = attribute("gen_ai.usage.cache_read.input_tokens", R"({"intValue":"2000"})");
  EXPECT_EQ(read(spans({{.begin = 10, .end = 12, .input = 50, .output = 9, .more = cached}}))
                .entries.at(0)
                .input_tokens,
            2050u);
  const std::string written = attribute("gen_ai.usage.cache_creation.input_tokens", R"({"intValue":"3000"})");
  EXPECT_EQ(read(spans({{.begin = 10, .end = 12, .input = 50, .output = 9, .more = cached + written}}))
                .entries.at(0)
                .input_tokens,
            5050u)
      << "and so does what was written to it";
  EXPECT_EQ(read(spans({{.begin = 10, .end = 12, .input = 6000, .output = 9, .more = cached + written}}))
                .entries.at(0)
                .input_tokens,
            6000u)
      << "both are in the input";
}

TEST_F(OtelSpans, OlderNamesOfTheCacheAreRead) {
  const std::string cached = attribute("gen_ai.usage.cache_read_input_tokens", R"({"intValue":"33"})");
  const std::string written = attribute("gen_ai.usage.cache_creation_input_tokens", R"({"intValue":"900"})");
  const Dataset dataset = read(spans({{.begin = 10, .end = 12, .input = 160, .output = 9},
                                      {.begin = 17, .end = 20, .input = 150, .output = 5, .more = cached},
                                      {.begin = 21, .end = 22, .input = 3, .output = 5, .more = written}}));
  const DatasetEntry& session = dataset.entries.at(0);
  EXPECT_EQ(session.later.at(0).blocks.at(1), session.blocks.at(1));
  EXPECT_NE(session.later.at(0).blocks.at(2), session.blocks.at(2));
  EXPECT_EQ(session.later.at(1).input_tokens, 903u);
}

TEST_F(OtelSpans, OpenLlmetrysOlderNameOfACallIsRead) {
  std::string text = line({Span{.begin = 10, .end = 12, .input = 3, .output = 7}.json()});
  text.replace(text.find("gen_ai.operation.name"), 21, "llm.request.type");
  EXPECT_EQ(read(lines(text)).entries.at(0), (DatasetEntry{.input_tokens = 3, .output_tokens = 7}));
}

TEST_F(OtelSpans, NumbersAreWholeHoweverTheyAreWritten) {
  const auto tokens = [&](const std::string& value) {
    std::string text = line({Span{.begin = 10, .end = 12, .input = 3, .output = 7}.json()});
    const std::string from = R"({"intValue":"3"})";
    text.replace(text.find(from), from.size(), value);
    const auto result = read_dataset(lines(text));
    return result ? result->dataset.entries.at(0).input_tokens : 0;
  };
  EXPECT_EQ(tokens(R"({"doubleValue":12.0})"), 12u);
  EXPECT_EQ(tokens(R"({"doubleValue":12.5})"), 0u);
  EXPECT_EQ(tokens(R"({"doubleValue":-1})"), 0u);
  const std::string older = attribute("gen_ai.usage.prompt_tokens", R"({"intValue":"-1"})");
  EXPECT_EQ(read(spans({{.begin = 10, .end = 12, .input = 3, .output = 7, .more = older}}))
                .entries.at(0)
                .input_tokens,
            3u)
      << "the newer name goes before";
}

TEST_F(OtelSpans, AFileWithoutCallsSaysWhatWasLookedFor) {
  EXPECT_EQ(
      error(spans(
          {{.begin = 10, .end = 12, .operation = "embeddings"}, {.begin = 10, .end = 12, .operation = "x"}})),
      " has 2 spans, none of which calls a model: 'gen_ai.operation.name' is not chat, generate_content or "
      "text_completion in any");
}

TEST_F(OtelSpans, ASessionThatNobodyCanHoldIsRefusedBeforeItIsMade) {
  std::vector<Span> calls;
  for (int i = 0; i < 40; ++i)
    calls.push_back({.begin = 10 + i, .end = 10 + i, .input = 16'000'000, .output = 1});
  EXPECT_EQ(error(spans(calls)).substr(2),
            ": up to here a session is more than agents can hold (240 MiB); cut it");
}

TEST_F(OtelSpans, ALimitCountsSessionsThatGoOn) {
  DatasetSpec spec = spans({{.begin = 10, .end = 12, .input = 4, .output = 9},
                            {.begin = 11, .end = 12, .input = 4, .output = 9, .trace = "other"},
                            {.begin = 15, .end = 16, .input = 4, .output = 9}});
  spec.limit = 1;
  const Dataset dataset = read(spec);
  ASSERT_EQ(dataset.entries.size(), 1u);
  EXPECT_EQ(dataset.entries[0].later.size(), 1u);
}

TEST_F(OtelSpans, OlderNamesOfUsageAreRead) {
  std::string text = line({Span{.begin = 10, .end = 12, .input = 3, .output = 7}.json()});
  for (const auto& [now, before] : {std::pair{"usage.input_tokens", "usage.prompt_tokens"},
                                    std::pair{"usage.output_tokens", "usage.completion_tokens"}})
    text.replace(text.find(now), std::string(now).size(), before);
  EXPECT_EQ(read(lines(text)).entries.at(0), (DatasetEntry{.input_tokens = 3, .output_tokens = 7}));
}

TEST_F(OtelSpans, MistakesNameTheLine) {
  const std::string good = line({Span{.begin = 10, .end = 12, .input = 4, .output = 9}.json()}) + "\n";
  const auto complaint = [&](const std::string& bad) { return error(lines(good + bad)); };
  const auto changed = [&](const std::string& from, const std::string& to) {
    std::string span = Span{.begin = 20, .end = 22, .input = 4, .output = 9}.json();
    span.replace(span.find(from), from.size(), to);
    return complaint(line({span}));
  };
  EXPECT_EQ(complaint("{"), "2: is no JSON object; one stands in each line ('jq -c .' makes it so)");
  EXPECT_EQ(complaint(R"({"resource_spans":[]})"),
            "2: has 'resource_spans': OTLP's JSON has 'resourceSpans', and its other names so");
  EXPECT_EQ(complaint("[]"), "2: is no JSON object with a list 'resourceSpans'");
  EXPECT_EQ(complaint(R"({"resourceMetrics":[]})"), "2: is no JSON object with a list 'resourceSpans'");
  EXPECT_EQ(complaint(line({"7"})), "2: has a span that is no JSON object");
  EXPECT_EQ(changed("gen_ai.usage.input_tokens", "gen_ai.usage.reasoning"),
            "2: a call of a model has no whole number as 'gen_ai.usage.input_tokens'; 'bad_lines: skip' "
            "leaves such "
            "calls out");
  EXPECT_EQ(changed(R"({"intValue":9})", R"({"intValue":"-9"})"),
            "2: a call of a model has no whole number as 'gen_ai.usage.output_tokens'; 'bad_lines: skip' "
            "leaves such "
            "calls out");
  EXPECT_EQ(changed(R"({"intValue":9})", R"({"intValue":"99999999999"})"),
            "2: 'gen_ai.usage.output_tokens' is absurdly large");
  EXPECT_EQ(changed("startTimeUnixNano", "start"),
            "2: a call of a model has no time in nanoseconds as 'startTimeUnixNano'");
  EXPECT_EQ(changed("1700000022000000000", "18000000000000000000"),
            "2: a call of a model has no time in nanoseconds as 'endTimeUnixNano'");
  EXPECT_EQ(changed("1700000022000000000", "1700000019000000000"),
            "2: a call of a model ends before it begins");
  EXPECT_EQ(changed("traceId", "trace"),
            "2: a call of a model has neither 'gen_ai.conversation.id' nor 'traceId'");
}

TEST_F(OtelSpans, WhatIsTooFarApartIsRefused) {
  std::string span = Span{.begin = 20, .end = 22, .input = 4, .output = 9}.json();
  for (const std::string stamp : {"1700000020000000000", "1700000022000000000"})
    span.replace(span.find(stamp), 2, "18");
  const std::string good = line({Span{.begin = 10, .end = 12, .input = 4, .output = 9}.json()}) + "\n";
  EXPECT_EQ(error(lines(good + line({span}))),
            "2: a call comes more than 31 days after the one before; cut the file");
  EXPECT_EQ(error(lines(good + line({span}), false)), " spans more than 31 days; set 'limit'");
}

TEST_F(OtelSpans, BadCallsAreLeftOutWhereThePlanSaysSo) {
  const std::string failed = Span{.begin = 20, .end = 22, .input = 4, .output = 9}.json();
  std::string bad = failed;
  bad.replace(bad.find("gen_ai.usage.output_tokens"), 26, "gen_ai.usage.none___tokens");
  DatasetSpec spec = lines(line({bad, failed}) + "\nnonsense\n");
  spec.skip_bad_lines = true;
  const auto result = read_dataset(spec);
  ASSERT_TRUE(result);
  EXPECT_EQ(result->dataset.entries.size(), 1u) << "the other one of the line stays";
  EXPECT_EQ(result->skipped, 2u);
}

}  // namespace
}  // namespace kneepoint::coordinator
