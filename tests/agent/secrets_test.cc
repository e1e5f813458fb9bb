#include "common/secrets.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

namespace kneepoint {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

SecretRef file_with(const std::string& content) {
  const std::string path = ::testing::TempDir() + "kneepoint_secret";
  std::ofstream(path, std::ios::binary) << content;
  return {SecretRef::Source::kFile, path};
}

TEST(ResolveSecret, NoneIsEmpty) {
  const auto secret = resolve_secret({});
  ASSERT_TRUE(secret);
  EXPECT_EQ(*secret, "");
}

TEST(ResolveSecret, FromTheEnvironment) {
  setenv("KNEEPOINT_TEST_SECRET", "sesame", 1);
  const auto secret = resolve_secret({SecretRef::Source::kEnvironment, "KNEEPOINT_TEST_SECRET"});
  ASSERT_TRUE(secret);
  EXPECT_EQ(*secret, "sesame");
  unsetenv("KNEEPOINT_TEST_SECRET");
  const auto missing = resolve_secret({SecretRef::Source::kEnvironment, "KNEEPOINT_TEST_SECRET"});
  ASSERT_FALSE(missing);
  EXPECT_THAT(missing.error().message, HasSubstr("KNEEPOINT_TEST_SECRET"));
}

TEST(ResolveSecret, FromAFileWithoutItsLineEnds) {
  const auto secret = resolve_secret(file_with("sesame\r\n\n"));
  ASSERT_TRUE(secret);
  EXPECT_EQ(*secret, "sesame");
  EXPECT_FALSE(resolve_secret({SecretRef::Source::kFile, "/nonexistent"}));
}

TEST(ResolveSecret, ErrorsNameTheReferenceAndNeverTheValue) {
  EXPECT_FALSE(resolve_secret(file_with("\n")));
  const auto two = resolve_secret(file_with("sesame\nX-Injected: 1"));
  ASSERT_FALSE(two);
  EXPECT_THAT(two.error().message, AllOf(HasSubstr("kneepoint_secret"), Not(HasSubstr("sesame"))));
}

}  // namespace
}  // namespace kneepoint
