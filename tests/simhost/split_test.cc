#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/simhost/host_fixture.h"

namespace kneepoint::simhost {
namespace {

constexpr std::string_view kQueued = "llm_d_router_epp_flow_control_queue_size";

class Split : public HostTest {
 protected:
  Split() {
    SplitConfig& split = config.profile.split;
    split.prefill_workers = 2;
    split.prefill = config.profile.engine;
    split.decode_workers = 2;
    split.transfer_per_thousand = std::chrono::milliseconds(10);
  }
  std::string page(std::string_view path) { return TestClient(port()).get(path).body(); }
  /// The value of the series that begins with `name` in a page.
  double read(std::string_view path, std::string_view name) {
    const std::string text = "\n" + page(path);
    const std::size_t at = text.find("\n" + std::string(name));
    if (at == text.npos) return -1;
    const std::size_t end = text.find('\n', at + 1);
    const std::size_t blank = text.rfind(' ', end);
    return std::stod(text.substr(blank, end - blank));
  }
};

TEST_F(Split, EachRoleHasAPageOfWhatItDoes) {
  start();
  TestClient client(port());
  const Response answer = client.post(kChat, chat(10));
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(content_events(answer), 10);
  EXPECT_EQ(read("/metrics", kQueued), 0) << "the address is the router's";
  EXPECT_EQ(read("/metrics", "vllm:"), -1);
  const double prompt = static_cast<double>(host->stats().prompt_tokens);
  EXPECT_EQ(read("/prefill/0/metrics", "vllm:prompt_tokens_total"), prompt);
  EXPECT_EQ(read("/prefill/0/metrics", "vllm:generation_tokens_total"), 1);
  EXPECT_EQ(read("/prefill/0/metrics", "vllm:nixl_"), -1);
  EXPECT_EQ(read("/decode/0/metrics", "vllm:generation_tokens_total"), 10);
  EXPECT_EQ(read("/decode/0/metrics", "vllm:request_generation_tokens_sum"), 10);
  EXPECT_EQ(read("/decode/0/metrics", "vllm:nixl_xfer_time_seconds_count"), 1);
  EXPECT_NEAR(read("/decode/0/metrics", "vllm:nixl_xfer_time_seconds_sum"), prompt * 10e-6, 1e-9);
  EXPECT_EQ(read("/decode/1/metrics", "vllm:generation_tokens_total"), 0) << "it is the next one's turn";
  for (const auto path : {"/prefill/2/metrics", "/decode/2/metrics"}) EXPECT_EQ(client.get(path).status, 404);
  expect_balanced(host->stats());
}

TEST_F(Split, AHostOfOneEngineHasNoPagesOfRoles) {
  config.profile.split = {};
  start();
  for (const auto path : {"/prefill/0/metrics", "/decode/0/metrics"})
    EXPECT_EQ(TestClient(port()).get(path).status, 404);
  EXPECT_EQ(read("/metrics", kQueued), -1);
}

TEST_F(Split, WhatIsOnItsWayWaitsAtTheDecodeWorker) {
  config.profile.split.transfer_per_thousand = std::chrono::hours(1);
  start();
  {
    TestClient client(port());
    client.send_request("POST", kChat, chat(10));
    stats_when(
        [&](const HostStats&) { return read("/decode/0/metrics", "vllm:num_requests_waiting{") == 1; });
    EXPECT_EQ(read("/decode/0/metrics", "vllm:num_requests_waiting{"), 1);
    EXPECT_EQ(read("/decode/0/metrics", "vllm:num_requests_running"), 0);
    EXPECT_EQ(read("/prefill/0/metrics", "vllm:prompt_tokens_total"), host->stats().prompt_tokens);
  }
  const HostStats stats = stats_when([](const HostStats& s) { return s.cancelled == 1; });
  EXPECT_EQ(stats.cancelled, 1);
  EXPECT_EQ(stats.output_tokens, 0);
  expect_balanced(stats);
}

TEST_F(Split, TheRouterTellsWhatItHolds) {
  config.gate.gateway_slots = 1;
  start();
  TestClient first(port()), second(port());
  first.send_request("POST", kChat, chat(3000));
  first.read_head();
  second.send_request("POST", kChat, chat(10));
  stats_when([](const HostStats& s) { return s.received == 2; });
  EXPECT_EQ(read("/metrics", kQueued), 1);
}

TEST_F(Split, RefusesWhatItCannotBe) {
  const std::vector<void (*)(HostConfig&)> mistakes = {
      [](HostConfig& c) { c.profile.split.decode_workers = 0; },
      [](HostConfig& c) { c.profile.split.links = 0; },
      [](HostConfig& c) { c.profile.split.transfer_per_thousand = Nanos(0); },
      [](HostConfig& c) { c.profile.split.prefill.slots = 0; },
      [](HostConfig& c) { c.page.of = PageOf::kEach; },
      [](HostConfig& c) { c.tenants.requests = 1; },
  };
  HostConfig sound = config;
  EXPECT_TRUE(validate(sound));
  for (std::size_t i = 0; i < mistakes.size(); ++i) {
    HostConfig wrong = config;
    mistakes[i](wrong);
    EXPECT_FALSE(validate(wrong)) << "mistake " << i;
  }
}

}  // namespace
}  // namespace kneepoint::simhost
