#include <algorithm>

#include "engine_fixture.h"
#include "tests/support/levels.h"

// What the host receives, through the whole engine.
namespace kneepoint::agent {
namespace {

class Requests : public EngineTest {
 protected:
  void serve(ScriptedServer::Script script) {
    server_ = std::make_unique<ScriptedServer>(std::move(script));
    target().urls = {server_->url()};
  }
  std::vector<std::string> bodies() const {
    std::vector<std::string> bodies;
    for (const std::string& request : server_->requests())
      bodies.push_back(request.substr(request.find("\r\n\r\n") + 4));
    return bodies;
  }
  std::uint64_t started(std::uint32_t turn) const {
    std::uint64_t sum = 0;
    for (const auto& [key, stats] : series_) sum += key.turn == turn ? stats.started : 0;
    return sum;
  }

  std::unique_ptr<ScriptedServer> server_;
};

TEST_F(Requests, AreTheSameHoweverManyAgentsShareThem) {
  Distribution lengths;
  lengths.kind = Distribution::Kind::kUniform;
  lengths.min = 5, lengths.max = 50;
  workload().classes = {{"all", {}, 1}};
  workload().synthetic = Synthetic{.input_tokens = lengths, .shared_prefix_tokens = 10, .prefix_groups = 2};
  workload().output_tokens = lengths;
  std::vector<std::string> by_one_agent;
  for (const std::uint32_t agents : {1u, 2u, 8u}) {
    serve(always(answer(1)));
    for (std::uint32_t agent = 0; agent < agents; ++agent) {
      start(2);
      controller_->apply(
          part_of({.epoch = 1, .concurrency = 8, .effective_at = elapsed(), .budget = 50}, agent, agents, 2));
      wait_for_level(1);
      done_.clear();
      controller_.reset();
    }
    auto all = bodies();
    std::sort(all.begin(), all.end());
    EXPECT_EQ(all.size(), 50u);
    if (agents == 1) by_one_agent = all;
    EXPECT_EQ(all, by_one_agent) << agents << " agents";
  }
}

TEST_F(Requests, AConversationSendsWhatWasSaidAndWhatWasAnswered) {
  serve(always(kStreamHead + chunked(kRoleEvent) + chunked(delta("Good \\\"day\\\"")) +
               chunked(delta(" 什么")) + chunked(kFinishEvent) + chunked(usage_event(2)) +
               chunked(kDoneEvent) + kLastChunk));
  workload().classes = {{"all", {}, 1}};
  workload().synthetic = Synthetic{.input_tokens = 3};
  workload().conversation = Conversation{.turns = 2};
  const SeriesStats stats = run(4);
  EXPECT_EQ(stats.completed(), 4u);
  EXPECT_EQ(started(0), 2u);
  EXPECT_EQ(started(1), 2u);
  EXPECT_EQ(stats.asked_prompts, 2u) << "a history's length is nobody's wish";
  EXPECT_EQ(stats.asked_prompt_tokens, 6u);
  EXPECT_EQ(stats.achieved_prompt_tokens, 14u);
  const auto sent = bodies();
  const auto message_of = [](const std::string& body) {
    const auto from = body.find(R"({"role":"user")");
    return body.substr(from, body.find('}', from) + 1 - from);
  };
  EXPECT_EQ(sent[1].find(R"({"messages":[)" + message_of(sent[0]) +
                         R"(,{"role":"assistant","content":"Good \"day\" 什么"},{"role":"user")"),
            0u)
      << sent[1];
  EXPECT_EQ(sent[2].find("assistant"), std::string::npos) << "a new conversation";
}

TEST_F(Requests, AnAnswerInOnePieceJoinsTheHistory) {
  serve(always(response("200 OK", R"({"choices":[{"message":{"content":"Yes."},"finish_reason":"stop"}]})")));
  workload().classes = {{"all", {}, 1}};
  workload().synthetic = Synthetic{.input_tokens = 3};
  workload().conversation = Conversation{.turns = 2};
  workload().stream = false;
  run(2);
  EXPECT_NE(bodies()[1].find(R"({"role":"assistant","content":"Yes."})"), std::string::npos) << bodies()[1];
}

TEST_F(Requests, AnAnswersReasoningIsNoPartOfTheHistory) {
  workload().classes = {{"all", {}, 1}};
  workload().synthetic = Synthetic{.input_tokens = 3};
  workload().conversation = Conversation{.turns = 2};
  const std::string answers = R"({"role":"assistant","content":"Yes."})";
  serve(always(
      kStreamHead +
      chunked("data: {\"choices\":[{\"delta\":{\"reasoning_content\":\"Hm\",\"content\":\"Yes.\"}}]}\n\n" +
              kFinishEvent + kDoneEvent) +
      kLastChunk));
  run(2);
  EXPECT_NE(bodies()[1].find(answers), std::string::npos) << bodies()[1];

  controller_.reset();
  done_.clear();
  workload().stream = false;
  serve(
      always(response("200 OK", R"({"choices":[{"message":{"content":"Yes.","reasoning_content":"Hm"}}]})")));
  run(2);
  EXPECT_NE(bodies()[1].find(answers), std::string::npos) << bodies()[1];
}

TEST_F(Requests, AFailedTurnEndsItsConversation) {
  serve([](ScriptedServer::Peer& peer, int) {
    for (int i = 0; !peer.read_request().empty(); ++i)
      peer.send(i == 1 ? response("400 Bad Request", "{}") : answer(1));
  });
  workload().classes = {{"all", {}, 1}};
  workload().synthetic = Synthetic{.input_tokens = 3};
  workload().conversation = Conversation{.turns = 3};
  run(3);
  EXPECT_NE(bodies()[1].find("assistant"), std::string::npos);
  EXPECT_EQ(bodies()[2].find("assistant"), std::string::npos);
  EXPECT_EQ(started(0), 2u);
  EXPECT_EQ(started(1), 1u);
}

TEST_F(Requests, ThinkingIsCountedAndDelaysTheNextTurn) {
  serve(always(answer(1)));
  workload().classes = {{"all", {}, 1}};
  workload().synthetic = Synthetic{.input_tokens = 3};
  workload().conversation = Conversation{.turns = 3, .think_time = 0.2};
  const SeriesStats stats = run(3);
  EXPECT_EQ(stats.completed(), 3u);
  EXPECT_GE(stats.thinking, 0.39) << "two pauses of 200 ms";
  EXPECT_EQ(started(2), 1u);
}

TEST_F(Requests, TheEarlyStopIsJudgedByEachRequestsOwnLength) {
  serve(always(answer(4)));
  Distribution lengths;
  lengths.kind = Distribution::Kind::kEmpirical;
  lengths.values = {4, 8};
  workload().output_tokens = lengths;
  const SeriesStats stats = run(40);
  std::uint64_t asked_for_more = 0;
  for (const std::string& body : bodies())
    asked_for_more += body.find(R"("max_tokens":8)") != std::string::npos;
  EXPECT_GT(asked_for_more, 5u);
  EXPECT_EQ(stats.early_stops, asked_for_more);
}

TEST_F(Requests, AQuarterMillionTokensArriveWhole) {
  serve(always(answer(1)));
  workload().classes = {{"all", {}, 1}};
  workload().synthetic = Synthetic{.input_tokens = 262'144};
  run(2);
  for (const std::string& body : bodies()) EXPECT_GT(body.size(), 262'144u * 5);
  EXPECT_NE(bodies()[0], bodies()[1]);
}

}  // namespace
}  // namespace kneepoint::agent
