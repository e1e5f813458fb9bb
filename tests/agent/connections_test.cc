#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>

#include "agent/load/run_setup.h"
#include "agent/net/tcp_counts.h"
#include "common/version.h"
#include "engine_fixture.h"

namespace kneepoint::agent {
namespace {

using std::chrono::seconds;
using ::testing::HasSubstr;

class Connections : public EngineTest {
 protected:
  void serve(ScriptedServer::Script script) {
    server_ = std::make_unique<ScriptedServer>(std::move(script));
    target().urls = {server_->url()};
  }
  std::unique_ptr<ScriptedServer> server_;
};

TEST_F(Connections, AreKeptAlive) {
  serve(always(answer(2)));
  const SeriesStats stats = run(10);
  EXPECT_EQ(stats.completed(), 10u);
  EXPECT_EQ(stats.reconnects, 0u);
  EXPECT_EQ(server_->connections(), 1);
  EXPECT_EQ(generator_.connect.count(), 1u);
}

/// Whether this kernel counts segments, as a plain socket sees it.
bool kernel_counts_segments() {
  ScriptedServer server([](ScriptedServer::Peer& peer, int) { peer.wait_for_close(); });
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(server.port()));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const bool counted = ::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0 &&
                       ::send(fd, "x", 1, MSG_NOSIGNAL) == 1 && tcp_counts(fd).sent > 0;
  ::close(fd);
  return counted;
}

TEST_F(Connections, SegmentsAreThoseOfTheRequestsThatEnded) {
  if (!kernel_counts_segments()) GTEST_SKIP() << "this kernel does not count them";
  for (const char* headers : {"", "Connection: close\r\n"}) {
    controller_.reset();
    done_.clear();
    series_.clear();
    serve(always(response("200 OK", delta("a") + kDoneEvent, headers)));
    const SegmentCounts segments = run(10).segments;
    // A request and an answer fit into a segment each.
    EXPECT_GE(segments.sent, 10u);
    EXPECT_LE(segments.sent, 20u) << "each is counted once";
    EXPECT_GE(segments.received, 10u);
    EXPECT_LE(segments.received, 20u);
    EXPECT_EQ(segments.retransmitted, 0u) << "over loopback";
  }
}

TEST_F(Connections, AreKeptAfterAnHttpError) {
  serve([](ScriptedServer::Peer& peer, int) {
    peer.read_request();
    peer.send(response("500 Ouch", "no"));
    while (!peer.read_request().empty()) peer.send(answer(1));
  });
  const SeriesStats stats = run(2);
  EXPECT_EQ(stats.completed(), 1u);
  EXPECT_EQ(count(stats, Outcome::kHttp5xx), 1u);
  EXPECT_EQ(server_->connections(), 1);
  EXPECT_GT(stats.backing_off, 0.07);
  EXPECT_EQ(gauges_.backing_off, 0u) << "the next request ends it";
}

TEST_F(Connections, AreOpenedAgainWhenTheHostSaysClose) {
  serve(always(response("200 OK", delta("a") + kDoneEvent, "Connection: close\r\n")));
  const SeriesStats stats = run(3);
  EXPECT_EQ(stats.completed(), 3u);
  EXPECT_EQ(stats.reconnects, 0u) << "asked for by the host";
  EXPECT_EQ(server_->connections(), 3);
}

TEST_F(Connections, AKeptAliveConnectionThatTheHostDropsIsReopenedOnce) {
  // Answers one request, takes the next and closes without a byte.
  serve([](ScriptedServer::Peer& peer, int) {
    peer.read_request();
    peer.send(answer(1));
    peer.read_request();
  });
  const SeriesStats stats = run(3);
  EXPECT_EQ(stats.completed(), 3u);
  EXPECT_EQ(stats.started, 3u);
  EXPECT_EQ(stats.failed(), 0u);
  EXPECT_EQ(stats.reconnects, 2u);
  EXPECT_EQ(server_->connections(), 3);
}

TEST_F(Connections, AnIdleConnectionThatTheHostClosesIsReopened) {
  Gate closed;
  serve([&](ScriptedServer::Peer& peer, int connection) {
    if (connection == 0) {
      peer.close();  // as soon as it was opened ahead
      closed.open();
      return;
    }
    while (!peer.read_request().empty()) peer.send(answer(1));
  });
  start();
  controller_->apply({.epoch = 1,
                      .concurrency = 1,
                      .effective_at = elapsed() + std::chrono::milliseconds(300),
                      .budget = 1});
  ASSERT_TRUE(closed.wait());
  wait_for_level(1);
  const SeriesStats stats = collect_all();
  EXPECT_EQ(stats.completed(), 1u);
  EXPECT_EQ(stats.reconnects, 1u);
}

TEST_F(Connections, TwiceDroppedIsAnError) {
  serve([](ScriptedServer::Peer& peer, int connection) {
    peer.read_request();
    if (connection == 0) {
      peer.send(answer(1));
      peer.read_request();
    }
  });
  const SeriesStats stats = run(2);
  EXPECT_EQ(stats.completed(), 1u);
  EXPECT_EQ(count(stats, Outcome::kStream), 1u);
  EXPECT_EQ(stats.reconnects, 1u);
}

TEST_F(Connections, AreOpenedAheadAndConnectingIsNeverInTtft) {
  serve(always(answer(1)));
  start();
  const Nanos effective = elapsed() + std::chrono::milliseconds(300);
  controller_->apply({.epoch = 1, .concurrency = 4, .effective_at = effective, .budget = 4});
  wait_for_level(1);
  const SeriesStats stats = collect_all();
  EXPECT_EQ(stats.completed(), 4u);
  EXPECT_EQ(generator_.connect.count(), 4u);
  EXPECT_EQ(generator_.send_lag.count(), 4u);
}

TEST_F(Connections, RequestsCarryTheirHeadersAndBody) {
  serve(always(answer(1)));
  target().urls = {server_->url() + "/base/v1/"};
  target().headers = {{"X-Team", "ml"}};
  workload().output_tokens = 8;
  start(1, "sesame");
  run();
  const auto requests = server_->requests();
  ASSERT_EQ(requests.size(), 1u);
  EXPECT_THAT(requests[0], HasSubstr("POST /base/v1/chat/completions HTTP/1.1\r\n"));
  EXPECT_THAT(requests[0], HasSubstr("\r\nHost: 127.0.0.1:"));
  EXPECT_THAT(requests[0],
              HasSubstr("\r\nUser-Agent: kneepoint/" + std::string(version()) + " run/test\r\n"));
  EXPECT_THAT(requests[0], HasSubstr("\r\nAuthorization: Bearer sesame\r\n"));
  EXPECT_THAT(requests[0], HasSubstr("\r\nX-Team: ml\r\n"));
  EXPECT_THAT(requests[0], HasSubstr("\r\nX-Request-Id: test-0-1-0-0\r\n"));
  EXPECT_THAT(requests[0], HasSubstr(R"("max_tokens":8)"));
  EXPECT_THAT(requests[0], HasSubstr(R"("continuous_usage_stats":true)"));
}

TEST_F(Connections, AClassAsksItsOwnModelWithItsOwnHeaders) {
  serve(always(answer(1)));
  target().headers = {{"X-Team", "ml"}, {"X-Tenant", "free"}};
  workload().extra_body = R"({"priority":5,"seed":7})";
  workload().classes.push_back({.name = "gold",
                                .prompts = {"Hi"},
                                .model = "adapter-1",
                                .headers = {{"x-tenant", "gold"}},
                                .extra_body = R"({"priority":1})"});
  run(2);
  const auto requests = server_->requests();
  ASSERT_EQ(requests.size(), 2u);
  EXPECT_THAT(requests[0], HasSubstr("\r\nX-Tenant: free\r\n"));
  EXPECT_THAT(requests[0], HasSubstr(R"("model":"m")"));
  EXPECT_THAT(requests[0], HasSubstr(R"("priority":5)"));
  EXPECT_THAT(requests[1], HasSubstr("\r\nx-tenant: gold\r\n"));
  EXPECT_THAT(requests[1], HasSubstr("\r\nX-Team: ml\r\n"));
  EXPECT_THAT(requests[1], Not(HasSubstr("free"))) << "letter case makes no difference";
  EXPECT_THAT(requests[1], HasSubstr(R"("model":"adapter-1")"));
  EXPECT_THAT(requests[1], HasSubstr(R"("priority":1,"seed":7)"));
  EXPECT_THAT(requests[1], Not(HasSubstr(R"("priority":5)")));
}

std::vector<std::string> values_of(const std::vector<std::string>& requests, const std::string& header) {
  std::vector<std::string> values;
  for (const std::string& request : requests) {
    const std::size_t at = request.find("\r\n" + header + ": ");
    if (at == request.npos) {
      values.emplace_back();
      continue;
    }
    const std::size_t begin = at + header.size() + 4;
    values.push_back(request.substr(begin, request.find("\r\n", begin) - begin));
  }
  return values;
}

TEST_F(Connections, KeysGoInTheHeaderThatTheTargetWantsAndAreDealtToSessions) {
  serve(always(answer(1)));
  target().auth_header = "x-api-key";
  target().auth_scheme.clear();
  controller_ = std::make_unique<RunController>(
      assignment_, std::vector<Keys>{{"one", "two"}},
      RunController::Options{.threads = 1, .on_level_done = [this](LevelDone done) {
                               const std::lock_guard lock(mutex_);
                               done_.push_back(done);
                               changed_.notify_all();
                             }});
  run(8, 4);
  const auto requests = server_->requests();
  ASSERT_EQ(requests.size(), 8u);
  const auto keys = values_of(requests, "x-api-key");
  EXPECT_EQ(std::count(keys.begin(), keys.end(), "one"), 4);
  EXPECT_EQ(std::count(keys.begin(), keys.end(), "two"), 4);
  EXPECT_THAT(requests[0], Not(HasSubstr("Authorization")));
}

TEST_F(Connections, AConversationKeepsItsSession) {
  serve(always(answer(1)));
  target().session_header = "X-Session-Id";
  workload().classes = {{.name = "made"}};
  workload().synthetic = Synthetic{.input_tokens = 4};
  workload().conversation = Conversation{.turns = 2};
  run(4);
  const auto sessions = values_of(server_->requests(), "X-Session-Id");
  ASSERT_EQ(sessions.size(), 4u);
  EXPECT_EQ(sessions[0].size(), 16u);
  EXPECT_EQ(sessions[0], sessions[1]);
  EXPECT_NE(sessions[1], sessions[2]);
  EXPECT_EQ(sessions[2], sessions[3]);
}

TEST_F(Connections, ASessionThatTheHostNamesIsEchoed) {
  serve([](ScriptedServer::Peer& peer, int) {
    int served = 0;
    for (std::string request; !(request = peer.read_request()).empty();) {
      std::string reply = answer(1);
      const std::string line = "x-gateway-session: s" + std::to_string(served++ / 2) + "\r\n";
      peer.send(reply.insert(reply.find("\r\n") + 2, served % 2 == 1 ? line : ""));
    }
  });
  target().session_header = "X-Gateway-Session";
  target().session_from_server = true;
  workload().classes = {{.name = "made"}};
  workload().synthetic = Synthetic{.input_tokens = 4};
  workload().conversation = Conversation{.turns = 2};
  run(4);
  EXPECT_THAT(values_of(server_->requests(), "X-Gateway-Session"), testing::ElementsAre("", "s0", "", "s1"));
}

TEST_F(Connections, AHostThatRefusesUsageOptionsIsAskedForLess) {
  serve([](ScriptedServer::Peer& peer, int) {
    for (std::string request; !(request = peer.read_request()).empty();) {
      const bool refused = request.find("stream_options") != std::string::npos;
      peer.send(refused ? response("400 Bad", R"({"error":"unknown field stream_options"})") : answer(1));
    }
  });
  const SeriesStats stats = run(4);
  EXPECT_EQ(stats.completed(), 4u) << "what the host does not know is not the request's failure";
  EXPECT_EQ(stats.started, 4u);
  EXPECT_EQ(server_->requests().size(), 6u)
      << "with running usage, with final usage, then four times without";
  EXPECT_EQ(server_->connections(), 1);
}

TEST_F(Connections, TheFirstRequestAsksForTheUsageThatIsAssigned) {
  serve(always(answer(1)));
  assignment_.cells[0].usage = UsageOption::kFinal;
  run(2);
  for (const std::string& request : server_->requests()) {
    EXPECT_THAT(request, HasSubstr(R"("stream_options":{"include_usage":true}})"));
  }
}

TEST_F(Connections, UsageIsLoweredOnlyAsFarAsTheHostAsks) {
  Gate all_asked;
  std::atomic<int> asked = 0;
  // Both slots ask for running usage before either is refused.
  serve([&](ScriptedServer::Peer& peer, int) {
    for (std::string request; !(request = peer.read_request()).empty();) {
      const bool refused = request.find("continuous_usage_stats") != std::string::npos;
      if (refused && ++asked == 2) all_asked.open();
      if (refused) all_asked.wait();
      peer.send(refused ? response("400 Bad", R"({"error":"unknown field continuous_usage_stats"})")
                        : answer(3));
    }
  });
  const SeriesStats stats = run(8, 2);
  EXPECT_EQ(stats.completed(), 8u);
  EXPECT_EQ(stats.usage_tokens, 24u) << "final usage is still asked for";
  EXPECT_EQ(server_->requests().size(), 10u);
}

TEST_F(Connections, ARequestThatIsRefusedWhateverUsageItAsksForFails) {
  serve(always(response("400 Bad", R"({"error":"stream_options: see the request above"})")));
  const SeriesStats stats = run(1);
  EXPECT_EQ(count(stats, Outcome::kHttp4xx), 1u);
  EXPECT_EQ(stats.started, 1u);
}

TEST_F(Connections, ALargeRequestIsSentWhole) {
  workload().classes[0].prompts = {std::string(8'000'000, 'x')};
  serve(always(answer(1)));
  EXPECT_EQ(run().completed(), 1u);
  EXPECT_GT(server_->requests().at(0).size(), 8'000'000u);
}

TEST_F(Connections, SlotsArePinnedToReplicas) {
  ScriptedServer first(always(answer(1))), second(always(answer(1)));
  target().urls = {first.url(), second.url()};
  run(40, 4);
  EXPECT_EQ(first.requests().size(), 20u);
  EXPECT_EQ(second.requests().size(), 20u);
  EXPECT_EQ(first.connections(), 2);
  for (const auto& [key, stats] : series_) EXPECT_EQ(stats.completed(), 20u) << key.replica;
  EXPECT_EQ(series_.size(), 2u);
}

TEST_F(Connections, TlsWithACustomCa) {
  const TestCertificate certificate;
  ScriptedServer server(always(answer(20)), &certificate);
  target().urls = {server.url()};
  target().tls.ca_file = certificate.cert_file();
  const SeriesStats stats = run(5);
  EXPECT_EQ(stats.completed(), 5u);
  EXPECT_EQ(stats.chunks, 100u);
  EXPECT_EQ(server.connections(), 1);
  EXPECT_EQ(generator_.unstamped_reads, 0u) << "stamps survive TLS";
}

/// An answer whose three tokens the client reads at once.
ScriptedServer::Script together() {
  return [](ScriptedServer::Peer& peer, int) {
    peer.read_request();
    peer.send_together({kStreamHead, chunked(delta("a")), chunked(delta("b")), chunked(delta("c")),
                        chunked(kFinishEvent), chunked(kDoneEvent), kLastChunk});
    peer.wait_for_close();
  };
}

TEST_F(Connections, EventsThatCameTogetherAreOneReadWithOrWithoutTls) {
  const TestCertificate certificate;
  serve(together());
  ScriptedServer secure(together(), &certificate);
  target().urls = {server_->url(), secure.url()};
  target().tls.ca_file = certificate.cert_file();
  const SeriesStats stats = run(2, 2);
  EXPECT_EQ(stats.completed(), 2u);
  EXPECT_EQ(stats.chunks, 6u);
  EXPECT_EQ(generator_.reads, 2u);
  EXPECT_EQ(generator_.multi_event_reads, 2u);
  EXPECT_EQ(stats.icl.max_seconds(), 0) << "one stamp for all of a read";
}

TEST_F(Connections, TlsRecordsOfAnySizeAreReadWhole) {
  const TestCertificate certificate;
  std::string whole = kStreamHead;
  for (int i = 0; i < 100; ++i) whole += chunked(delta(std::string(5'000, 'x')));
  whole += chunked(kFinishEvent + kDoneEvent) + kLastChunk;
  ScriptedServer server(always(whole), &certificate);
  target().urls = {server.url()};
  target().tls.ca_file = certificate.cert_file();
  const SeriesStats stats = run(3);
  EXPECT_EQ(stats.completed(), 3u);
  EXPECT_EQ(stats.chunks, 300u);
  EXPECT_EQ(server.connections(), 1);
}

TEST_F(Connections, TlsCarriesLargeRequestsOneAfterTheOther) {
  const TestCertificate certificate;
  ScriptedServer server(always(answer(1)), &certificate);
  workload().classes[0].prompts = {std::string(2'000'000, 'x')};
  target().urls = {server.url()};
  target().tls.ca_file = certificate.cert_file();
  EXPECT_EQ(run(3).completed(), 3u);
  EXPECT_EQ(server.connections(), 1);
  for (const std::string& request : server.requests()) EXPECT_GT(request.size(), 2'000'000u);
}

TEST_F(Connections, TlsThatEndsBehindItsLastRecordHasAnswered) {
  const TestCertificate certificate;
  ScriptedServer server(
      [](ScriptedServer::Peer& peer, int) {
        peer.read_request();
        peer.send_together({"HTTP/1.1 200 OK\r\n\r\n", delta("a"), delta("b"), kFinishEvent}, true);
      },
      &certificate);
  target().urls = {server.url()};
  target().tls.ca_file = certificate.cert_file();
  const SeriesStats stats = run(2);
  EXPECT_EQ(stats.completed(), 2u);
  EXPECT_EQ(stats.chunks, 4u);
}

TEST_F(Connections, TlsIsVerified) {
  const TestCertificate certificate, stranger;
  ScriptedServer server(always(answer(1)), &certificate);
  target().urls = {server.url()};
  target().tls.ca_file = stranger.cert_file();
  EXPECT_EQ(count(run(), Outcome::kTls), 1u);
}

TEST_F(Connections, TlsNamesAreVerified) {
  const TestCertificate certificate;
  ScriptedServer server(always(answer(1)), &certificate);
  target().urls = {server.url()};
  target().tls.ca_file = certificate.cert_file();
  target().tls.server_name = "elsewhere.example";
  EXPECT_EQ(count(run(), Outcome::kTls), 1u);
}

TEST_F(Connections, TlsVerificationCanBeTurnedOff) {
  const TestCertificate certificate;
  ScriptedServer server(always(answer(1)), &certificate);
  target().urls = {server.url()};
  target().tls.verify = false;
  EXPECT_EQ(run().completed(), 1u);
}

TEST_F(Connections, TlsWithAClientCertificate) {
  const TestCertificate certificate, client;
  ScriptedServer server(always(answer(1)), &certificate, &client);
  target().urls = {server.url()};
  target().tls.ca_file = certificate.cert_file();
  target().tls.client_cert = client.cert_file();
  target().tls.client_key = client.key_file();
  EXPECT_EQ(run().completed(), 1u);
}

TEST_F(Connections, TlsThatRefusesTheClientAfterTheHandshakeIsATlsFailure) {
  const TestCertificate certificate, client;
  ScriptedServer server(always(answer(1)), &certificate, &client);
  target().urls = {server.url()};
  target().tls.ca_file = certificate.cert_file();
  EXPECT_EQ(count(run(), Outcome::kTls), 1u) << "no client certificate";
}

TEST_F(Connections, AssignmentsThatCannotRunAreRefused) {
  target().urls = {"http://127.0.0.1:1"};
  EXPECT_TRUE(prepare_run(assignment_, {}));
  const auto refused = [&](auto change) {
    Assignment changed = assignment_;
    change(changed);
    const auto setup = prepare_run(changed, {});
    return setup ? std::string("accepted") : setup.error().message;
  };
  EXPECT_THAT(refused([](Assignment& a) { a.targets[0].urls = {"localhost:8000"}; }), HasSubstr("scheme"));
  EXPECT_THAT(refused([](Assignment& a) { a.targets[0].urls = {"http://"}; }), HasSubstr("host"));
  EXPECT_THAT(refused([](Assignment& a) { a.targets[0].urls = {"http://u:p@h"}; }), HasSubstr("user"));
  EXPECT_THAT(refused([](Assignment& a) { a.targets[0].urls = {}; }), HasSubstr("no URL"));
  EXPECT_THAT(refused([](Assignment& a) {
                a.targets[0].urls = {"https://h"};
                a.targets[0].tls.ca_file = "/nonexistent";
              }),
              HasSubstr("/nonexistent"));
  EXPECT_THAT(refused([](Assignment& a) { a.cells[0].workload.extra_body = "[]"; }), HasSubstr("extra_body"));
  EXPECT_THAT(refused([](Assignment& a) { a.cells[0].workload.classes.clear(); }), HasSubstr("no prompts"));
  EXPECT_THAT(refused([](Assignment& a) {
                a.targets[0].headers = {{"X", "a\r\nY: b"}};
              }),
              HasSubstr("header"));
  EXPECT_THAT(refused([](Assignment& a) { a.cells[0].target = 3; }), HasSubstr("target"));
}

}  // namespace
}  // namespace kneepoint::agent
