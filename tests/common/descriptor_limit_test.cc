#include "common/descriptor_limit.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <cstdlib>

namespace kneepoint {
namespace {

TEST(DescriptorLimit, IsRaisedToWhatTheSystemAllows) {
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  rlimit low = before;
  low.rlim_cur = 64;
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &low), 0);
  EXPECT_TRUE(raise_descriptor_limit());
  rlimit raised{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &raised), 0);
  EXPECT_EQ(raised.rlim_cur, before.rlim_max);
  setrlimit(RLIMIT_NOFILE, &before);
}

/// Of a child: a hard limit cannot be raised again.
TEST(DescriptorLimit, TooFewAreSaidBeforeAnybodyMissesThem) {
  EXPECT_TRUE(check_descriptor_limit());
  EXPECT_EXIT(
      {
        rlimit few{};
        few.rlim_cur = few.rlim_max = 12;
        if (setrlimit(RLIMIT_NOFILE, &few) != 0) std::_Exit(2);
        const auto enough = check_descriptor_limit();
        const bool said = !enough && enough.error().message.starts_with("only 12 files may be open here");
        std::_Exit(said ? 0 : 1);
      },
      testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace kneepoint
