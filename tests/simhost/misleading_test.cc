#include <gtest/gtest.h>

#include "tests/simhost/host_fixture.h"

namespace kneepoint::simhost {
namespace {

using Misleading = HostTest;

/// The value of `name` in a page; −1 where it does not stand there.
double value_in(const std::string& page, std::string_view name) {
  for (std::size_t at = page.find(name); at != page.npos; at = page.find(name, at + 1)) {
    if (at > 0 && page[at - 1] != '\n') continue;
    const auto end = page.find('\n', at);
    const auto blank = page.rfind(' ', end);
    return std::stod(page.substr(blank, end - blank));
  }
  return -1;
}

double tokens_on(TestClient& client) {
  return value_in(client.get("/metrics").body(), "vllm:generation_tokens_total");
}

TEST_F(Misleading, OneAddressDealsConnectionsToAllPodsAndShowsTheFirstOnesPage) {
  config.replicas = 4;
  config.page.of = PageOf::kFirst;
  start();
  for (int i = 0; i < 8; ++i) {
    TestClient client(port());
    EXPECT_EQ(client.post("/v1/chat/completions", chat(10)).status, 200);
  }
  for (const HostStats& pod : host->replica_stats()) EXPECT_EQ(pod.output_tokens, 20);
  TestClient client(port());
  EXPECT_EQ(tokens_on(client), 20);
  EXPECT_EQ(tokens_on(client), 20) << "always the same one's";
}

TEST_F(Misleading, EachPodHasItsPageBehindTheOneAddressAndOneMayBeSlow) {
  config.replicas = 3;
  config.page.of = PageOf::kEach;
  config.slow_replica = SlowReplica{.index = 2, .factor = 4};
  start();
  const auto page = [&](int pod) {
    return TestClient(port()).get("/pods/" + std::to_string(pod) + "/metrics").body();
  };
  for (int i = 0; i < 3; ++i) {
    TestClient client(port());
    EXPECT_EQ(client.post("/v1/chat/completions", chat(10)).status, 200);
  }
  const auto busy = [&](int pod) { return value_in(page(pod), "vllm:request_decode_time_seconds_sum"); };
  for (int pod = 0; pod < 3; ++pod) EXPECT_EQ(value_in(page(pod), "vllm:generation_tokens_total"), 10) << pod;
  EXPECT_GT(busy(2), 3 * busy(0));
  EXPECT_EQ(TestClient(port()).get("/pods/3/metrics").status, 404);
}

TEST_F(Misleading, RanksStandOnOnePageAndOneMayBeSlow) {
  config.replicas = 3;
  config.page.of = PageOf::kRanks;
  config.slow_replica = SlowReplica{.index = 2, .factor = 4};
  start();
  for (int i = 0; i < 3; ++i) {
    TestClient client(port());
    EXPECT_EQ(client.post("/v1/chat/completions", chat(10)).status, 200);
  }
  const std::string page = TestClient(port()).get("/metrics").body();
  const auto of_rank = [&](const std::string& name, int rank) {
    return value_in(page, name + "{engine=\"" + std::to_string(rank) + "\"");
  };
  for (int rank = 0; rank < 3; ++rank) EXPECT_EQ(of_rank("vllm:generation_tokens_total", rank), 10) << rank;
  EXPECT_EQ(of_rank("vllm:generation_tokens_total", 3), -1);
  EXPECT_GT(of_rank("vllm:request_decode_time_seconds_sum", 2),
            3 * of_rank("vllm:request_decode_time_seconds_sum", 0));
  const std::string type = "# TYPE vllm:generation_tokens_total ";
  EXPECT_EQ(page.find(type), page.rfind(type)) << "a family has one head";
}

TEST_F(Misleading, ARotatingPageIsAnotherPodsEachTime) {
  config.replicas = 2;
  config.page.of = PageOf::kRotating;
  start();
  {
    TestClient client(port());  // the first connection: the first pod's
    EXPECT_EQ(client.post("/v1/chat/completions", chat(10)).status, 200);
  }
  TestClient client(port());
  const double first = tokens_on(client), second = tokens_on(client);
  EXPECT_EQ(first + second, 10);
  EXPECT_EQ(tokens_on(client), first);
}

TEST_F(Misleading, TheSmallestPodGetsFewConnections) {
  config.replicas = 2;
  config.page.of = PageOf::kSmallest;
  start();
  for (int i = 0; i < 8; ++i) {
    TestClient client(port());
    EXPECT_EQ(client.post("/v1/chat/completions", chat(10)).status, 200);
  }
  EXPECT_EQ(host->replica_stats()[1].output_tokens, 10);
  TestClient client(port());
  EXPECT_EQ(tokens_on(client), 10);
}

TEST_F(Misleading, AnOldPageDoesNotShowWhatHasJustHappened) {
  config.page.age = std::chrono::minutes(5);
  start();
  TestClient client(port());
  EXPECT_EQ(tokens_on(client), 0);
  EXPECT_EQ(client.post("/v1/chat/completions", chat(10)).status, 200);
  EXPECT_EQ(tokens_on(client), 0);
  EXPECT_EQ(host->stats().output_tokens, 10);
}

TEST_F(Misleading, AFrozenPageStaysAsItIs) {
  config.page.freeze_after = Nanos(1);
  start();
  TestClient client(port());
  const double before = tokens_on(client);
  EXPECT_EQ(client.post("/v1/chat/completions", chat(10)).status, 200);
  EXPECT_EQ(tokens_on(client), before);
}

TEST_F(Misleading, OtherTenantsKeepTheEngineBusyAndAreNotCountedAsOurs) {
  config.tenants.requests = 4;
  start();
  TestClient client(port());
  EXPECT_EQ(client.post("/v1/chat/completions", chat(20)).status, 200);
  const std::string page = client.get("/metrics").body();
  EXPECT_EQ(value_in(page, "vllm:num_requests_running"), 4);
  EXPECT_GT(value_in(page, "vllm:generation_tokens_total"), 20 + 3 * 20);
  EXPECT_EQ(host->stats().output_tokens, 20);
  expect_balanced(host->stats());
}

TEST_F(Misleading, AGatewayHoldsWhatItDoesNotLetIn) {
  config.gate.gateway_slots = 1;
  start();
  TestClient first(port()), second(port()), client(port());
  first.send_request("POST", "/v1/chat/completions", chat(2000));
  first.read_head();
  second.send_request("POST", "/v1/chat/completions", chat(10));
  const HostStats stats = stats_when([](const HostStats& s) { return s.received == 2; });
  EXPECT_EQ(stats.in_flight, 2);
  const std::string page = client.get("/metrics").body();
  EXPECT_EQ(value_in(page, "vllm:num_requests_running") + value_in(page, "vllm:num_requests_waiting"), 1);
}

TEST_F(Misleading, WhoeverIsLetInWhenAnotherEndsIsComputedOnce) {
  config.gate.gateway_slots = 1;
  start();
  TestClient first(port()), second(port());
  first.send_request("POST", "/v1/chat/completions", chat(300));
  second.send_request("POST", "/v1/chat/completions", chat(10));
  EXPECT_EQ(first.read_response().status, 200);
  EXPECT_EQ(second.read_response().status, 200);
  const std::string page = TestClient(port()).get("/metrics").body();
  EXPECT_EQ(value_in(page, "vllm:kv_cache_usage_perc"), 0) << "nothing is left of either";
  EXPECT_EQ(value_in(page, "vllm:num_requests_running"), 0);
  expect_balanced(host->stats());
}

TEST_F(Misleading, AFrontEndTakesItsTimeForEachRequestAndTellsItsCpu) {
  config.gate.front_end = std::chrono::milliseconds(5);
  start();
  TestClient client(port());
  for (int i = 0; i < 3; ++i) EXPECT_EQ(client.post("/v1/chat/completions", chat(10)).status, 200);
  const std::string page = client.get("/metrics").body();
  EXPECT_NEAR(value_in(page, "process_cpu_seconds_total"), 0.015, 1e-9);
  EXPECT_GE(value_in(page, "vllm:time_to_first_token_seconds_sum"), 0.015);
  EXPECT_LT(value_in(page, "vllm:request_prefill_time_seconds_sum") +
                value_in(page, "vllm:request_queue_time_seconds_sum"),
            value_in(page, "vllm:time_to_first_token_seconds_sum") - 0.0149);
  expect_balanced(host->stats());
}

TEST_F(Misleading, AClientThatGoesAwayBeforeItIsLetInIsCancelled) {
  config.gate.gateway_slots = 1;
  start();
  TestClient first(port());
  first.send_request("POST", "/v1/chat/completions", chat(3000));
  first.read_head();
  {
    TestClient second(port());
    second.send_request("POST", "/v1/chat/completions", chat(10));
    stats_when([](const HostStats& s) { return s.received == 2; });
  }
  const HostStats stats = stats_when([](const HostStats& s) { return s.cancelled == 1; });
  EXPECT_EQ(stats.in_flight, 1);
}

}  // namespace
}  // namespace kneepoint::simhost
