#include "agent/session/permissions.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/net/target_policy.h"

namespace kneepoint::agent {
namespace {

using testing::HasSubstr;

sockaddr_storage address(const std::string& text) {
  sockaddr_storage storage{};
  auto& v4 = reinterpret_cast<sockaddr_in&>(storage);
  auto& v6 = reinterpret_cast<sockaddr_in6&>(storage);
  if (inet_pton(AF_INET, text.c_str(), &v4.sin_addr) == 1) {
    v4.sin_family = AF_INET;
  } else {
    EXPECT_EQ(inet_pton(AF_INET6, text.c_str(), &v6.sin6_addr), 1) << text;
    v6.sin6_family = AF_INET6;
  }
  return storage;
}

/// Whether a connection to `to` may be opened for the URL's host.
bool connects(const TargetPolicy& policy, const std::string& host, const std::string& to,
              const std::string& port = "80") {
  const sockaddr_storage storage = address(to);
  return policy.allows({.host = host, .port = port}, reinterpret_cast<const sockaddr*>(&storage));
}

TargetPolicy policy(const std::vector<std::string>& patterns) {
  auto parsed = TargetPolicy::parse(patterns);
  EXPECT_TRUE(parsed) << parsed.error().message;
  return *parsed;
}

TEST(TargetPolicy, ByDefaultThisMachineAndPrivateRanges) {
  const TargetPolicy standard = policy({});
  for (const char* good : {"127.0.0.1", "127.9.9.9", "::1", "10.0.0.1", "172.16.0.1", "172.31.255.255",
                           "192.168.7.7", "100.64.0.1", "fd12:3456::1", "::ffff:10.1.2.3", "0.0.0.0", "::"}) {
    EXPECT_TRUE(connects(standard, "host", good)) << good;
    EXPECT_TRUE(standard.check({.host = good, .port = "80"})) << good;
  }
  for (const char* bad : {"8.8.8.8", "172.32.0.1", "172.15.255.255", "11.0.0.1", "192.169.0.1", "100.128.0.1",
                          "2001:db8::1", "::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::1"}) {
    EXPECT_FALSE(connects(standard, "host", bad)) << bad;
    EXPECT_FALSE(standard.check({.host = bad, .port = "80"})) << bad;
  }
  EXPECT_TRUE(standard.check({.host = "gpu-1.example.com", .port = "80"})) << "its addresses decide";
}

TEST(TargetPolicy, LinkLocalAndMetadataOnlyByTheirOwnAddress) {
  const std::vector<std::string> guarded = {
      "169.254.169.254",        "169.254.0.1",        "fe80::1",          "fd00:ec2::254",
      "fd20:ce::254",           "100.100.100.200",    "168.63.129.16",    "192.0.0.192",
      "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "2002:a9fe:a9fe::1"};
  for (const std::string& each : guarded) {
    EXPECT_FALSE(connects(policy({}), "host", each)) << each;
    EXPECT_FALSE(connects(policy({"any"}), "host", each)) << each;
    EXPECT_FALSE(connects(policy({"0.0.0.0/0", "::/0"}), "host", each)) << each;
    EXPECT_FALSE(connects(policy({"host"}), "host", each)) << each << ": DNS decides what a name is";
    EXPECT_FALSE(connects(policy({"private", "10.0.0.0/8"}), "host", each)) << each;
  }
  // The same address in the other ways that a URL may write it.
  for (const char* each : {"2852039166", "0xa9fea9fe", "169.254.43518", "0251.0376.0251.0376"})
    EXPECT_FALSE(policy({"any"}).check({.host = each, .port = "80"})) << each;
  EXPECT_TRUE(connects(policy({"169.254.169.254"}), "host", "169.254.169.254"));
  EXPECT_TRUE(connects(policy({"169.254.0.0/16"}), "host", "169.254.9.9"));
  EXPECT_FALSE(connects(policy({"169.254.169.254"}), "host", "169.254.169.253"));
  EXPECT_TRUE(connects(policy({"fe80::/10"}), "host", "fe80::7"));
  EXPECT_TRUE(connects(policy({"fd00:ec2::254"}), "host", "fd00:ec2::254"));
}

TEST(TargetPolicy, NamesRangesAndPorts) {
  const TargetPolicy named =
      policy({"gpu-1.example.com", "*.gpu.net:8000", "203.0.113.0/24", "[2001:db8::1]:443"});
  EXPECT_TRUE(connects(named, "GPU-1.example.com", "8.8.8.8")) << "a name is a name, wherever it is";
  EXPECT_TRUE(connects(named, "gpu-1.example.com.", "8.8.8.8"));
  EXPECT_FALSE(connects(named, "gpu-2.example.com", "8.8.8.8"));
  EXPECT_FALSE(connects(named, "gpu-1.example.com.evil.net", "8.8.8.8"));
  EXPECT_TRUE(connects(named, "a.b.gpu.net", "8.8.8.8", "8000"));
  EXPECT_FALSE(connects(named, "a.gpu.net", "8.8.8.8", "80"));
  EXPECT_FALSE(connects(named, "gpu.net", "8.8.8.8", "8000"));
  EXPECT_FALSE(connects(named, "evilgpu.net", "8.8.8.8", "8000"));
  EXPECT_TRUE(connects(named, "x", "203.0.113.9"));
  EXPECT_FALSE(connects(named, "x", "203.0.114.9"));
  EXPECT_TRUE(connects(named, "x", "2001:db8::1", "443"));
  EXPECT_FALSE(connects(named, "x", "2001:db8::1", "80"));
  EXPECT_FALSE(connects(named, "localhost", "127.0.0.1")) << "what is given replaces the default";
  EXPECT_TRUE(connects(policy({"203.0.113.128/25"}), "x", "203.0.113.200"));
  EXPECT_FALSE(connects(policy({"203.0.113.128/25"}), "x", "203.0.113.100"));
  EXPECT_FALSE(policy({"gpu.net"}).check({.host = "other.net", .port = "80"})) << "no address could help it";
  EXPECT_TRUE(policy({"gpu.net"}).check({.host = "gpu.net", .port = "80"}));
  EXPECT_TRUE(connects(policy({"any"}), "x", "2001:db8::1"));
}

TEST(TargetPolicy, SaysWhatToDoAboutARefusal) {
  const auto refused = policy({}).check({.host = "8.8.8.8", .port = "80"});
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("--allow-target 8.8.8.8"));
  const auto found =
      policy({"10.0.0.0/8"}).check_resolved({{.host = "localhost", .port = "80"}}, std::chrono::seconds(5));
  ASSERT_FALSE(found);
  EXPECT_THAT(found.error().message, HasSubstr("localhost leads to "));
  EXPECT_TRUE(policy({}).check_resolved({{.host = "localhost", .port = "80"}}, std::chrono::seconds(5)));
}

TEST(TargetPolicy, RefusesWhatIsNoPattern) {
  for (const char* bad : {"", "http://gpu:80", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/8x", "gpu:0",
                          "gpu:99999", "gpu:", "a b", "*", "*.", "gp*u", "::1/129", "[::1", "\x1b[31m"}) {
    const auto parsed = TargetPolicy::parse({bad});
    EXPECT_FALSE(parsed) << bad;
    if (parsed) continue;
    EXPECT_THAT(parsed.error().message, HasSubstr("--allow-target"));
  }
}

TEST(Permissions, NothingOfThisMachineUnlessAllowed) {
  const Target open{.name = "t", .urls = {"http://h"}};
  EXPECT_TRUE(Permissions{}.check(open));
  Target token = open;
  token.auth = {SecretRef::Source::kEnvironment, "TOKEN"};
  const auto refused = Permissions{}.check(token);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("--allow-secret TOKEN"));
  EXPECT_TRUE((Permissions{.secrets = {"TOKEN"}}.check(token)));
  EXPECT_FALSE((Permissions{.secrets = {"TOKEN2", "TOKE"}}.check(token)));
  Target file = open;
  file.auth = {SecretRef::Source::kFile, "/run/secrets/token"};
  EXPECT_TRUE((Permissions{.secrets = {"/run/secrets/token"}}.check(file)));
  EXPECT_TRUE((Permissions{.secrets = {"/run/secrets/"}}.check(file)));
  EXPECT_FALSE((Permissions{.secrets = {"/run/secrets", "/run/secret"}}.check(file)));
  for (const char* climbing : {"/run/secrets/../shadow", "/run/secrets/a/../../b", "/run/secrets/.."}) {
    file.auth.name = climbing;
    EXPECT_FALSE((Permissions{.secrets = {"/run/secrets/"}}.check(file))) << climbing;
  }
  for (std::string TlsOptions::*member :
       {&TlsOptions::ca_file, &TlsOptions::client_cert, &TlsOptions::client_key}) {
    Target tls = open;
    tls.tls.*member = "/etc/x.pem";
    EXPECT_FALSE(Permissions{}.check(tls));
    EXPECT_TRUE((Permissions{.secrets = {"/etc/"}}.check(tls)));
  }
}

}  // namespace
}  // namespace kneepoint::agent
