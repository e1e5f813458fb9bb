#include "common/serve/listen_address.h"

#include <gtest/gtest.h>

namespace kneepoint {
namespace {

TEST(ListenAddress, ReadsWhatServeTakes) {
  struct Case {
    const char* text;
    ListenAddress address;
  };
  const Case cases[] = {
      {"127.0.0.1:80", {"127.0.0.1", 80, true}},
      {"localhost:0", {"localhost", 0, true}},
      {":9000", {"", 9000, true}},
      {"43100", {"127.0.0.1", 43100, true}},
      {"0.0.0.0", {"0.0.0.0", kDefaultServePort, false}},
      {"[::1]:9464", {"::1", 9464, true}},
      {"[::]", {"::", kDefaultServePort, false}},
  };
  for (const Case& c : cases) {
    const Result<ListenAddress> read = parse_listen_address(c.text);
    ASSERT_TRUE(read) << c.text << ": " << read.error().message;
    EXPECT_EQ(*read, c.address) << c.text;
  }
}

TEST(ListenAddress, RefusesTheRestInOneLine) {
  for (const char* text : {"", "::1", "::1:9464", "host:", "host:port", "host:65536", "host:-1", "host:80x",
                           "65536:", "[::1", "[]:80", "[::1]80", "[::1]:"}) {
    const Result<ListenAddress> read = parse_listen_address(text);
    ASSERT_FALSE(read) << text;
    EXPECT_EQ(read.error().message.find('\n'), std::string::npos);
    EXPECT_NE(read.error().message.find(text), std::string::npos);
  }
}

TEST(ListenAddress, WritesIpv6InBrackets) {
  EXPECT_EQ(format_address("::1", 80), "[::1]:80");
  EXPECT_EQ(format_address("10.0.0.1", 80), "10.0.0.1:80");
}

}  // namespace
}  // namespace kneepoint
