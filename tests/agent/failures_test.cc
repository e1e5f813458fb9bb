// What is kept of requests that failed: kind, status, and what the host said, without what it must not say.
#include <string>

#include "agent/record/host_words.h"
#include "engine_fixture.h"

namespace kneepoint::agent {
namespace {

using std::chrono::seconds;

TEST(HostWords, AreOnePrintableLine) {
  EXPECT_EQ(host_words("{\n  \"error\": \"no\"\r\n}\n", ""), "{ \"error\": \"no\" }");
  EXPECT_EQ(host_words("\x1b[2Jgone\x7f", ""), "?[2Jgone?");
  EXPECT_EQ(host_words("caf\xe9", ""), "caf?");
  EXPECT_EQ(host_words("\xe2\x80\xaetxt", ""), "?txt") << "text that turns direction";
  EXPECT_EQ(host_words("", "secret"), "");
}

TEST(HostWords, AreCutBetweenCharacters) {
  const std::string ascii(Failures::kSaidBytes, 'x');
  EXPECT_EQ(host_words(ascii, ""), ascii);
  EXPECT_EQ(host_words(ascii + "y", ""), ascii + "…");
  const std::string wide = host_words(std::string(Failures::kSaidBytes - 1, 'x') + "漢字", "");
  EXPECT_EQ(wide, std::string(Failures::kSaidBytes - 1, 'x') + "…");
}

TEST(HostWords, NeverHoldTheSecret) {
  const std::string secret = "sk-4/eV+er";
  EXPECT_EQ(host_words("key sk-4/eV+er is unknown: sk-4/eV+er", secret), "key *** is unknown: ***");
  EXPECT_EQ(host_words("key sk-4\\/eV+er", secret), "key ***");
  EXPECT_EQ(host_words("key sk-4/eV", secret), "key ***") << "cut off";
  EXPECT_EQ(host_words("it is sk", secret), "it is sk");
  const std::string late = host_words(std::string(Failures::kSaidBytes - 5, 'x') + secret, secret);
  EXPECT_EQ(late, std::string(Failures::kSaidBytes - 5, 'x') + "***");
  const std::string blanks = host_words(std::string(5000, ' ') + secret, secret);
  EXPECT_EQ(blanks, "***");
}

class FailureKinds : public EngineTest {
 protected:
  /// What is kept of requests to a host that always says the same.
  Failures against(const std::string& bytes, std::uint64_t requests = 1) {
    server_ = std::make_unique<ScriptedServer>(always(bytes));
    target().urls = {server_->url()};
    start(1, "sk-s3cret");
    return run(requests).failures;
  }
  static FailureCount only(const Failures& failures, Outcome outcome, std::uint16_t status) {
    EXPECT_EQ(failures.all().size(), 1u);
    const auto found = failures.all().find({outcome, status});
    if (found == failures.all().end()) {
      ADD_FAILURE() << "no such kind";
      return {};
    }
    return found->second;
  }

  std::unique_ptr<ScriptedServer> server_;
};

/// Hundreds of megabytes on one thread: a sanitizer has nothing to find in them but time.
constexpr bool kSanitized =
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
    true;
#else
    false;
#endif

/// A host that begins an answer of `size` bytes which is no stream, and never ends it.
ScriptedServer::Script endless_document(std::size_t size) {
  return [size](ScriptedServer::Peer& peer, int) {
    if (peer.read_request().empty()) return;
    peer.send("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 999999999\r\n\r\n{");
    const std::string piece(std::size_t{1} << 20, ' ');
    for (std::size_t sent = 0; sent < size; sent += piece.size()) peer.send(piece);
    peer.wait_for_close();
  };
}

TEST_F(FailureKinds, AnAnswerThatIsKeptWholeMayHave64Mebibytes) {
  if (kSanitized) GTEST_SKIP();
  server_ = std::make_unique<ScriptedServer>(endless_document(std::size_t{65} << 20));
  target().urls = {server_->url()};
  EXPECT_EQ(count(run(), Outcome::kParse), 1u);
}

TEST_F(FailureKinds, TheAnswersOfAThreadMayHave256MebibytesTogether) {
  if (kSanitized) GTEST_SKIP();
  server_ = std::make_unique<ScriptedServer>(endless_document(std::size_t{60} << 20));
  target().urls = {server_->url()};
  target().request_timeout = seconds(20);
  start();
  controller_->apply({.epoch = 1, .concurrency = 5, .effective_at = elapsed(), .budget = 5});
  // Four fit; what the fifth one adds is too much for one of them, and then there is room.
  collect_until([&] {
    SeriesStats sum;
    for (const auto& [key, stats] : series_) sum.merge(stats);
    return count(sum, Outcome::kParse) > 0;
  });
  controller_->drain(Nanos(0));
}

TEST_F(FailureKinds, ARefusalIsQuotedWithTheHostsNameForIt) {
  const auto failures =
      against(response("429 Too Many Requests", "{\"error\": \"slow\ndown\"}", "X-REQUEST-ID: abc-1\r\n"));
  EXPECT_EQ(only(failures, Outcome::kRejected, 429),
            (FailureCount{.count = 1, .said = "{\"error\": \"slow down\"}", .request_id = "abc-1"}));
}

TEST_F(FailureKinds, WithoutTheHostsNameItIsOurs) {
  const auto failure = only(against(response("404 Not Found", "")), Outcome::kHttp4xx, 404);
  EXPECT_EQ(failure, (FailureCount{.count = 1, .said = "", .request_id = "test-0-1-0-0"}));
}

TEST_F(FailureKinds, TheKeyThatAHostRepeatsIsMasked) {
  const auto failure =
      only(against(response("401 Unauthorized", "no such key: Bearer sk-s3cret")), Outcome::kHttp4xx, 401);
  EXPECT_EQ(failure.said, "no such key: Bearer ***");
}

TEST_F(FailureKinds, AnErrorInsideAStreamIsTheEvent) {
  const auto failure =
      only(against(kStreamHead + chunked(delta("a") + "data: {\"error\":{\"code\":7}}\n\n") + kLastChunk),
           Outcome::kErrorAt200, 200);
  EXPECT_EQ(failure.said, "{\"error\":{\"code\":7}}");
}

TEST_F(FailureKinds, WhatIsNoHttpIsQuoted) {
  EXPECT_EQ(only(against("SSH-2.0-OpenSSH_9.2\r\n"), Outcome::kParse, 0).said, "SSH-2.0-OpenSSH_9.2");
}

TEST_F(FailureKinds, OfAHostThatGoesAwayNothingIsQuoted) {
  server_ = std::make_unique<ScriptedServer>([](ScriptedServer::Peer& peer, int) {
    peer.read_request();
    peer.send(kStreamHead + chunked(delta("a")));
  });
  target().urls = {server_->url()};
  start(1);
  EXPECT_EQ(only(run(1).failures, Outcome::kStream, 200).said, "");
}

TEST_F(FailureKinds, ABodyThatIsTooLongIsQuotedAllTheSame) {
  const auto failure = only(against(response("500 Oops", std::string(200'000, 'x'))), Outcome::kHttp5xx, 500);
  EXPECT_EQ(failure.said, std::string(Failures::kSaidBytes, 'x') + "…");
}

TEST_F(FailureKinds, NothingListensAndNothingWasSent) {
  target().urls = {"http://127.0.0.1:1"};
  EXPECT_EQ(only(run().failures, Outcome::kConnect, 0), (FailureCount{.count = 1}));
}

TEST_F(FailureKinds, SuccessesAreNone) {
  EXPECT_TRUE(against(answer(3)).all().empty());
}

}  // namespace
}  // namespace kneepoint::agent
