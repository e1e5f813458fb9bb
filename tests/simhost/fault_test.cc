#include <gtest/gtest.h>

#include <atomic>
#include <fstream>
#include <sstream>
#include <thread>

#include "tests/simhost/host_fixture.h"

namespace kneepoint::simhost {
namespace {

using Faults = HostTest;

const HostStats::PerFault& of(const HostStats& stats, Fault fault) {
  return stats.faults[static_cast<std::size_t>(fault)];
}

TEST_F(Faults, RejectionsKeepTheConnection) {
  start();
  TestClient client(port());
  const Response busy = client.post(kChat, chat(4), fault("http429"));
  EXPECT_EQ(busy.status, 429);
  EXPECT_EQ(busy.headers.at("retry-after"), "1");
  EXPECT_EQ(Json(busy.body()).number("/error/code"), 429);
  EXPECT_EQ(client.post(kChat, chat(4), fault("http503")).status, 503);
  EXPECT_EQ(client.post(kChat, chat(4)).status, 200);
  const HostStats stats = host->stats();
  EXPECT_EQ(stats.rejected, 2);
  EXPECT_EQ(stats.completed, 1);
  EXPECT_EQ(stats.output_tokens, 4);
  EXPECT_EQ(stats.connections, 1);
  expect_balanced(stats);
}

TEST_F(Faults, ResetBreaksTheStreamAfterHalfTheTokens) {
  start();
  TestClient client(port());
  const Response response = client.post(kChat, chat(10), fault("reset"));
  EXPECT_EQ(response.end, Response::End::kReset);
  const HostStats stats = host->stats();
  EXPECT_EQ(stats.failed, 1);
  EXPECT_EQ(stats.output_tokens, 5);
  EXPECT_EQ(stats.output_tokens_incomplete(), 5);
  EXPECT_EQ(of(stats, Fault::kReset).output_tokens, 5);
  expect_balanced(stats);
}

TEST_F(Faults, TruncateEndsWithFinAndTheTokenCountOfTheHeader) {
  start();
  TestClient client(port());
  const Response response = client.post(kChat, chat(10), fault("truncate") + "X-Simhost-Fault-After: 3\r\n");
  EXPECT_EQ(response.end, Response::End::kClosed);
  EXPECT_EQ(content_events(response), 3);
  EXPECT_EQ(host->stats().output_tokens, 3);
  EXPECT_EQ(host->stats().failed, 1);
}

TEST_F(Faults, StallHoldsTheMiddleBackAndLosesNothing) {
  config.stall_time = std::chrono::hours(1);
  start();
  TestClient client(port());
  client.send_request("POST", kChat, chat(10), fault("stall"));
  Response response = client.read_head();
  for (int i = 0; i < 6; ++i) ASSERT_TRUE(client.read_chunk(response));  // role and five tokens
  // The engine goes on, and everything else waits.
  stats_when([](const HostStats& s) { return s.completed == 1; });
  client.disconnect();
  const HostStats stats = stats_when([](const HostStats& s) { return s.cancelled == 1; });
  EXPECT_EQ(stats.output_tokens, 5);
  expect_balanced(stats);
}

TEST_F(Faults, AfterAStallTheRestArrives) {
  start();
  TestClient client(port());
  const Response response = client.post(kChat, chat(10), fault("stall"));
  EXPECT_EQ(content_events(response), 10);
  EXPECT_EQ(response.events().back(), "[DONE]");
  EXPECT_EQ(host->stats().completed, 1);
  EXPECT_EQ(host->stats().output_tokens, 10);
}

TEST_F(Faults, ByteByByteIsTheSameStream) {
  start();
  TestClient client(port());
  const Response response = client.post(kChat, chat(6), fault("byte_by_byte"));
  EXPECT_EQ(content_events(response), 6);
  EXPECT_EQ(response.events().back(), "[DONE]");
  EXPECT_EQ(content_events(client.post(kChat, chat(6))), 6);
}

TEST_F(Faults, GiantLineIsOneTokenOfOneMebibyte) {
  start();
  TestClient client(port());
  const Response response = client.post(kChat, chat(6), fault("giant_line"));
  EXPECT_EQ(content_events(response), 6);
  std::size_t longest = 0;
  for (const std::string& event : response.events()) longest = std::max(longest, event.size());
  EXPECT_GT(longest, std::size_t{1} << 20);
  EXPECT_EQ(host->stats().output_tokens, 6);
  EXPECT_EQ(host->stats().completed, 1);
}

TEST_F(Faults, BadJsonIsOneMoreEvent) {
  start();
  TestClient client(port());
  const Response response = client.post(kChat, chat(6), fault("bad_json"));
  int broken = 0;
  for (const std::string& event : response.events()) broken += event != "[DONE]" && !Json(event).valid();
  EXPECT_EQ(broken, 1);
  EXPECT_EQ(content_events(response), 6);
  EXPECT_FALSE(Json(client.post(kChat, chat(6, ""), fault("bad_json")).body()).valid());
}

TEST_F(Faults, ErrorInStreamEndsItWithDone) {
  start();
  TestClient client(port());
  const auto events = client.post(kChat, chat(6), fault("error_in_stream")).events();
  ASSERT_EQ(events.size(), 6u);  // role, 3 tokens, error, [DONE]
  EXPECT_EQ(Json(events[4]).number("/error/code"), 500);
  EXPECT_EQ(events[5], "[DONE]");
  EXPECT_EQ(client.post(kChat, chat(6, ""), fault("error_in_stream")).status, 500);
  EXPECT_EQ(client.post(kChat, chat(6)).status, 200) << "the connection lives on";
  EXPECT_EQ(host->stats().failed, 2);
  expect_balanced(host->stats());
}

TEST_F(Faults, NeverEndIgnoresMaxTokensThenStaysSilent) {
  config.profile.max_model_len = 40;
  start();
  TestClient client(port());
  client.send_request("POST", kChat, chat(2), fault("never_end"));
  Response response = client.read_head();
  for (int i = 0; i < 35; ++i)
    ASSERT_TRUE(client.read_chunk(response));  // role and the whole context, 40 − 6 tokens
  EXPECT_EQ(host->stats().in_flight, 1);
  client.disconnect();
  const HostStats stats = stats_when([](const HostStats& s) { return s.cancelled == 1; });
  EXPECT_EQ(stats.output_tokens, 34);
  expect_balanced(stats);
}

TEST_F(Faults, CloseBeforeResponseStrikesReusedConnectionsOnly) {
  start();
  TestClient client(port());
  EXPECT_EQ(client.post(kChat, chat(2), fault("close_before_response")).status, 200);
  client.send_request("POST", kChat, chat(2), fault("close_before_response"));
  EXPECT_EQ(client.read_end(), Response::End::kClosed);
  TestClient again(port());
  EXPECT_EQ(again.post(kChat, chat(2), fault("close_before_response")).status, 200);
  EXPECT_EQ(host->stats().failed, 1);
  EXPECT_EQ(host->stats().completed, 2);
  expect_balanced(host->stats());
}

TEST_F(Faults, NoUsageAndNoDone) {
  start();
  TestClient client(port());
  const std::string body = chat(2, R"(,"stream":true,"stream_options":{"include_usage":true})");
  EXPECT_EQ(client.post(kChat, body, fault("no_usage")).body().find("usage"), std::string::npos);
  const auto events = client.post(kChat, body, fault("no_done")).events();
  EXPECT_EQ(Json(events.back()).number("/usage/completion_tokens"), 2);
}

TEST_F(Faults, SlowAcceptDelaysButServes) {
  config.faults = {{Fault::kSlowAccept, 1.0}};
  start();
  const auto before = std::chrono::steady_clock::now();
  TestClient client(port());
  EXPECT_EQ(client.post(kChat, chat(2)).status, 200);
  EXPECT_GE(std::chrono::steady_clock::now() - before, config.stall_time);
  EXPECT_EQ(of(host->stats(), Fault::kSlowAccept).requests, 1);
}

TEST_F(Faults, UnknownFaultIsRefused) {
  start();
  TestClient client(port());
  EXPECT_EQ(client.post(kChat, chat(2), fault("typo")).status, 400);
  expect_balanced(host->stats());
}

TEST_F(Faults, RatesHitTheirShareAndTokensAddUp) {
  config.faults = {{Fault::kHttp429, 0.25}, {Fault::kErrorInStream, 0.25}};
  start();
  TestClient client(port());
  int tokens = 0, rejected = 0;
  for (int i = 0; i < 200; ++i) {
    const Response response = client.post(kChat, chat(4));
    rejected += response.status == 429;
    tokens += content_events(response);
  }
  const HostStats stats = host->stats();
  EXPECT_EQ(stats.rejected, rejected);
  EXPECT_NEAR(stats.rejected, 50, 25);
  EXPECT_NEAR(stats.failed, 50, 25);
  EXPECT_EQ(stats.output_tokens, tokens);
  EXPECT_EQ(stats.output_tokens_completed, 4 * stats.completed);
  EXPECT_EQ(stats.output_tokens_incomplete(), of(stats, Fault::kErrorInStream).output_tokens);
  expect_balanced(stats);
}

TEST_F(Faults, DisconnectAbortsTheRequestInTheEngine) {
  config.profile.engine.slots = 1;
  start();
  TestClient client(port());
  client.send_request("POST", kChat, chat(4000));
  Response response = client.read_head();
  ASSERT_TRUE(client.read_chunk(response));
  TestClient queued(port());
  queued.send_request("POST", kChat, chat(3));
  client.disconnect();
  EXPECT_EQ(content_events(queued.read_response()), 3) << "the only slot is free again";
  const HostStats stats = host->stats();
  EXPECT_EQ(stats.cancelled, 1);
  EXPECT_EQ(stats.completed, 1);
  EXPECT_LT(stats.output_tokens, 4000);
  expect_balanced(stats);
  EXPECT_NE(
      queued.get("/metrics").body().find("vllm:num_requests_running{engine=\"0\",model_name=\"tiny\"} 0\n"),
      std::string::npos);
}

TEST_F(Faults, OverloadIsRejectedAboveTheLimit) {
  config.reject_above = 2;
  start();
  TestClient a(port()), b(port()), c(port());
  for (TestClient* client : {&a, &b}) {
    client->send_request("POST", kChat, chat(4000));
    ASSERT_EQ(client->read_head().status, 200);
  }
  EXPECT_EQ(c.post(kChat, chat(1)).status, 429);
}

// /generate repeats all text with each token: 3,000 tokens are some 20 MB, more than any socket buffer takes.
constexpr std::string_view kLongAnswer = R"({"prompt":"x","max_tokens":3000,"stream":true})";

TEST_F(Faults, ASlowReaderGetsEverythingAndNothingIsCountedTwice) {
  start();
  TestClient client(port(), 4096);
  client.send_request("POST", "/generate", kLongAnswer);
  // Nothing is read until the engine has generated everything: most of it waits in the host.
  stats_when([](const HostStats& s) { return s.completed == 1; });
  EXPECT_EQ(client.read_response().chunks.size(), 3000u);
  const HostStats stats = host->stats();
  EXPECT_EQ(stats.output_tokens, 3000);
  EXPECT_EQ(stats.completed, 1);
  expect_balanced(stats);
}

TEST_F(Faults, WhatASlowReaderNeverTookIsTakenBack) {
  start();
  TestClient client(port(), 4096);
  client.send_request("POST", "/generate", kLongAnswer);
  stats_when([](const HostStats& s) { return s.completed == 1; });
  client.disconnect();
  const HostStats stats = stats_when([](const HostStats& s) { return s.cancelled == 1; });
  EXPECT_EQ(stats.completed, 0);
  EXPECT_EQ(stats.output_tokens_completed, 0);
  EXPECT_GT(stats.output_tokens, 0);
  EXPECT_LT(stats.output_tokens, 3000);
  EXPECT_EQ(stats.content_chunks, stats.output_tokens);
  expect_balanced(stats);
}

TEST_F(Faults, SendLogHasEveryChunkInOrder) {
  config.send_log = testing::TempDir() + "simhost_send_log.csv";
  config.send_log_all = true;
  start();
  TestClient client(port());
  client.post(kChat, chat(3), "X-Request-Id: abc\r\n");
  client.post(kChat, chat(2));
  EXPECT_EQ(client.get("/simhost/flush").status, 200);
  std::ifstream file(config.send_log);
  std::string line;
  ASSERT_TRUE(std::getline(file, line));
  EXPECT_EQ(line, "request_id,replica,received_ns,chunk,sent_ns,tokens,queued");
  std::int64_t before = 0;
  for (int row = 0; row < 5; ++row) {
    ASSERT_TRUE(std::getline(file, line));
    std::istringstream fields(line);
    std::string id, replica, received, chunk, sent, tokens, queued;
    std::getline(fields, id, ',');
    std::getline(fields, replica, ',');
    std::getline(fields, received, ',');
    std::getline(fields, chunk, ',');
    std::getline(fields, sent, ',');
    std::getline(fields, tokens, ',');
    std::getline(fields, queued, ',');
    EXPECT_EQ(id == "chatcmpl-abc", row < 3) << line;
    EXPECT_EQ(chunk, std::to_string(row < 3 ? row : row - 3));
    EXPECT_EQ(tokens, "1");
    EXPECT_EQ(queued, "0");
    EXPECT_GT(std::stoll(sent), std::stoll(received));
    EXPECT_GT(std::stoll(sent), before);
    before = std::stoll(sent);
  }
  EXPECT_FALSE(std::getline(file, line));
}

TEST_F(Faults, StoppingEndsOpenStreams) {
  config.replicas = 2;
  config.threads = 2;
  start();
  TestClient client(port(1));
  client.send_request("POST", kChat, chat(4000));
  Response response = client.read_head();
  ASSERT_TRUE(client.read_chunk(response));
  host->stop();
  while (client.read_chunk(response)) {
  }
  EXPECT_NE(response.end, Response::End::kWhole);
}

TEST_F(Faults, ConcurrentStreamsAddUpExactly) {
  start();
  std::vector<std::thread> threads;
  std::atomic<int> tokens{0};
  for (int t = 0; t < 16; ++t) {
    threads.emplace_back([&, t] {
      TestClient client(port());
      for (int i = 0; i < 5; ++i) tokens += content_events(client.post(kChat, chat(10 + t)));
    });
  }
  for (std::thread& thread : threads) thread.join();
  const HostStats stats = host->stats();
  EXPECT_EQ(stats.completed, 80);
  EXPECT_EQ(stats.output_tokens, tokens.load());
  EXPECT_EQ(stats.output_tokens, 5 * (16 * 10 + 120));
  expect_balanced(stats);
}

}  // namespace
}  // namespace kneepoint::simhost
