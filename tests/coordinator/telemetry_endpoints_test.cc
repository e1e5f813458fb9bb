#include "coordinator/telemetry/endpoints.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

namespace kneepoint::coordinator {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

Target target(std::string name, std::vector<std::string> urls) {
  Target target;
  target.name = std::move(name);
  target.urls = std::move(urls);
  target.model = "m";
  target.headers = {{"X-Team", "ops"}};
  return target;
}

TEST(Endpoints, EveryReplicasOwnMetricsAreTried) {
  Plan plan;
  plan.targets = {target("host", {"http://a:1", "https://b/team"})};
  const auto endpoints = scrape_endpoints(plan);
  ASSERT_EQ(endpoints.size(), 2u);
  EXPECT_EQ(endpoints[0].target, "host");
  EXPECT_EQ(endpoints[0].url, "http://a:1/metrics");
  EXPECT_EQ(endpoints[1].url, "https://b/team/metrics");
  EXPECT_EQ(endpoints[1].headers.at("X-Team"), "ops");
  EXPECT_EQ(endpoints[1].model, "m");
  EXPECT_FALSE(endpoints[1].asked_for);
}

TEST(Endpoints, ThePlanNamesOthersInsteadAndBesides) {
  Plan plan;
  plan.targets = {target("host", {"http://a:1"}), target("dark", {"http://b:1"})};
  plan.targets[0].telemetry.urls = {"http://elsewhere/metrics"};
  plan.targets[0].telemetry.gpus = {{.url = "http://a:9400/metrics", .labels = {{"gpu", "0"}}}};
  plan.targets[1].telemetry.off = true;
  const auto endpoints = scrape_endpoints(plan);
  ASSERT_EQ(endpoints.size(), 2u);
  EXPECT_EQ(endpoints[0].url, "http://elsewhere/metrics");
  EXPECT_TRUE(endpoints[0].asked_for);
  EXPECT_EQ(endpoints[0].model, "m");
  EXPECT_EQ(endpoints[1].url, "http://a:9400/metrics");
  EXPECT_EQ(endpoints[1].gpu_labels.at("gpu"), "0");
  EXPECT_EQ(endpoints[1].model, "") << "an exporter knows no models";
}

/// A name server that knows one name, with two addresses.
HostLookUp::Addresses two_pods(const std::string& host, const std::string& port) {
  if (host != "pods.example") return HostLookUp::find(host, port);
  const auto at = [](const char* address) {
    return boost::asio::ip::tcp::endpoint(boost::asio::ip::make_address(address), 8000);
  };
  return {at("10.0.0.2"), at("10.0.0.1"), at("10.0.0.2")};
}

TEST(Endpoints, ANameOfSeveralPodsIsAskedAtEachOnce) {
  Plan plan;
  plan.targets = {target("host", {"http://127.0.0.1:1"})};
  plan.targets[0].telemetry.pods = {"http://pods.example:8000/metrics"};
  const auto endpoints = scrape_endpoints(plan, &two_pods);
  ASSERT_EQ(endpoints.size(), 2u);
  EXPECT_EQ(endpoints[0].url, "http://10.0.0.1:8000/metrics");
  EXPECT_EQ(endpoints[1].url, "http://10.0.0.2:8000/metrics");
}

TEST(Endpoints, PodsAreAskedAtEveryAddressOfTheirName) {
  Plan plan;
  plan.targets = {target("host", {"http://127.0.0.1:1"})};
  plan.targets[0].telemetry.pods = {"http://127.0.0.1:8000/metrics", "http://[::1]:8000/metrics",
                                    "http://no-such-name.invalid:8000/metrics"};
  const auto endpoints = scrape_endpoints(plan);
  ASSERT_EQ(endpoints.size(), 3u) << "and the address that they stand behind is not asked";
  EXPECT_EQ(endpoints[0].url, "http://127.0.0.1:8000/metrics");
  EXPECT_EQ(endpoints[1].url, "http://[::1]:8000/metrics");
  EXPECT_EQ(endpoints[2].url, "http://no-such-name.invalid:8000/metrics") << "its reader tells";
  EXPECT_TRUE(endpoints[2].asked_for);
  EXPECT_EQ(endpoints[0].model, "m");
}

TEST(Endpoints, SecretsGoToTheTargetsOwnHostsOnly) {
  ASSERT_EQ(setenv("KNEEPOINT_ENDPOINTS_TEST", "tok", 1), 0);
  Plan plan;
  plan.targets = {target("host", {"http://a:1"})};
  plan.targets[0].auth = {.source = SecretRef::Source::kEnvironment, .name = "KNEEPOINT_ENDPOINTS_TEST"};
  plan.targets[0].telemetry.gpus = {{.url = "http://a:9400/metrics", .labels = {}},
                                    {.url = "http://a:1/gpu/metrics", .labels = {}}};
  const auto endpoints = scrape_endpoints(plan);
  ASSERT_EQ(endpoints.size(), 3u);
  EXPECT_EQ(endpoints[0].headers.at("Authorization"), "Bearer tok");
  EXPECT_THAT(endpoints[1].headers, IsEmpty()) << "another port is another service";
  EXPECT_EQ(endpoints[2].headers.at("Authorization"), "Bearer tok");
  unsetenv("KNEEPOINT_ENDPOINTS_TEST");
  EXPECT_FALSE(scrape_endpoints(plan)[0].headers.contains("Authorization"));
}

TEST(Endpoints, GuardedUrlsCountForNoTarget) {
  Plan plan;
  plan.targets = {target("host", {"http://a:1"})};
  plan.guard_rails = {{.metric = "waiting", .limit = 3, .source = "http://other/metrics"},
                      {.metric = "running", .limit = 3, .source = "http://other/metrics"},
                      {.metric = "waiting", .limit = 3, .source = "http://a:1/metrics"},
                      {.metric = "waiting", .limit = 3, .source = ""}};
  const auto endpoints = scrape_endpoints(plan);
  ASSERT_EQ(endpoints.size(), 2u);
  EXPECT_EQ(endpoints[1].url, "http://other/metrics");
  EXPECT_EQ(endpoints[1].target, kGuardedElsewhere);
}

TEST(Endpoints, ThisMachinesGpusServeLoopbackTargets) {
  Plan plan;
  plan.targets = {target("here", {"http://127.0.0.1:1", "http://localhost:2"}),
                  target("away", {"http://a:1"}),
                  target("both", {"http://[::1]:1", "http://a:1"}),
                  target("tunnel", {"http://127.0.0.1:3"}),
                  target("named", {"http://this-host:1"}),
                  target("off", {"http://127.0.0.1:4"})};
  plan.targets[3].telemetry.nvml = false;
  plan.targets[4].telemetry.nvml = true;
  plan.targets[5].telemetry.off = true;
  EXPECT_THAT(targets_on_this_machine(plan), ElementsAre("here", "named"));
}

}  // namespace
}  // namespace kneepoint::coordinator
