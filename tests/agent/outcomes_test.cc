#include <atomic>

#include "engine_fixture.h"

namespace kneepoint::agent {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class Outcomes : public EngineTest {
 protected:
  /// What one request against `script` comes to, in a run of its own.
  SeriesStats against(ScriptedServer::Script script) {
    controller_.reset();
    done_.clear();
    series_.clear();
    server_ = std::make_unique<ScriptedServer>(std::move(script));
    target().urls = {server_->url()};
    return run();
  }
  /// Plays `bytes` once and closes.
  static ScriptedServer::Script once(const std::string& bytes) {
    return [bytes](ScriptedServer::Peer& peer, int) {
      peer.read_request();
      peer.send(bytes);
    };
  }
  /// Plays `bytes` and waits for the client to end it.
  static ScriptedServer::Script hanging(const std::string& bytes) {
    return [bytes](ScriptedServer::Peer& peer, int) {
      peer.read_request();
      peer.send(bytes);
      peer.wait_for_close();
    };
  }

  std::unique_ptr<ScriptedServer> server_;
};

#define EXPECT_ONLY(stats, outcome)                                       \
  do {                                                                    \
    const SeriesStats result = (stats);                                   \
    EXPECT_EQ(count(result, outcome), 1u) << "of " << to_string(outcome); \
    EXPECT_EQ(result.ended(), 1u);                                        \
    EXPECT_EQ(result.started, 1u);                                        \
  } while (false)

TEST_F(Outcomes, AStreamedAnswer) {
  const SeriesStats stats = against(always(answer(5)));
  EXPECT_EQ(count(stats, Outcome::kSuccess), 1u);
  EXPECT_EQ(stats.chunks, 5u);
  EXPECT_EQ(stats.usage_tokens, 5u);
  EXPECT_EQ(stats.usage_chunks, 5u);
  EXPECT_EQ(stats.prompt_tokens, 7u);
  EXPECT_EQ(stats.ttft.count(), 1u);
  EXPECT_EQ(stats.icl.count(), 4u);
  EXPECT_EQ(stats.tpot.count(), 1u);
  EXPECT_EQ(stats.e2e.count(), 1u);
  EXPECT_EQ(generator_.connect.count(), 1u);
  EXPECT_EQ(generator_.unstamped_reads, 0u);
  EXPECT_GE(generator_.reads, 1u);
}

TEST_F(Outcomes, AnAbsurdUsageIsNone) {
  const std::string absurd =
      "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":18446744073709551615,"
      "\"completion_tokens\":18446744073709551615}}\n\n";
  const SeriesStats stats =
      against(always(kStreamHead + chunked(delta("a") + delta("b") + absurd + kDoneEvent) + kLastChunk));
  EXPECT_EQ(count(stats, Outcome::kSuccess), 1u);
  EXPECT_EQ(stats.usage_tokens, 0u);
  EXPECT_EQ(stats.prompt_tokens, 0u);
  EXPECT_EQ(stats.chunks_without_usage, 2u);
}

TEST_F(Outcomes, AnAnswerThatWasNotStreamed) {
  workload().stream = false;
  const SeriesStats stats = against(always(response(
      "200 OK",
      R"({"choices":[{"message":{"content":"Hi"}}],"usage":{"prompt_tokens":3,"completion_tokens":9}})")));
  EXPECT_EQ(count(stats, Outcome::kSuccess), 1u);
  EXPECT_EQ(stats.usage_tokens, 9u);
  EXPECT_EQ(stats.e2e.count(), 1u);
  EXPECT_TRUE(stats.ttft.empty());
}

TEST_F(Outcomes, ByteByByte) {
  const SeriesStats stats = against([](ScriptedServer::Peer& peer, int) {
    peer.read_request();
    for (const char c : answer(3)) peer.send(std::string_view(&c, 1));
    peer.wait_for_close();
  });
  EXPECT_EQ(count(stats, Outcome::kSuccess), 1u);
  EXPECT_EQ(stats.chunks, 3u);
}

TEST_F(Outcomes, CloseDelimitedHttp10) {
  const std::string head = "HTTP/1.0 200 OK\r\n\r\n";
  EXPECT_ONLY(against(once(head + delta("a") + delta("b") + kFinishEvent)), Outcome::kSuccess);
  EXPECT_ONLY(against(once(head + delta("a") + delta("b") + kDoneEvent)), Outcome::kSuccess);
  EXPECT_ONLY(against(once(head + delta("a") + "data: [DONE]\n")), Outcome::kSuccess);
}

TEST_F(Outcomes, ACloseThatEndsTheBodyBeforeAFinishReasonCutsTheAnswerOff) {
  const SeriesStats stats = against(once("HTTP/1.0 200 OK\r\n\r\n" + delta("a") + delta("b")));
  EXPECT_EQ(count(stats, Outcome::kStream), 1u);
  EXPECT_EQ(stats.chunks, 2u);
  EXPECT_TRUE(stats.e2e.empty());
  EXPECT_ONLY(against(once("HTTP/1.0 200 OK\r\n\r\n" + delta("a") + "data: {\"choi")), Outcome::kStream);
  EXPECT_ONLY(against(once("HTTP/1.0 200 OK\r\n\r\n" + delta("a") + "data: {\"choi\n")), Outcome::kStream);
  target().api = Api::kOpenAiCompletions;
  EXPECT_ONLY(against(once("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"
                           "data: {\"choices\":[{\"index\":0,\"text\":\"a\",\"finish_reason\":null}]}\n\n")),
              Outcome::kStream);
}

TEST_F(Outcomes, ADialectWithoutAFinishReasonMayEndWithTheClose) {
  target().api = Api::kVllmGenerate;
  EXPECT_ONLY(against(once("HTTP/1.0 200 OK\r\n\r\n{\"text\": [\"Hello a\"]}\n")), Outcome::kSuccess);
}

TEST_F(Outcomes, TheEndMarkerMayBeMissing) {
  EXPECT_ONLY(against(hanging(kStreamHead + chunked(delta("a") + kFinishEvent) + kLastChunk)),
              Outcome::kSuccess);
  EXPECT_ONLY(against(always(response("200 OK", delta("a") + kFinishEvent))), Outcome::kSuccess);
}

TEST_F(Outcomes, TheEndOfTheBodyMayBeMissingBehindTheEndMarker) {
  EXPECT_ONLY(against(once(kStreamHead + chunked(delta("a") + kDoneEvent))), Outcome::kSuccess);
}

TEST_F(Outcomes, ABodyThatStaysOpenBehindTheEndMarkerCostsTheConnectionAndAMoment) {
  target().idle_timeout = seconds(600);
  assignment_.records = true;
  server_ = std::make_unique<ScriptedServer>(hanging(kStreamHead + chunked(delta("a") + kDoneEvent)));
  target().urls = {server_->url()};
  const SeriesStats stats = run(2);
  EXPECT_EQ(count(stats, Outcome::kSuccess), 2u);
  EXPECT_EQ(server_->connections(), 2);
  ASSERT_EQ(rows_.size(), 2u);
  for (const RequestRow& row : rows_) {
    EXPECT_GE(row.ended - row.last.value(), milliseconds(250)) << "in flight until it is given up";
  }
}

TEST_F(Outcomes, Rejected429) {
  EXPECT_ONLY(against(always(response("429 Slow Down", "{}"))), Outcome::kRejected);
}
TEST_F(Outcomes, Rejected503) {
  EXPECT_ONLY(against(always(response("503 Full", "{}"))), Outcome::kRejected);
}
TEST_F(Outcomes, ARefusalIsOneHoweverItsBodyEnds) {
  const std::string head = "HTTP/1.1 503 Full\r\n";
  EXPECT_ONLY(against(once(head + "Content-Length: 9\r\n\r\nfu")), Outcome::kRejected);
  EXPECT_ONLY(against(once(head + "Transfer-Encoding: chunked\r\n\r\n4\r\nfu")), Outcome::kRejected);
  EXPECT_ONLY(against(hanging(head + "Transfer-Encoding: chunked\r\n\r\nzz\r\n")), Outcome::kRejected);
  EXPECT_ONLY(against(once("HTTP/1.1 404 Nope\r\nContent-Length: 9\r\n\r\n")), Outcome::kHttp4xx);
}
TEST_F(Outcomes, ARefusalWithoutTheEndOfItsHeadersIsNone) {
  EXPECT_ONLY(against(once("HTTP/1.1 503 Full\r\nContent-Le")), Outcome::kStream);
  EXPECT_ONLY(against(once("HTTP/1.1 100 Continue\r\n\r\n")), Outcome::kStream);
}
TEST_F(Outcomes, ARefusalThatComesBeforeTheBodyIsRead) {
  workload().classes = {{"all", {std::string(1 << 20, 'x')}, 1}};
  const auto unread = [](const std::string& status) -> ScriptedServer::Script {
    return [status](ScriptedServer::Peer& peer, int) {
      peer.send("HTTP/1.1 " + status + "\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno");
      peer.close();
    };
  };
  EXPECT_ONLY(against(unread("413 Too Large")), Outcome::kHttp4xx);
  EXPECT_ONLY(against(unread("401 Who")), Outcome::kHttp4xx);
  EXPECT_ONLY(against(unread("503 Full")), Outcome::kRejected);
  EXPECT_ONLY(against(unread("502 Bad Gateway")), Outcome::kHttp5xx);
}
TEST_F(Outcomes, Http4xx) {
  EXPECT_ONLY(against(always(response("404 Nope", "{}"))), Outcome::kHttp4xx);
}
TEST_F(Outcomes, ARedirectIsAWrongUrl) {
  EXPECT_ONLY(against(always(response("301 Moved", "", "Location: /x\r\n"))), Outcome::kHttp4xx);
}
TEST_F(Outcomes, Http5xx) {
  EXPECT_ONLY(against(always(response("500 Ouch", "no"))), Outcome::kHttp5xx);
}

TEST_F(Outcomes, NotHttp) {
  EXPECT_ONLY(against(hanging("220 smtp ready\r\n")), Outcome::kParse);
}
TEST_F(Outcomes, MalformedJson) {
  EXPECT_ONLY(against(hanging(kStreamHead + chunked("data: {\"choices\":[{\n\n"))), Outcome::kParse);
}
TEST_F(Outcomes, MalformedChunk) {
  EXPECT_ONLY(against(hanging(kStreamHead + "zz\r\n")), Outcome::kParse);
}
TEST_F(Outcomes, MalformedWholeAnswer) {
  workload().stream = false;
  EXPECT_ONLY(against(always(response("200 OK", "<html>"))), Outcome::kParse);
}

TEST_F(Outcomes, ClosedInsideTheStream) {
  const SeriesStats stats = against(once(kStreamHead + chunked(delta("a"))));
  EXPECT_EQ(count(stats, Outcome::kStream), 1u);
  EXPECT_EQ(stats.ttft.count(), 1u) << "the first token was measured all the same";
  EXPECT_TRUE(stats.e2e.empty());
}
TEST_F(Outcomes, ResetInsideTheStream) {
  Gate received;
  target().request_timeout = seconds(9);
  server_ = std::make_unique<ScriptedServer>([&](ScriptedServer::Peer& peer, int) {
    peer.read_request();
    peer.send(kStreamHead + chunked(delta("a")));
    received.wait();
    peer.reset();
  });
  target().urls = {server_->url()};
  start();
  controller_->apply({.epoch = 1, .concurrency = 1, .effective_at = elapsed(), .budget = 1});
  collect_until([&] { return gauges_.in_flight == 1; });
  received.open();
  wait_for_level(1);
  EXPECT_ONLY(collect_all(), Outcome::kStream);
}
TEST_F(Outcomes, ClosedBeforeTheResponse) {
  EXPECT_ONLY(against(once("")), Outcome::kStream);  // a fresh connection is not tried again
  EXPECT_EQ(server_->connections(), 1);
}
TEST_F(Outcomes, CutAfterEveryNumberOfBytes) {
  const std::string whole = answer(2);
  const std::size_t complete = whole.find("[DONE]\n\n") + 8;  // from here on the answer is there
  // Every other request is answered whole, so that no slot backs off for long.
  std::atomic<std::size_t> cut{1};
  server_ = std::make_unique<ScriptedServer>([&](ScriptedServer::Peer& peer, int) {
    for (std::string request; !(request = peer.read_request()).empty();) {
      const auto id_end = request.find("\r\n", request.find("X-Request-Id"));
      const bool whole_one = (request[id_end - 1] - '0') % 2 == 0;
      peer.send(whole_one ? whole : whole.substr(0, cut++));
      if (!whole_one) return;
    }
  });
  target().urls = {server_->url()};
  const std::uint64_t cuts = whole.size() - 1;
  constexpr std::uint32_t kSlots = 100;
  const std::uint64_t rounds = (cuts + kSlots - 1) / kSlots;  // of one whole and one cut request a slot
  const SeriesStats stats = run(2 * rounds * kSlots, kSlots);
  const std::uint64_t cut_requests = rounds * kSlots;
  EXPECT_EQ(cut, cut_requests + 1);
  EXPECT_EQ(count(stats, Outcome::kStream), complete - 1);
  EXPECT_EQ(stats.completed(), 2 * cut_requests - (complete - 1));
}

TEST_F(Outcomes, Refused) {
  std::string url;
  {
    const ScriptedServer gone([](ScriptedServer::Peer&, int) {});
    url = gone.url();
  }
  target().urls = {url};
  EXPECT_ONLY(run(), Outcome::kConnect);
}

TEST_F(Outcomes, NoSuchHost) {
  // A label of more than 63 characters is no name, whatever the resolver is.
  target().urls = {"http://" + std::string(70, 'x') + ".invalid:80"};
  EXPECT_ONLY(run(), Outcome::kDns);
}

TEST_F(Outcomes, RequestTimeout) {
  target().request_timeout = milliseconds(80);
  EXPECT_ONLY(against(hanging("")), Outcome::kTimeout);
}
TEST_F(Outcomes, ATimeoutInsideARefusalHappensWhenItPasses) {
  target().request_timeout = milliseconds(80);
  assignment_.records = true;
  EXPECT_ONLY(against(hanging("HTTP/1.1 500 Ouch\r\nContent-Length: 9\r\n\r\nx")), Outcome::kTimeout);
  ASSERT_EQ(rows_.size(), 1u);
  EXPECT_GE(rows_[0].ended - rows_[0].sent, milliseconds(80));
}
TEST_F(Outcomes, RequestTimeoutInsideAnEndlessStream) {
  target().request_timeout = milliseconds(80);
  const SeriesStats stats = against([](ScriptedServer::Peer& peer, int) {
    peer.read_request();
    peer.send(kStreamHead);
    for (int i = 0; i < 1'000; ++i) peer.send(chunked(delta("t")));
    peer.wait_for_close();
  });
  EXPECT_EQ(count(stats, Outcome::kTimeout), 1u);
  EXPECT_EQ(stats.chunks, 1'000u);
}
TEST_F(Outcomes, IdleTimeout) {
  target().idle_timeout = milliseconds(80);
  EXPECT_ONLY(against(hanging(kStreamHead + chunked(delta("a")))), Outcome::kTimeout);
}
TEST_F(Outcomes, WaitingForTheFirstTokenIsNotIdle) {
  target().idle_timeout = milliseconds(50);
  target().request_timeout = milliseconds(200);
  const SeriesStats stats = against(hanging(kStreamHead + chunked(kRoleEvent)));
  EXPECT_EQ(count(stats, Outcome::kTimeout), 1u);
  EXPECT_GT(stats.in_flight, 0.19) << "the request timeout ended it, not the idle one";
  EXPECT_EQ(stats.censored, 1u);
}

TEST_F(Outcomes, Cancelled) {
  server_ = std::make_unique<ScriptedServer>(hanging(kStreamHead + chunked(delta("a"))));
  target().urls = {server_->url()};
  start();
  controller_->apply({.epoch = 1, .concurrency = 2, .effective_at = elapsed()});
  collect_until([&] { return gauges_.in_flight == 2; });
  EXPECT_FALSE(controller_->idle());
  controller_->drain(Nanos(0));
  collect_until([&] { return controller_->idle(); });
  const SeriesStats stats = collect_all();
  EXPECT_EQ(count(stats, Outcome::kCancelled), 2u);
  EXPECT_EQ(stats.failed(), 0u);
}

TEST_F(Outcomes, VllmGenerateLines) {
  target().api = Api::kVllmGenerate;
  const SeriesStats stats = against(always(kStreamHead + chunked("{\"text\": [\"Hello a\"]}\n") +
                                           chunked("{\"text\": [\"Hello a b\"]}\n") + kLastChunk));
  EXPECT_EQ(count(stats, Outcome::kSuccess), 1u);
  EXPECT_EQ(stats.chunks, 2u);
  EXPECT_EQ(stats.chunks_without_usage, 2u);
}

}  // namespace
}  // namespace kneepoint::agent
