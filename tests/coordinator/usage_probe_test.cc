#include "coordinator/calibration/usage_probe.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "common/version.h"
#include "coordinator/calibration/settle_usage.h"
#include "support/scripted_server.h"

namespace kneepoint::coordinator {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr const char* kRunningOnly = "continuous_usage_stats";
constexpr const char* kAnyUsage = "stream_options";

/// A streamed answer of two words, which counts as it is told.
std::string answer(UsageReport report) {
  const std::string usage = R"(,"usage":{"completion_tokens":2,"prompt_tokens":7})";
  const std::string text = R"(data: {"choices":[{"delta":{"content":"one"}}])";
  std::string body = text + (report == UsageReport::kRunning ? usage : "") + "}\n\n";
  if (report != UsageReport::kNone) body += R"(data: {"choices":[])" + usage + "}\n\n";
  return http_response("200 OK", body + "data: [DONE]\n\n");
}

class SettleUsage : public testing::Test {
 protected:
  SettleUsage() {
    plan_.targets.push_back({.name = "host", .model = "m"});
    plan_.scenarios.push_back({.name = "chat"});
    options_.tell = [this](const std::string& line) { lines_.push_back(line); };
  }
  Workload& workload() { return plan_.scenarios[0].workload; }

  /// @param reply given the request.
  void serve(const std::function<std::string(const std::string&)>& reply) {
    server_ = std::make_unique<ScriptedServer>([=](ScriptedServer::Peer& peer, int) {
      for (std::string request; !(request = peer.read_request()).empty();) peer.send(reply(request));
    });
    plan_.targets[0].urls = {server_->url()};
  }
  /// 200 and running counts, but `status` for what contains `refused`.
  void serve_all_but(const std::string& refused, const std::string& status, const std::string& body) {
    serve([=](const std::string& request) {
      if (request.find(refused) != std::string::npos) return http_response(status, body);
      return answer(request.find(kAnyUsage) == std::string::npos ? UsageReport::kNone : UsageReport::kAtEnd);
    });
  }
  /// 200 and running counts, but `status` for a limit of the name `refused`.
  void serve_without_limit(const std::string& refused, const std::string& status, const std::string& body) {
    serve([=](const std::string& request) {
      const bool named = request.find('"' + refused + '"') != std::string::npos;
      return named ? http_response(status, body) : answer(UsageReport::kRunning);
    });
  }
  std::vector<UsageOption> settled() {
    auto cells = cells_of(plan_);
    faults_ = settle_usage(plan_, cells, options_);
    std::vector<UsageOption> usages;
    for (const Cell& cell : cells) usages.push_back(cell.usage);
    return usages;
  }

  Plan plan_;
  SettleUsageOptions options_;
  std::vector<std::string> lines_, faults_;
  std::unique_ptr<ScriptedServer> server_;
};

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

std::optional<UsageReport> usage_of(std::string_view body) {
  return read_signs(openai_answers(), body).usage;
}

TEST(AnswerSigns, TellWhereTokensOfAStreamComeFrom) {
  const std::string role = "data: {\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}]}\n\n";
  const std::string text = "data: {\"choices\":[{\"delta\":{\"content\":\"one\"}}]}\r\n\r\n";
  const std::string counted =
      "data: {\"choices\":[{\"delta\":{\"content\":\"one\"}}],\"usage\":{\"completion_tokens\":1}}\n\n";
  const std::string at_end = "data: {\"choices\":[],\"usage\":{\"completion_tokens\":1}}\n\ndata: [DONE]\n\n";
  EXPECT_EQ(usage_of(role + text), UsageReport::kNone);
  EXPECT_EQ(usage_of(role + text + at_end), UsageReport::kAtEnd);
  EXPECT_EQ(usage_of(role + counted + at_end), UsageReport::kRunning);
  EXPECT_EQ(usage_of("data: {\"choices\":[{\"text\":\"one\"}]}\n\n"), UsageReport::kNone);
  EXPECT_EQ(usage_of("data:{\"choices\":[{\"delta\":{\"reasoning_content\":\"hm\"}}]}"), UsageReport::kNone);
  EXPECT_EQ(
      usage_of("data: {\"choices\":[{\"delta\":{\"content\":[{\"type\":\"text\",\"text\":\"one\"}]}}]}"),
      UsageReport::kNone)
      << "parts, as Mistral writes them";
  EXPECT_EQ(read_signs(openai_answers(), role + text).form, AnswerForm::kStream);
}

TEST(AnswerSigns, WithoutTextThereIsNoAnswer) {
  const std::string role = "data: {\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}]}\n\n";
  for (const std::string& body : {std::string(), std::string("{\"error\":\"no\"}"), role,
                                  std::string("data: [1, 2\n\ndata: 3\n\n"), std::string("<html>")})
    EXPECT_FALSE(usage_of(body)) << body;
  const std::string text = "data: {\"choices\":[{\"delta\":{\"content\":\"one\"}}]}\n\n";
  EXPECT_FALSE(usage_of(text + "data: {\"error\":{\"message\":\"no\"}}\n\n"));
}

TEST(AnswerSigns, AWholeAnswerIsNoStream) {
  const auto form = [](std::string_view body) { return read_signs(openai_answers(), body).form; };
  EXPECT_EQ(form(R"({"choices":[{"message":{"content":"one"}}]})"), AnswerForm::kWhole);
  EXPECT_EQ(form("\n {\n \"choices\": [{\"text\": \"one\"}]\n}\n"), AnswerForm::kWhole) << "pretty-printed";
  EXPECT_EQ(form(R"({"choices":[{"message":{"content":null,"tool_calls":[{"id":"a"}]}}]})"),
            AnswerForm::kWhole);
  EXPECT_EQ(form(R"({"choices":[{"message":{"content":""},"finish_reason":"length"}]})"), AnswerForm::kWhole)
      << "its two tokens were reasoning that is not shown";
  for (const char* const other :
       {"", "{}", "[]", R"({"error":"no"})", R"({"choices":[]})", R"({"detail":"no"})", "<html>",
        R"({"choices":[{"message":{"content":"one"}}],"error":{"code":500}})"})
    EXPECT_EQ(form(other), AnswerForm::kUnknown) << other;
  EXPECT_EQ(usage_of(R"({"choices":[{"text":"one"}],"usage":{"completion_tokens":1}})"), UsageReport::kAtEnd);
}

TEST(AnswerSigns, ADescriptionsConditionsCount) {
  DialectDescription dialect;
  dialect.stream = {.text = {"/delta when /type=text.delta"},
                    .finish = {"/type=end"},
                    .error = {"/failed", "/ok=false"},
                    .completion_tokens = {"/n"}};
  dialect.answer = {.text = {"/text"}, .error = {"/failed"}};
  const auto signs = [&](std::string_view body) { return read_signs(dialect, body); };
  EXPECT_EQ(
      signs("data: {\"type\":\"text.delta\",\"delta\":\"a\"}\n\ndata: {\"type\":\"end\",\"n\":1}\n\n").usage,
      UsageReport::kAtEnd);
  EXPECT_FALSE(signs("data: {\"type\":\"other\",\"delta\":\"a\"}\n\n").usage);
  EXPECT_FALSE(signs("data: {\"type\":\"text.delta\",\"delta\":[1]}\n\n").usage) << "a text is a string";
  EXPECT_TRUE(signs("data: {\"ok\":false}\n\n").failed);
  EXPECT_FALSE(signs("data: {\"ok\":true,\"failed\":0}\n\n").failed) << "as docs/dialects.md has it";
  EXPECT_EQ(signs(R"({"text":"a"})").form, AnswerForm::kWhole);
  EXPECT_EQ(signs(R"({"delta":"a"})").form, AnswerForm::kUnknown);
  dialect.framing = DialectDescription::Framing::kJsonLines;
  EXPECT_EQ(signs("{\"type\":\"text.delta\",\"delta\":\"a\",\"n\":2}\n").usage, UsageReport::kRunning);
  EXPECT_EQ(signs("{\"text\":\"a\"}\n").form, AnswerForm::kStream) << "one line is a stream of one event";
  EXPECT_EQ(signs("{\n\"text\":\"a\"\n}\n").form, AnswerForm::kWhole);
}

}  // namespace
}  // namespace kneepoint::coordinator
