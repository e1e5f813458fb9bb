#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "tests/coordinator/plan_samples.h"

namespace kneepoint::coordinator {
namespace {

Plan plan_with_auth(SecretRef auth, TlsOptions tls = {}) {
  return {.targets = {{.name = "host", .auth = std::move(auth), .tls = std::move(tls)}}};
}

std::string message_of(const Result<void>& result) {
  return result ? "" : result.error().message;
}

TEST(CheckSecrets, Environment) {
  const Plan plan = plan_with_auth({SecretRef::Source::kEnvironment, "KNEEPOINT_TEST_TOKEN"});
  ::unsetenv("KNEEPOINT_TEST_TOKEN");
  EXPECT_EQ(message_of(check_secrets(plan)),
            "target 'host': environment variable KNEEPOINT_TEST_TOKEN is not set; export the token in it");
  ::setenv("KNEEPOINT_TEST_TOKEN", "", 1);
  EXPECT_EQ(message_of(check_secrets(plan)),
            "target 'host': environment variable KNEEPOINT_TEST_TOKEN is empty; export the token in it");
  ::setenv("KNEEPOINT_TEST_TOKEN", "secret", 1);
  EXPECT_EQ(message_of(check_secrets(plan)), "");
  ::unsetenv("KNEEPOINT_TEST_TOKEN");
}

TEST(CheckSecrets, Files) {
  const std::string path = testing::TempDir() + "plan_secrets_test.token";
  std::filesystem::remove(path);
  const Plan plan = plan_with_auth({SecretRef::Source::kFile, path});
  EXPECT_EQ(message_of(check_secrets(plan)),
            "target 'host' auth: file '" + path + "' cannot be read; check the path and its permissions");
  std::ofstream(path).flush();
  EXPECT_EQ(message_of(check_secrets(plan)),
            "target 'host' auth: file '" + path + "' is empty; write the token into it");
  std::ofstream(path) << "secret";
  EXPECT_EQ(message_of(check_secrets(plan)), "");
  EXPECT_EQ(message_of(check_secrets(
                plan_with_auth({}, {.ca_file = path, .client_cert = path, .client_key = path}))),
            "");
  EXPECT_EQ(message_of(check_secrets(plan_with_auth({}, {.ca_file = "/no/ca.pem"}))),
            "target 'host' tls: file '/no/ca.pem' cannot be read; check the path and its permissions");
  std::filesystem::remove(path);
}

TEST(CheckSecrets, NoneNeeded) {
  EXPECT_EQ(message_of(check_secrets(plan_with_auth({}))), "");
}

}  // namespace
}  // namespace kneepoint::coordinator
