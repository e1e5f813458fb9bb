// An ending is not an answer: every way in which a response can end in order, and what it is counted as.
#include <string>

#include "engine_fixture.h"

namespace kneepoint::agent {
namespace {

class Endings : public EngineTest {
 protected:
  SeriesStats against(const std::string& bytes) {
    controller_.reset();
    done_.clear();
    series_.clear();
    server_ = std::make_unique<ScriptedServer>(always(bytes));
    complete_through_ = -1;
    // A second is handed over once it has ended: the one that holds the request ends soon.
    assignment_.zero = mono_now() - std::chrono::milliseconds(900);
    target().urls = {server_->url()};
    return run();
  }
  /// What a stream of these bytes comes to, in a body that ends in order.
  std::string streamed(const std::string& body) {
    workload().stream = true;
    return outcome_of(against(kStreamHead + (body.empty() ? "" : chunked(body)) + kLastChunk));
  }
  /// The same of an answer that was not to be streamed.
  std::string whole(const std::string& body) {
    workload().stream = false;
    return outcome_of(against(response("200 OK", body)));
  }
  static std::string outcome_of(const SeriesStats& stats) {
    EXPECT_EQ(stats.ended(), 1u);
    for (const Outcome outcome : kOutcomes) {
      if (count(stats, outcome) > 0) return std::string(to_string(outcome));
    }
    return "none";
  }

  std::unique_ptr<ScriptedServer> server_;
};

std::string event_line(const std::string& json) {
  return "data: " + json + "\n\n";
}
std::string finish(const std::string& reason) {
  return event_line(R"({"choices":[{"index":0,"delta":{},"finish_reason":)" + reason + "}]}");
}

TEST_F(Endings, AnEndWithoutContentIsEmpty) {
  EXPECT_EQ(streamed(kDoneEvent), "empty");
  EXPECT_EQ(streamed(kRoleEvent + kDoneEvent), "empty");
  EXPECT_EQ(streamed(kRoleEvent + kFinishEvent), "empty");
  EXPECT_EQ(streamed(kFinishEvent + kDoneEvent), "empty");
  EXPECT_EQ(streamed(finish("\"content_filter\"") + kDoneEvent), "empty");
  EXPECT_EQ(streamed(event_line(R"({"id":"1","choices":[]})") + kDoneEvent), "empty");
  EXPECT_EQ(streamed(event_line(R"({"id":"1","object":"chat.completion.chunk"})") + kDoneEvent), "empty");
  EXPECT_EQ(streamed(kFinishEvent + usage_event(1) + kDoneEvent), "empty")
      << "the token that ends it has no text";
  EXPECT_EQ(streamed(": keep-alive\n\n" + kDoneEvent), "empty");
  EXPECT_EQ(streamed(""), "empty");
}

TEST_F(Endings, AnEmptyAnswerIsNoFastSuccess) {
  assignment_.cells[0].slo.push_back({.metric = SloMetric::kE2e, .limit = std::chrono::seconds(9)});
  const SeriesStats stats = against(kStreamHead + chunked(kFinishEvent + kDoneEvent) + kLastChunk);
  EXPECT_EQ(stats.completed(), 0u);
  EXPECT_EQ(stats.failed(), 1u);
  EXPECT_EQ(stats.joint_good, 0u);
  EXPECT_EQ(stats.slo.at(0).missed, 1u);
  EXPECT_TRUE(stats.e2e.empty());
}

TEST_F(Endings, AnAnswerWithoutContentIsEmptyWhereItIsNotStreamed) {
  EXPECT_EQ(whole(R"({"choices":[]})"), "empty");
  EXPECT_EQ(whole(R"({"choices":null,"usage":null})"), "empty");
  EXPECT_EQ(whole(R"({"id":"1","object":"chat.completion","model":"m"})"), "empty");
  EXPECT_EQ(whole(R"({"choices":[{"message":{"role":"assistant","content":null},"finish_reason":"stop"}]})"),
            "empty");
  EXPECT_EQ(whole(R"({"choices":[{"message":{"content":"","tool_calls":[]},"finish_reason":"length"}]})"),
            "empty");
  EXPECT_EQ(whole(R"({"choices":[{"message":{"content":"Hi"}}]})"), "success");
}

TEST_F(Endings, TokensThatWereCountedAndNotSeenAreUnread) {
  const std::string odd = event_line(R"({"choices":[{"index":0,"delta":{"output_fragment":"a"}}]})");
  EXPECT_EQ(streamed(odd + odd + kFinishEvent + usage_event(2) + kDoneEvent), "unread");
  EXPECT_EQ(whole(R"({"choices":[{"output":"a"}],"usage":{"completion_tokens":9}})"), "unread");
  EXPECT_EQ(whole(R"({"choices":[],"usage":{"completion_tokens":9}})"), "unread");
  EXPECT_EQ(whole(R"({"choices":[],"usage":{"completion_tokens":0}})"), "empty");
  const SeriesStats stats =
      against(kStreamHead + chunked(odd + kFinishEvent + usage_event(64) + kDoneEvent) + kLastChunk);
  EXPECT_EQ(stats.usage_tokens, 0u) << "they say nothing about the tokens of the chunks of others";
}

TEST_F(Endings, ABodyThatEndsInOrderWithoutTheAnswersEndIsTruncated) {
  EXPECT_EQ(streamed(kRoleEvent), "truncated");
  EXPECT_EQ(streamed(kRoleEvent + delta("a")), "truncated");
  EXPECT_EQ(streamed(delta("a") + delta("b") + usage_event(2)), "truncated");
  EXPECT_EQ(streamed(delta("a") + finish("null")), "truncated");
  EXPECT_EQ(streamed(delta("a") + finish("\"\"")), "truncated");
  EXPECT_EQ(streamed(delta("a") + finish("\"null\"")), "truncated");
  EXPECT_EQ(streamed(delta("a") + "event: done\n\n"), "truncated");
  EXPECT_EQ(streamed(delta("a") + kFinishEvent), "success");
  EXPECT_EQ(streamed(delta("a") + kDoneEvent), "success");
  EXPECT_EQ(streamed(delta("a") + "data: [DONE]"), "success") << "without the end of its line";
  EXPECT_EQ(streamed(delta("a") + "data: [done] \r\n\r\n"), "success");
  target().api = Api::kOpenAiCompletions;
  const std::string text = event_line(R"({"choices":[{"index":0,"text":"a","finish_reason":null}]})");
  EXPECT_EQ(streamed(text), "truncated");
  EXPECT_EQ(streamed(text + kDoneEvent), "success");
}

TEST_F(Endings, AFinishReasonThatIsAFailureIsNoEnd) {
  for (const char* reason : {"abort", "error", "aborted", "network_error", "cancelled", "ERROR_LIMIT",
                             "failed", "insufficient_system_resource", "TIMED_OUT"}) {
    EXPECT_EQ(streamed(delta("a") + finish('"' + std::string(reason) + '"') + kDoneEvent), "aborted")
        << reason;
  }
  EXPECT_EQ(streamed(delta("a") + finish(R"({"type":"abort","message":"x"})") + kDoneEvent), "aborted");
  EXPECT_EQ(streamed(finish("\"abort\"") + usage_event(0) + kDoneEvent), "aborted");
  EXPECT_EQ(whole(R"({"choices":[{"message":{"content":"a"},"finish_reason":"abort"}]})"), "aborted");
  for (const char* reason : {"stop", "length", "tool_calls", "content_filter", "eos_token", "end_turn"}) {
    EXPECT_EQ(streamed(delta("a") + finish('"' + std::string(reason) + '"') + kDoneEvent), "success")
        << reason;
  }
  EXPECT_EQ(streamed(delta("a") + finish(R"({"type":"stop","matched":2})")), "success");
}

TEST_F(Endings, AFailureAtStatus200InsideAStream) {
  const std::vector<std::string> failures = {
      "error: {\"code\":400,\"message\":\"too long\"}\n\n",
      event_line(R"({"error":{"message":"x","code":500}})"),
      event_line(R"({"error":"x"})"),
      event_line(R"({"object":"error","message":"x"})"),
      event_line(R"({"type":"error","message":"x"})"),
      event_line(R"({"detail":"x"})"),
      event_line(R"({"code":1305,"message":"busy"})"),
      event_line(R"({"success":false,"msg":"no"})"),
      event_line(R"({"base_resp":{"status_code":1002,"status_msg":"limit"},"choices":null})"),
      event_line(R"({"choices":[{"delta":{},"error":{"code":502},"finish_reason":"error"}]})"),
      "event: error\ndata: oops\n\n",
      "event: error\n\n",
      "event:error\ndata: {}\n",
      "{\"error\":{\"message\":\"x\"}}\n",
  };
  for (const std::string& failure : failures) {
    EXPECT_EQ(streamed(failure + kDoneEvent), "error_at_200") << failure;
    EXPECT_EQ(streamed(delta("a") + failure + kDoneEvent), "error_at_200") << failure;
    EXPECT_EQ(streamed(delta("a") + failure), "error_at_200") << failure;
  }
}

TEST_F(Endings, WhatIsNoFailureAlthoughItLooksLikeOne) {
  for (const char* harmless :
       {R"({"error":null,"choices":[]})", R"({"error":"","code":0})", R"({"error":{}})",
        R"({"code":0,"message":"Success"})", R"({"status":"queued","message":"3rd"})", R"({"type":"ping"})",
        R"({"code":200,"message":"ok","success":true})", R"({"message":"loading"})"}) {
    EXPECT_EQ(streamed(event_line(harmless) + delta("a") + kFinishEvent + kDoneEvent), "success") << harmless;
  }
  const std::string beside = R"({"code":10001,"message":"x","choices":[{"delta":{"content":"a"}}]})";
  EXPECT_EQ(streamed(event_line(beside) + kDoneEvent), "success") << "an answer stands beside it";
}

TEST_F(Endings, ADocumentInPlaceOfAStream) {
  EXPECT_EQ(streamed(R"({"detail":"Not Found"})"), "error_at_200");
  EXPECT_EQ(streamed("\r\n{\n  \"error\": {\n    \"message\": \"x\"\n  }\n}\n"), "error_at_200");
  EXPECT_EQ(streamed(R"({"message":"no Route matched with those values"})"), "error_at_200");
  EXPECT_EQ(streamed(R"({"code":"InvalidParameter","message":"x","request_id":"1"})"), "error_at_200");
  EXPECT_EQ(streamed("<html><body>Sign in</body></html>"), "parse");
  EXPECT_EQ(streamed("{\"message\":{\"role\":\"assistant\",\"content\":\"a\"},\"done\":false}\n"), "parse")
      << "an answer in another dialect";
  EXPECT_EQ(streamed(R"({"choices":[{"message":{"content":"Hi"},"finish_reason":"stop"}]})"), "parse")
      << "when its tokens came cannot be told";
  workload().stream = true;
  EXPECT_EQ(outcome_of(against(response("200 OK", R"({"error":"x"})"))), "error_at_200");
}

TEST_F(Endings, AFailureAtStatus200WhereNoStreamWasAskedFor) {
  for (const char* failure :
       {R"({"error":{"message":"x"}})", R"({"object":"error","message":"x"})", R"({"detail":[{"msg":"x"}]})",
        R"({"code":50603,"message":"busy","data":null})", R"({"message":"Forbidden"})",
        R"({"success":false})", R"({"errors":[{"code":7}],"result":null})", "error: {\"code\":400}\n\n",
        "event: error\ndata: {}\n\n"}) {
    EXPECT_EQ(whole(failure), "error_at_200") << failure;
  }
  EXPECT_EQ(whole(delta("a") + kDoneEvent), "parse") << "a stream that nobody asked for";
}

TEST_F(Endings, BehindTheEndMarkerComesUsageAndNothingElse) {
  const SeriesStats stats = against(kStreamHead +
                                    chunked(delta("a") + kFinishEvent + kDoneEvent + kDoneEvent + delta("b") +
                                            usage_event(1) + kDoneEvent) +
                                    kLastChunk);
  EXPECT_EQ(outcome_of(stats), "success");
  EXPECT_EQ(stats.chunks, 1u);
  EXPECT_EQ(stats.usage_tokens, 1u);
  EXPECT_EQ(streamed(kDoneEvent + delta("a") + kFinishEvent), "empty") << "it had ended before";
}

TEST_F(Endings, MixedEndingsAreAsBadAsTheWorst) {
  EXPECT_EQ(streamed(delta("a") + kFinishEvent + finish("\"abort\"") + kDoneEvent), "aborted");
  EXPECT_EQ(streamed(delta("a") + kFinishEvent + event_line(R"({"error":"x"})") + kDoneEvent),
            "error_at_200");
  EXPECT_EQ(streamed(delta("a") + kDoneEvent + event_line(R"({"error":"x"})")), "error_at_200");
}

TEST_F(Endings, ACallOfNothingIsNoContent) {
  const auto call = [](const std::string& item) {
    return event_line(R"({"choices":[{"index":0,"delta":{"tool_calls":[)" + item + "]}}]}");
  };
  EXPECT_EQ(streamed(call(R"({"index":0,"type":"function","function":{"arguments":""}})") +
                     finish("\"tool_calls\"") + kDoneEvent),
            "empty");
  EXPECT_EQ(streamed(call(R"({"index":0,"id":"c","function":{"name":"f","arguments":""}})") +
                     finish("\"tool_calls\"") + kDoneEvent),
            "success");
}

TEST_F(Endings, HeartbeatsAreNoPartOfAnAnswer) {
  const std::string beats =
      "data:\n\ndata: \n\n: OPENROUTER PROCESSING\n\nevent: ping\ndata: {\"type\": \"ping\"}\n\n"
      "event: ping\ndata: 2026-01-01 12:00\n\nevent: heartbeat\ndata:\n\ndata: ping\n\ndata: [HEARTBEAT]\n\n"
      "data: keep-alive\n\nid: 3\nretry: 100\n\nevent: keepalive\n\n";
  const SeriesStats stats = against(kStreamHead + chunked(beats + delta("a") + beats + delta("b") + beats) +
                                    chunked(kFinishEvent + beats + kDoneEvent + beats) + kLastChunk);
  EXPECT_EQ(outcome_of(stats), "success");
  EXPECT_EQ(stats.chunks, 2u);
  EXPECT_EQ(streamed(beats), "empty");
  EXPECT_EQ(streamed(delta("a") + "data: nonsense\n\n" + kDoneEvent), "parse");
}

TEST_F(Endings, FoldedHeadersAndInterimResponses) {
  const std::string body = chunked(delta("a") + kFinishEvent + kDoneEvent) + kLastChunk;
  EXPECT_EQ(outcome_of(against(
                "HTTP/1.1 200 OK\r\nX-Trace: a,\r\n b\r\nTransfer-Encoding:\r\n\tchunked\r\n\r\n" + body)),
            "success");
  EXPECT_EQ(outcome_of(against("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n"
                               "HTTP/1.1 103 Early Hints\r\nLink: <a>;\r\n rel=preload\r\n\r\n" +
                               kStreamHead + body)),
            "success");
}

TEST_F(Endings, ADescribedDialectIsHeldToTheSameRule) {
  DialectDescription dialect;
  dialect.path = dialect.answer_path = "/go";
  dialect.request = R"({"prompt":"{prompt}"})";
  dialect.stream.text = {"/text"};
  dialect.stream.finish = {"/end", "/type=message_stop"};
  dialect.stream.error = {"/status=failed"};
  dialect.stream.completion_tokens = {"/out"};
  dialect.answer = dialect.stream;
  target().api = Api::kCustom;
  target().dialect = dialect;
  const std::string text = event_line(R"({"text":"a"})");
  EXPECT_EQ(streamed(text + event_line(R"({"end":"length"})")), "success");
  EXPECT_EQ(streamed(text + event_line(R"({"type":"message_stop"})")), "success");
  EXPECT_EQ(streamed(text + event_line(R"({"type":"message_start"})")), "truncated");
  EXPECT_EQ(streamed(event_line(R"({"end":"length"})")), "empty");
  EXPECT_EQ(streamed(event_line(R"({"end":"stop","out":7})")), "unread");
  EXPECT_EQ(streamed(text + event_line(R"({"end":"error"})")), "aborted");
  EXPECT_EQ(streamed(text + event_line(R"({"status":"failed","end":true})")), "error_at_200");
  EXPECT_EQ(streamed(text + event_line(R"({"error":"not named in the description"})")), "error_at_200");
  EXPECT_EQ(whole(R"({"text":""})"), "empty");
  EXPECT_EQ(whole(R"({"text":"a"})"), "success");
  target().dialect->stream.finish.clear();
  EXPECT_EQ(streamed(text), "success") << "its description names no end";
  EXPECT_EQ(streamed(event_line(R"({"other":1})")), "empty");
}

TEST_F(Endings, VllmGenerate) {
  target().api = Api::kVllmGenerate;
  EXPECT_EQ(streamed("{\"text\":[\"Hello\"]}\n"), "empty") << "the prompt's echo is no answer";
  EXPECT_EQ(streamed("{\"text\":[\"Hello a\"]}\n"), "success");
  EXPECT_EQ(streamed("{\"text\":[\"Hello a\"]}\n{\"error\":\"x\"}\n"), "error_at_200");
  EXPECT_EQ(whole("{\"text\":[\"Hello\"]}"), "empty");
  EXPECT_EQ(whole("{\"text\":[\"Hello a\"]}"), "success");
}

}  // namespace
}  // namespace kneepoint::agent
