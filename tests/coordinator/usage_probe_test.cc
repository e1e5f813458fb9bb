#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "common/version.h"
#include "tests/coordinator/settle_usage_fixture.h"

namespace kneepoint::coordinator {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

TEST_F(SettleUsage, AHostThatTakesAllIsAskedOnceAsTheLoadWillAsk) {
  serve([](const std::string&) { return answer(UsageReport::kRunning); });
  setenv("KNEEPOINT_TEST_TOKEN", "sesame", 1);
  plan_.targets[0].auth = {SecretRef::Source::kEnvironment, "KNEEPOINT_TEST_TOKEN"};
  plan_.targets[0].headers["X-Team"] = "ml";
  EXPECT_THAT(settled(), ElementsAre(UsageOption::kContinuous));
  EXPECT_THAT(lines_, IsEmpty()) << "nothing unusual";
  ASSERT_EQ(server_->requests().size(), 1u);
  const std::string request = server_->requests()[0];
  EXPECT_THAT(request, HasSubstr("POST /v1/chat/completions "));
  EXPECT_THAT(request, HasSubstr("Authorization: Bearer sesame\r\n"));
  EXPECT_THAT(request, HasSubstr("X-Team: ml\r\n"));
  EXPECT_THAT(request, HasSubstr(R"("model":"m")"));
  EXPECT_THAT(request, HasSubstr(R"("max_tokens":2,"stream":true,)"));
  EXPECT_THAT(request, HasSubstr(R"("stream_options":{"include_usage":true,"continuous_usage_stats":true})"));
}

TEST_F(SettleUsage, ARefusalByNameSettlesForUsageAtTheEnd) {
  serve_all_but(kRunningOnly, "400 Bad", R"({"error":"unknown field continuous_usage_stats"})");
  EXPECT_THAT(settled(), ElementsAre(UsageOption::kFinal));
  EXPECT_THAT(lines_, ElementsAre("host: no running token counts: the tokens of running answers are "
                                  "estimated from their chunks"));
  EXPECT_EQ(server_->requests().size(), 2u);
}

TEST_F(SettleUsage, ARefusalThatNamesNothingIsSettledByWhatIsTaken) {
  serve_all_but(kAnyUsage, "422 Unprocessable", R"({"error":"extra inputs are not permitted"})");
  EXPECT_THAT(settled(), ElementsAre(UsageOption::kNone));
  EXPECT_THAT(lines_, ElementsAre("host: no token counts: content chunks are counted instead"));
  EXPECT_EQ(server_->requests().size(), 3u);
}

TEST_F(SettleUsage, AHostMayIgnoreTheQuestion) {
  serve([](const std::string&) { return answer(UsageReport::kNone); });
  EXPECT_THAT(settled(), ElementsAre(UsageOption::kContinuous)) << "it does no harm";
  EXPECT_THAT(lines_, ElementsAre("host: no token counts: content chunks are counted instead"));
}

TEST_F(SettleUsage, AnAnswerWithoutTextStillSaysWhatIsTaken) {
  serve([](const std::string& request) {
    const bool refused = request.find(kRunningOnly) != std::string::npos;
    return refused ? http_response("400 Bad", "{}") : http_response("200 OK", "data: [DONE]\n\n");
  });
  EXPECT_THAT(settled(), ElementsAre(UsageOption::kFinal));
  EXPECT_EQ(lines_.size(), 1u);
}

TEST_F(SettleUsage, TheExtraBodyGoesAlongButForItsLengths) {
  serve([](const std::string&) { return answer(UsageReport::kRunning); });
  workload().extra_body = R"({"min_tokens":64,"ignore_eos":true,"kwargs":{"thinking":"o\"ff"}})";
  settled();
  const std::string request = server_->requests().at(0);
  EXPECT_THAT(request, HasSubstr(R"("ignore_eos":true,"kwargs":{"thinking":"o\"ff"}})"));
  EXPECT_THAT(request, Not(HasSubstr("min_tokens")));
}

TEST_F(SettleUsage, AsksUnderTheTargetsNameOfTheLimit) {
  serve([](const std::string&) { return answer(UsageReport::kRunning); });
  plan_.targets[0].token_limit = TokenLimit::kMaxCompletionTokens;
  options_.run_id = "r1";
  settled();
  const std::string request = server_->requests().at(0);
  EXPECT_THAT(request, HasSubstr(R"("max_completion_tokens":2,)"));
  EXPECT_THAT(request, Not(HasSubstr(R"("max_tokens")")));
  EXPECT_THAT(request, HasSubstr("\r\nUser-Agent: kneepoint/" + std::string(version()) + " run/r1\r\n"));
}

TEST_F(SettleUsage, AsksEachTargetOnceForEachExtraBody) {
  serve([](const std::string& request) {
    const bool refused =
        request.find(R"("strict":1)") != std::string::npos && request.find(kRunningOnly) != std::string::npos;
    return refused ? http_response("400 Bad", "{}") : answer(UsageReport::kRunning);
  });
  plan_.targets.push_back({.name = "other", .urls = plan_.targets[0].urls, .api = Api::kOpenAiCompletions});
  plan_.scenarios.push_back(plan_.scenarios[0]);
  plan_.scenarios.push_back(plan_.scenarios[0]);
  plan_.scenarios[1].workload.system = "Be brief.";
  plan_.scenarios[2].workload.extra_body = R"({"strict":1})";
  using enum UsageOption;
  EXPECT_THAT(settled(), ElementsAre(kContinuous, kContinuous, kContinuous, kContinuous, kFinal, kFinal));
  const auto requests = server_->requests();
  ASSERT_EQ(requests.size(), 6u) << "one of each target, and two of each for the third scenario";
  EXPECT_THAT(requests, Contains(AllOf(HasSubstr("POST /v1/completions "), HasSubstr(R"("prompt":")"))));
}

TEST_F(SettleUsage, AsksOnlyWhereRequestsWillAsk) {
  serve([](const std::string&) { return answer(UsageReport::kRunning); });
  workload().stream = false;
  settled();
  workload().stream = true;
  plan_.targets[0].api = Api::kVllmGenerate;
  settled();
  plan_.targets[0].api = Api::kCustom;
  settled();
  EXPECT_EQ(server_->connections(), 0);
  EXPECT_THAT(lines_, IsEmpty());
}

TEST_F(SettleUsage, WhatIsRefusedForAnotherReasonIsLeftToTheLoad) {
  serve([](const std::string&) { return http_response("404 Not Found", "{}"); });
  EXPECT_THAT(settled(), ElementsAre(UsageOption::kContinuous));
  EXPECT_THAT(lines_, ElementsAre("host: not asked for running token counts, the first requests find out: "
                                  "/v1/chat/completions answers HTTP 404: {}"));
  EXPECT_EQ(server_->requests().size(), 1u);
  serve([](const std::string&) { return http_response("400 Bad", "{}"); });
  EXPECT_THAT(settled(), ElementsAre(UsageOption::kContinuous)) << "refused without options, too";
  EXPECT_EQ(server_->requests().size(), 3u);
}

TEST_F(SettleUsage, AHostThatSaysNothingIsGivenUpAfterTheRequestTimeout) {
  server_ = std::make_unique<ScriptedServer>(ScriptedServer::keep_silent);
  plan_.targets[0].urls = {server_->url()};
  plan_.targets[0].request_timeout = std::chrono::milliseconds(100);
  EXPECT_THAT(settled(), ElementsAre(UsageOption::kContinuous));
  ASSERT_EQ(lines_.size(), 1u);
  EXPECT_THAT(lines_[0], HasSubstr("no answer within 0.1 s"));
}

TEST_F(SettleUsage, AHostThatCannotBeReachedOrASecretThatIsNotHereIsOneLine) {
  serve([](const std::string&) { return answer(UsageReport::kRunning); });
  server_.reset();
  EXPECT_THAT(settled(), ElementsAre(UsageOption::kContinuous));
  plan_.targets[0].auth = {SecretRef::Source::kEnvironment, "KNEEPOINT_TEST_NO_SUCH_TOKEN"};
  EXPECT_THAT(settled(), ElementsAre(UsageOption::kContinuous));
  ASSERT_EQ(lines_.size(), 2u);
  EXPECT_THAT(lines_[0], HasSubstr("Connection refused"));
  EXPECT_THAT(lines_[1], HasSubstr("KNEEPOINT_TEST_NO_SUCH_TOKEN"));
}

TEST_F(SettleUsage, AReplicaThatDoesNotAnswerIsNotTheTarget) {
  serve([](const std::string&) { return answer(UsageReport::kRunning); });
  const std::string refuses = server_->url();
  server_.reset();
  ScriptedServer silent(ScriptedServer::keep_silent);
  serve_all_but(kRunningOnly, "400 Bad", R"({"error":"unknown field continuous_usage_stats"})");
  plan_.targets[0].urls = {refuses, silent.url(), server_->url()};
  plan_.targets[0].request_timeout = std::chrono::seconds(2);
  EXPECT_THAT(settled(), ElementsAre(UsageOption::kFinal));
  EXPECT_THAT(lines_, ElementsAre(HasSubstr("no running token counts")));
  EXPECT_EQ(silent.requests().size(), 1u) << "it is left for good";
  EXPECT_EQ(server_->requests().size(), 2u);
}

TEST_F(SettleUsage, TargetsAreAskedAtTheSameTime) {
  Gate other_asked;
  ScriptedServer waits([&](ScriptedServer::Peer& peer, int) {
    if (peer.read_request().empty()) return;
    EXPECT_TRUE(other_asked.wait());
    peer.send(answer(UsageReport::kRunning));
  });
  serve([&](const std::string&) {
    other_asked.open();
    return answer(UsageReport::kAtEnd);
  });
  plan_.targets.push_back({.name = "other", .urls = {server_->url()}, .model = "m"});
  plan_.targets[0].urls = {waits.url()};
  settled();
  EXPECT_THAT(lines_, ElementsAre(HasSubstr("other: no running token counts")));
}

TEST_F(SettleUsage, AnInterruptEndsItAtOnce) {
  std::stop_source interrupt;
  options_.stop = interrupt.get_token();
  options_.limit = std::chrono::hours(1);
  server_ = std::make_unique<ScriptedServer>([&](ScriptedServer::Peer& peer, int) {
    peer.read_request();
    interrupt.request_stop();
    peer.wait_for_close();
  });
  plan_.targets[0].urls = {server_->url()};
  plan_.scenarios.push_back(plan_.scenarios[0]);
  plan_.scenarios[1].workload.extra_body = R"({"other":1})";
  settled();
  EXPECT_THAT(lines_, IsEmpty());
  EXPECT_EQ(server_->connections(), 1);
}

}  // namespace
}  // namespace kneepoint::coordinator
