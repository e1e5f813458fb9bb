#include "tests/simhost/misbehave.h"

#include <gtest/gtest.h>

#include "tests/simhost/host_fixture.h"

namespace kneepoint::simhost {
namespace {

class Misbehaves : public HostTest {
 protected:
  /// The whole body that a chat request of four tokens gets from a host with this habit.
  std::string body(Misbehaviour kind, bool stream = true) {
    config.misbehaviours = {{.kind = kind}};
    start();
    TestClient client(port());
    const Response response = client.post(kChat, chat(4, stream ? R"(,"stream":true)" : ""));
    EXPECT_EQ(response.status, 200);
    EXPECT_EQ(response.end, Response::End::kWhole) << "nothing is broken on the wire";
    expect_balanced(host->stats());
    return response.body();
  }
};

TEST(Misbehaviours, HaveNames) {
  for (std::size_t i = 0; i < kMisbehaviourCount; ++i) {
    const auto kind = static_cast<Misbehaviour>(i);
    EXPECT_EQ(parse_misbehaviour(to_string(kind)), kind);
  }
  EXPECT_FALSE(parse_misbehaviour("manners"));
}

TEST_F(Misbehaves, InsteadOfAnAnswer) {
  EXPECT_EQ(body(Misbehaviour::kDoneAlone), "data: [DONE]\n\n");
  EXPECT_EQ(host->stats().output_tokens, 0);
  EXPECT_EQ(host->stats().failed, 1);
  EXPECT_TRUE(body(Misbehaviour::kErrorLine).starts_with("error: {"));
  EXPECT_TRUE(body(Misbehaviour::kErrorEvent).starts_with("event: error\n"));
  EXPECT_TRUE(body(Misbehaviour::kDetail).starts_with("{\"detail\""));
  EXPECT_TRUE(body(Misbehaviour::kNoChoices, false).find("\"choices\":[]") != std::string::npos);
}

TEST_F(Misbehaves, AtTheEnd) {
  const std::string unended = body(Misbehaviour::kNoEnd);
  EXPECT_EQ(unended.find("[DONE]"), std::string::npos);
  EXPECT_EQ(unended.find("\"finish_reason\":\"length\""), std::string::npos);
  EXPECT_EQ(host->stats().output_tokens, 4);
  EXPECT_NE(body(Misbehaviour::kAbort).find("\"finish_reason\":\"abort\""), std::string::npos);
  EXPECT_NE(body(Misbehaviour::kAbort, false).find("\"finish_reason\":\"abort\""), std::string::npos);
}

TEST_F(Misbehaves, OutOfACache) {
  EXPECT_NE(body(Misbehaviour::kCached).find("[DONE]"), std::string::npos);
  EXPECT_EQ(host->stats().output_tokens, 4);
  EXPECT_NE(body(Misbehaviour::kCached, false).find("\"completion_tokens\":4"), std::string::npos);
}

TEST_F(Misbehaves, WithALateEnd) {
  config.stall_time = std::chrono::milliseconds(50);
  const auto before = std::chrono::steady_clock::now();
  EXPECT_NE(body(Misbehaviour::kLateEnd).find("[DONE]"), std::string::npos);
  EXPECT_GE(std::chrono::steady_clock::now() - before, config.stall_time);
}

TEST_F(Misbehaves, InTheAnswer) {
  EXPECT_NE(body(Misbehaviour::kHeartbeats).find("data:\n\ndata: \n\n"), std::string::npos);
  EXPECT_NE(body(Misbehaviour::kParts).find(R"("content":[{"type":"text","text":")"), std::string::npos);
  EXPECT_NE(body(Misbehaviour::kParts, false).find(R"("content":[{"type":"text","text":")"),
            std::string::npos);
  EXPECT_NE(body(Misbehaviour::kRefusal).find(R"("refusal":")"), std::string::npos);
}

TEST_F(Misbehaves, OneRequestByItsHeader) {
  start();
  TestClient client(port());
  EXPECT_EQ(client.post(kChat, chat(4), "X-Simhost-Misbehave: done_alone\r\n").body(), "data: [DONE]\n\n");
  EXPECT_EQ(content_events(client.post(kChat, chat(4))), 4);
  EXPECT_EQ(client.post(kChat, chat(4), "X-Simhost-Misbehave: politely\r\n").status, 400);
}

TEST_F(Misbehaves, BeforeTheAnswer) {
  config.misbehaviours = {{.kind = Misbehaviour::kInterim}};
  start();
  TestClient client(port());
  EXPECT_EQ(client.post(kChat, chat(4)).status, 102);
  EXPECT_EQ(client.read_response().status, 103);
}

}  // namespace
}  // namespace kneepoint::simhost
