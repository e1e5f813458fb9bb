// What would make every request of a load fail is found before it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "coordinator/calibration/usage_probe.h"
#include "tests/coordinator/settle_usage_fixture.h"

namespace kneepoint::coordinator {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr const char* kOpenAisRefusal =
    R"({"error":{"message":"Unsupported parameter: 'max_tokens' is not supported with this model. )"
    R"(Use 'max_completion_tokens' instead.","type":"invalid_request_error","param":"max_tokens",)"
    R"("code":"unsupported_parameter"}})";

TEST_F(SettleUsage, AModelThatWantsTheOtherNameOfTheLimitEndsTheRunBeforeAnyLoad) {
  serve_without_limit("max_tokens", "400 Bad Request", kOpenAisRefusal);
  workload().output_tokens = 64;
  EXPECT_THAT(settled(), ElementsAre(UsageOption::kContinuous));
  ASSERT_EQ(faults_.size(), 1u);
  EXPECT_THAT(faults_[0], HasSubstr("host: it does not take max_tokens (HTTP 400: "));
  EXPECT_THAT(faults_[0], HasSubstr("Use 'max_completion_tokens' instead."));
  EXPECT_THAT(faults_[0], HasSubstr("; set token_limit: max_completion_tokens in the target"));
  EXPECT_THAT(lines_, IsEmpty());
  const auto requests = server_->requests();
  ASSERT_EQ(requests.size(), 2u);
  EXPECT_THAT(requests[1], HasSubstr(R"("max_completion_tokens":2,)"));
  EXPECT_THAT(requests[1], Not(HasSubstr(R"("max_tokens")")));
}

TEST_F(SettleUsage, AHostThatKnowsTheOlderNameOnlyIsToldSo) {
  serve_without_limit("max_completion_tokens", "422 Unprocessable",
                      R"({"detail":[{"type":"extra_forbidden","loc":["body","max_completion_tokens"],)"
                      R"("msg":"Extra inputs are not permitted"}]})");
  plan_.targets[0].token_limit = TokenLimit::kMaxCompletionTokens;
  workload().output_tokens = 64;
  settled();
  EXPECT_THAT(faults_, ElementsAre(HasSubstr("; set token_limit: max_tokens in the target")));
}

TEST_F(SettleUsage, ATemperatureThatIsRefusedEndsTheRunBeforeAnyLoad) {
  serve([](const std::string& request) {
    if (request.find(R"("max_tokens")") != std::string::npos)
      return http_response("400 Bad Request", kOpenAisRefusal);
    if (request.find(R"("temperature":0.7)") != std::string::npos)
      return http_response("400 Bad Request",
                           R"({"error":{"message":"'temperature' does not support 0.7"}})");
    return answer(UsageReport::kRunning);
  });
  workload().temperature = 0.7;
  settled();
  EXPECT_THAT(faults_,
              ElementsAre("host: it does not take temperature: 0.7 (HTTP 400: {\"error\":{\"message\":"
                          "\"'temperature' does not support 0.7\"}}); leave it out of the workload, or "
                          "write what it takes"));
  EXPECT_EQ(server_->requests().size(), 3u) << "the limit is another name, and is not sent by the load";
  workload().temperature = 1;
  settled();
  EXPECT_THAT(faults_, IsEmpty());
  workload().temperature.reset();
  settled();
  EXPECT_THAT(faults_, IsEmpty());
  EXPECT_THAT(server_->requests().back(), Not(HasSubstr("temperature")));
}

TEST_F(SettleUsage, AWordThatIsNotToBlameIsNoFault) {
  serve_all_but(kRunningOnly, "400 Bad", "temperature, top_p, stream_options: one of these is unknown");
  workload().temperature = 0.7;
  workload().top_p = 0.9;
  EXPECT_THAT(settled(), ElementsAre(UsageOption::kFinal));
  EXPECT_THAT(faults_, IsEmpty());
  serve_all_but("top_p", "422 No", "top_p is no input");
  settled();
  EXPECT_THAT(faults_, ElementsAre(HasSubstr("it does not take top_p: 0.9 (HTTP 422: top_p is no input)")));
}

TEST_F(SettleUsage, ScenariosOfAnotherTemperatureAreAskedByThemselves) {
  serve([](const std::string& request) {
    return request.find(R"("temperature":2)") != std::string::npos
               ? http_response("400 Bad", "temperature is at most 1")
               : answer(UsageReport::kRunning);
  });
  plan_.scenarios.push_back(plan_.scenarios[0]);
  plan_.scenarios[0].workload.temperature = 1;
  plan_.scenarios[1].workload.temperature = 2;
  settled();
  EXPECT_THAT(faults_, ElementsAre(HasSubstr("it does not take temperature: 2 (")));
  EXPECT_EQ(server_->requests().size(), 3u);
}

TEST_F(SettleUsage, ALimitThatIsNotSentIsNoFault) {
  serve_without_limit("max_tokens", "400 Bad Request", kOpenAisRefusal);
  settled();
  EXPECT_THAT(faults_, IsEmpty()) << "without output_tokens no request has one";
}

TEST_F(SettleUsage, TheNameIsToBlameOnlyWhereTheOtherOneIsTaken) {
  workload().output_tokens = 64;
  // It repeats what it was sent, and what it does not take is something else.
  serve_all_but(kRunningOnly, "400 Bad",
                R"({"error":"Extra inputs are not permitted: {max_tokens: 2, max_completion_tokens: 2}"})");
  EXPECT_THAT(settled(), ElementsAre(UsageOption::kFinal));
  EXPECT_THAT(faults_, IsEmpty());
  EXPECT_EQ(server_->requests().size(), 3u);
  // Both names refused, for another reason.
  serve([](const std::string&) {
    return http_response("400 Bad", R"({"error":"max_tokens or max_completion_tokens is too large: 2"})");
  });
  settled();
  EXPECT_THAT(faults_, IsEmpty());
  EXPECT_THAT(lines_.back(), HasSubstr("HTTP 400: {\"error\":\"max_tokens or max_completion_tokens is too"));
}

TEST_F(SettleUsage, BothTheCountsAndTheNameMayBeRefused) {
  serve([](const std::string& request) {
    const bool refused =
        request.find(kAnyUsage) != std::string::npos || request.find(R"("max_tokens")") != std::string::npos;
    return refused ? http_response("422 Unprocessable", R"(["max_tokens","stream_options"] are unknown)")
                   : answer(UsageReport::kNone);
  });
  workload().output_tokens = 64;
  EXPECT_THAT(settled(), ElementsAre(UsageOption::kNone));
  EXPECT_THAT(faults_, ElementsAre(HasSubstr("set token_limit: max_completion_tokens")));
}

TEST_F(SettleUsage, ChatsWithoutAStreamAreAskedForFaultsOnly) {
  serve_without_limit("max_tokens", "400 Bad Request", kOpenAisRefusal);
  workload().output_tokens = 64;
  workload().stream = false;
  settled();
  EXPECT_EQ(server_->connections(), 0);
  options_.for_faults = true;
  settled();
  EXPECT_THAT(faults_, ElementsAre(HasSubstr("set token_limit: max_completion_tokens")));
  EXPECT_THAT(lines_, IsEmpty()) << "nobody asked of token counts";
  EXPECT_THAT(server_->requests().at(0), HasSubstr(R"("stream":false})"));
  EXPECT_THAT(server_->requests().at(0), Not(HasSubstr(kAnyUsage)));
}

TEST_F(SettleUsage, CompletionsHaveOneNameForTheLimit) {
  serve_without_limit("max_tokens", "400 Bad Request", kOpenAisRefusal);
  plan_.targets[0].api = Api::kOpenAiCompletions;
  workload().output_tokens = 64;
  settled();
  EXPECT_THAT(faults_, IsEmpty());
  EXPECT_EQ(server_->requests().size(), 3u) << "only the counts are left out";
}

TEST_F(SettleUsage, AFaultOfSeveralScenariosIsSaidOnce) {
  serve_without_limit("max_tokens", "400 Bad Request", kOpenAisRefusal);
  workload().output_tokens = 64;
  plan_.scenarios.push_back(plan_.scenarios[0]);
  plan_.scenarios[1].workload.extra_body = R"({"strict":1})";
  settled();
  EXPECT_EQ(faults_.size(), 1u);
}

constexpr const char* kWholeAnswer =
    R"({"choices":[{"message":{"role":"assistant","content":"one two"},"finish_reason":"length"}],)"
    R"("usage":{"completion_tokens":2,"prompt_tokens":7}})";

TEST_F(SettleUsage, AWholeAnswerToARequestForAStreamEndsTheRunBeforeAnyLoad) {
  serve([](const std::string&) { return http_response("200 OK", kWholeAnswer); });
  settled();
  EXPECT_THAT(faults_, ElementsAre("host: it answers a request for a stream with one whole JSON; set stream: "
                                   "false in the workload"));
  EXPECT_THAT(lines_, IsEmpty());
  EXPECT_EQ(server_->requests().size(), 1u);
  workload().stream = false;
  options_.for_faults = true;
  settled();
  EXPECT_THAT(faults_, IsEmpty()) << "as it was asked for";
}

TEST_F(SettleUsage, AStreamThatNobodyAskedForIsAFaultToo) {
  serve([](const std::string&) { return answer(UsageReport::kAtEnd); });
  workload().stream = false;
  options_.for_faults = true;
  settled();
  EXPECT_THAT(faults_, ElementsAre(HasSubstr("take stream: false out of the workload")));
}

TEST_F(SettleUsage, AnErrorInAWholeAnswerIsLeftToTheLoad) {
  for (const char* const body : {R"({"error":{"message":"busy"}})", R"({"detail":"busy"})", "<html>", ""}) {
    serve([=](const std::string&) { return http_response("200 OK", body); });
    settled();
    EXPECT_THAT(faults_, IsEmpty()) << body;
  }
}

TEST_F(SettleUsage, ADescribedHostIsAskedInItsOwnWords) {
  DialectDescription dialect{.path = "/v1/embeddings", .answer_path = "/v1/embeddings"};
  dialect.request = R"({"model":"{model}","input":"{prompt}","most":"{output_tokens}","stream":"{stream}"})";
  dialect.stream = dialect.answer = {.tool_call = {"/data/0/embedding"}, .error = {"/error"}};
  plan_.targets[0].api = Api::kCustom;
  plan_.targets[0].dialect = dialect;
  workload().extra_body = R"({"min_tokens":4,"encoding_format":"float"})";
  options_.for_faults = true;
  serve([](const std::string&) { return http_response("200 OK", R"({"data":[{"embedding":[0.5]}]})"); });
  settled();
  EXPECT_THAT(faults_, ElementsAre(HasSubstr("set stream: false in the workload")));
  const std::string request = server_->requests().at(0);
  EXPECT_THAT(request, HasSubstr("POST /v1/embeddings "));
  EXPECT_THAT(request, HasSubstr(R"("most":16)"));
  EXPECT_THAT(request, HasSubstr(R"("stream":true)"));
  EXPECT_THAT(request, HasSubstr(R"("encoding_format":"float")"));
  EXPECT_THAT(request, Not(HasSubstr("min_tokens")));
  workload().stream = false;
  settled();
  EXPECT_THAT(faults_, IsEmpty());
  EXPECT_THAT(server_->requests().back(), HasSubstr(R"("stream":false)"));
  serve([](const std::string&) { return http_response("400 Bad", "{}"); });
  settled();
  EXPECT_THAT(faults_, IsEmpty()) << "the load finds out";
  EXPECT_THAT(lines_, IsEmpty());
}

TEST(RefusesMember, TellsANameFromAValue) {
  const auto refuses = [](int status, std::string body) {
    return refuses_member({.status = status, .body = std::move(body)}, "max_tokens", "max_completion_tokens");
  };
  EXPECT_TRUE(refuses(400, kOpenAisRefusal));
  EXPECT_TRUE(refuses(422, R"({"detail":"Unrecognized field: max_tokens"})"));
  EXPECT_TRUE(refuses(400, "json: unknown field \"max_tokens\""));
  EXPECT_FALSE(refuses(400, R"({"error":"max_tokens must be at least 16"})"));
  EXPECT_FALSE(refuses(400, R"({"error":"Use max_completion_tokens, which is not supported"})"));
  EXPECT_FALSE(refuses(500, kOpenAisRefusal)) << "that is no answer to what was asked";
  EXPECT_FALSE(refuses(400, ""));
}

}  // namespace
}  // namespace kneepoint::coordinator
