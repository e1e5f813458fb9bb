#include "coordinator/plan/needs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kneepoint::coordinator {
namespace {

using ::testing::ElementsAre;

TEST(PlanNeeds, TheHostsOfItsUrlsEachWithItsPort) {
  Plan plan;
  plan.targets.push_back(
      {.name = "a", .urls = {"http://gpu-1:8000", "http://gpu-1:8000/team", "https://gpu-2/v1"}});
  plan.targets.push_back({.name = "b", .urls = {"http://[::1]:81", "http://10.0.0.5", "http://gpu-3.:9"}});
  EXPECT_THAT(needed_hosts(plan),
              ElementsAre("10.0.0.5:80", "[::1]:81", "gpu-1:8000", "gpu-2:443", "gpu-3:9"));
}

TEST(PlanNeeds, WhatItsTokensAndTlsAreReadFrom) {
  Plan plan;
  plan.targets.push_back({.name = "a", .auth = {SecretRef::Source::kEnvironment, "TOKEN"}});
  plan.targets.push_back({.name = "b", .auth = {SecretRef::Source::kFile, "/run/token"}});
  plan.targets.push_back(
      {.name = "c", .tls = {.ca_file = "/ca", .client_cert = "/cert", .client_key = "/key"}});
  plan.targets.push_back({.name = "d"});
  EXPECT_THAT(needed_secrets(plan), ElementsAre("/ca", "/cert", "/key", "/run/token", "TOKEN"));
  EXPECT_THAT(needed_secrets({}), ElementsAre());
}

}  // namespace
}  // namespace kneepoint::coordinator
