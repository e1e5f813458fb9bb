#include "common/endpoint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kneepoint {
namespace {

TEST(Endpoint, ReadsHostsAndSockets) {
  EXPECT_EQ(parse_endpoint("agents.example:7070")->host, "agents.example");
  EXPECT_EQ(parse_endpoint("agents.example:7070")->port, 7070);
  EXPECT_EQ(parse_endpoint("[::1]:80")->host, "::1");
  EXPECT_EQ(parse_endpoint("[::1]:80")->str(), "[::1]:80");
  EXPECT_EQ(parse_endpoint("unix:/tmp/s")->path, "/tmp/s");
  EXPECT_EQ(parse_endpoint("unix:/tmp/s")->str(), "unix:/tmp/s");
}

TEST(Endpoint, RefusesWhatIsNeither) {
  for (const char* text : {"", "host", "host:", ":80", "host:x", "host:70000", "host:-1", "host:80x",
                           "::1:80", "unix:", "http://host:80"}) {
    EXPECT_FALSE(parse_endpoint(text)) << text;
  }
  EXPECT_FALSE(parse_endpoint("unix:/" + std::string(200, 'x')));
}

TEST(Endpoint, PlainTcpBeyondTheMachineMustBeAskedFor) {
  for (const char* local : {"127.0.0.1:1", "127.9.9.9:1", "localhost:1", "[::1]:1", "unix:/s"}) {
    EXPECT_TRUE(check_plaintext(*parse_endpoint(local), false)) << local;
  }
  for (const char* beyond : {"0.0.0.0:1", "10.0.0.1:1", "[::]:1", "host:1", "127.evil.example:1"}) {
    EXPECT_FALSE(check_plaintext(*parse_endpoint(beyond), false)) << beyond;
    EXPECT_TRUE(check_plaintext(*parse_endpoint(beyond), true)) << beyond;
  }
  EXPECT_THAT(check_plaintext(*parse_endpoint("0.0.0.0:1"), false).error().message,
              testing::HasSubstr("--insecure"));
}

}  // namespace
}  // namespace kneepoint
