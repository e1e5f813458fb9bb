#include "agent/session/agent_metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "common/serve/http_server.h"
#include "tests/support/http_test_client.h"
#include "tests/support/manual_clock.h"

/// An agent's metrics as a scraper sees them: over HTTP.
namespace kneepoint::agent {
namespace {

using ::testing::HasSubstr;
using namespace std::chrono_literals;

/// One second of load.
SecondSnapshot second_of_load(std::int64_t second) {
  SecondSnapshot snapshot;
  snapshot.second = second;
  SeriesStats& stats = snapshot.series[SeriesKey{0}];
  stats.outcomes[static_cast<std::size_t>(Outcome::kSuccess)] = 3;
  stats.outcomes[static_cast<std::size_t>(Outcome::kTimeout)] = 1;
  stats.usage_tokens = 96;
  stats.chunks_without_usage = 4;
  stats.chunks = 50;
  snapshot.generator.cpu_user = 0.25;
  snapshot.generator.cpu_system = 0.125;
  snapshot.generator.busiest_thread = 0.5;
  snapshot.generator.resident_bytes = 1 << 20;
  snapshot.generator.loop_gap.record(3ms, 2);
  return snapshot;
}

class AgentMetricsTest : public testing::Test {
 protected:
  AgentMetricsTest() {
    const auto show = [this](const HttpRequest&) { return HttpResponse{.body = metrics_.text()}; };
    auto server = HttpServer::start({"127.0.0.1", 0, true}, {{"/metrics", show}});
    EXPECT_TRUE(server) << server.error().message;
    server_ = *std::move(server);
  }

  /// A sample by its name and labels, as text; empty where there is none.
  std::string sample(const std::string& name) {
    std::istringstream lines(HttpTestClient(*server_).get("/metrics"));
    for (std::string line; std::getline(lines, line);)
      if (line.starts_with(name + " ")) return line.substr(name.size() + 1);
    return {};
  }
  void load(std::int64_t second, std::uint32_t in_flight) {
    SnapshotBatch batch;
    batch.seconds.push_back(second_of_load(second));
    batch.in_flight = in_flight;
    metrics_.observe(batch);
    metrics_.set({.state = "loading"});
  }

  ManualClock clock_;
  std::shared_ptr<Lease> lease_ = std::make_shared<Lease>(8s);
  AgentMetrics metrics_{{"1.2.3", "c0ffee"}, lease_, clock_};
  std::unique_ptr<HttpServer> server_;
};

TEST_F(AgentMetricsTest, EveryFamilyIsThereFromTheStart) {
  std::vector<std::string> exported, defined;
  std::istringstream lines(HttpTestClient(*server_).get("/metrics"));
  for (std::string line; std::getline(lines, line);)
    if (line.starts_with("# TYPE ")) exported.push_back(line.substr(7, line.find(' ', 7) - 7));
  for (const MetricDefinition& definition : agent_metric_definitions())
    if (definition.name != "kneepoint_agent_run_info") defined.emplace_back(definition.name);
  EXPECT_EQ(exported, defined);
  EXPECT_EQ(sample(R"(kneepoint_build_info{commit="c0ffee",version="1.2.3"})"), "1");
  EXPECT_EQ(sample(R"(kneepoint_agent_requests_total{outcome="unread"})"), "0");
  EXPECT_EQ(sample(R"(kneepoint_agent_state{state="joining"})"), "1");
}

TEST_F(AgentMetricsTest, SecondsAddUpAndGaugesAreThoseOfTheNewest) {
  load(4, 7);
  SnapshotBatch batch;
  batch.in_flight = 8;
  batch.seconds = {second_of_load(4), second_of_load(5)};  // the first is a late addition
  batch.seconds[0].generator.busiest_thread = 0.1;
  batch.seconds[1].generator.busiest_thread = 0.75;
  std::swap(batch.seconds[0], batch.seconds[1]);
  metrics_.observe(batch);
  EXPECT_EQ(sample(R"(kneepoint_agent_requests_total{outcome="success"})"), "9");
  EXPECT_EQ(sample(R"(kneepoint_agent_requests_total{outcome="timeout"})"), "3");
  EXPECT_EQ(sample("kneepoint_agent_output_tokens_total"), "300");
  EXPECT_EQ(sample("kneepoint_agent_content_chunks_total"), "150");
  EXPECT_EQ(sample(R"(kneepoint_agent_cpu_seconds_total{mode="user"})"), "0.75");
  EXPECT_EQ(sample(R"(kneepoint_agent_cpu_seconds_total{mode="system"})"), "0.375");
  EXPECT_EQ(sample("kneepoint_agent_resident_memory_bytes"), "1048576");
  EXPECT_EQ(sample("kneepoint_agent_inflight_requests"), "8");
  EXPECT_EQ(sample("kneepoint_agent_busiest_thread_ratio"), "0.75");
  EXPECT_EQ(sample("kneepoint_agent_loop_gap_seconds_count"), "6");
  EXPECT_EQ(sample(R"(kneepoint_agent_loop_gap_seconds_bucket{le="0.002"})"), "0");
  EXPECT_EQ(sample(R"(kneepoint_agent_loop_gap_seconds_bucket{le="0.005"})"), "6");
}

TEST_F(AgentMetricsTest, TheNextRunCountsFromItsOwnZero) {
  load(900, 7);
  metrics_.set({.state = "joined"});
  EXPECT_EQ(sample("kneepoint_agent_inflight_requests"), "0");
  EXPECT_EQ(sample("kneepoint_agent_busiest_thread_ratio"), "0");
  load(0, 2);
  EXPECT_EQ(sample("kneepoint_agent_inflight_requests"), "2");
  EXPECT_EQ(sample("kneepoint_agent_busiest_thread_ratio"), "0.5");
}

TEST_F(AgentMetricsTest, NamesTheRunThatItServesAndNoOther) {
  metrics_.set({.state = "ready", .run_id = "first"});
  EXPECT_EQ(sample(R"(kneepoint_agent_run_info{run_id="first"})"), "1");
  metrics_.set({.state = "ready", .run_id = "second"});
  EXPECT_EQ(sample(R"(kneepoint_agent_run_info{run_id="first"})"), "");
  EXPECT_EQ(sample(R"(kneepoint_agent_run_info{run_id="second"})"), "1");
  metrics_.set({.state = "joined"});
  EXPECT_EQ(sample(R"(kneepoint_agent_run_info{run_id="second"})"), "");
}

TEST_F(AgentMetricsTest, OneStateAtATimeAndWhatWaitsForTheCoordinator) {
  metrics_.set({.state = "lost",
                .outbox_batches = 3,
                .outbox_bytes = 4096,
                .clock_offset = -1500us,
                .clock_uncertainty = 250us});
  double states = 0;
  for (const std::string_view state : AgentMetrics::kStates)
    states += std::stod(sample("kneepoint_agent_state{state=\"" + std::string(state) + "\"}"));
  EXPECT_EQ(states, 1);
  EXPECT_EQ(sample(R"(kneepoint_agent_state{state="lost"})"), "1");
  EXPECT_EQ(sample("kneepoint_agent_outbox_batches"), "3");
  EXPECT_EQ(sample("kneepoint_agent_outbox_bytes"), "4096");
  EXPECT_EQ(sample("kneepoint_agent_clock_offset_seconds"), "-0.0015");
  EXPECT_EQ(sample("kneepoint_agent_clock_uncertainty_seconds"), "0.00025");
}

TEST_F(AgentMetricsTest, TheLeaseRunsOutWithoutAnybodySettingIt) {
  clock_.set(100s);
  EXPECT_EQ(sample("kneepoint_agent_lease_seconds"), "0");
  lease_->begin(MonoTime(100s));
  lease_->heartbeat(0s, MonoTime(100s));
  EXPECT_EQ(sample("kneepoint_agent_lease_seconds"), "8");
  clock_.advance(6s);
  EXPECT_EQ(sample("kneepoint_agent_lease_seconds"), "2");
  clock_.advance(6s);
  EXPECT_EQ(sample("kneepoint_agent_lease_seconds"), "0");
}

}  // namespace
}  // namespace kneepoint::agent
