#include "common/serve/http_guard.h"

#include <gtest/gtest.h>

namespace kneepoint {
namespace {

const HttpGuard kHere{.token = "", .loopback = true, .port = 9464};
const HttpGuard kToken{.token = "s3cret", .loopback = false, .port = 9464};

/// The status of a refusal; 0 where there is none.
int status(const std::optional<HttpResponse>& refused) {
  return refused ? refused->status : 0;
}

std::string cookie_of(const HttpGuard& guard) {
  const std::string cookie = guard.session_cookie();
  return cookie.substr(0, cookie.find(';'));
}

TEST(HttpGuard, ANameThatOnlyLeadsHereIsNotServed) {
  for (const char* host : {"127.0.0.1:9464", "localhost", "LOCALHOST:80", "[::1]:9464", "127.8.8.8", ""})
    EXPECT_EQ(status(kHere.may_read({.host = host}, false)), 0) << host;
  for (const char* host : {"attacker.example", "attacker.example:9464", "localhost.attacker.example",
                           "127.0.0.1.attacker.example:9464", "10.0.0.7", "[", "[::1x"})
    EXPECT_EQ(status(kHere.may_read({.host = host}, true)), 421) << host;
}

TEST(HttpGuard, ATokenIsShownAsAHeaderOrAsTheCookieMadeOfIt) {
  EXPECT_EQ(status(kToken.may_read({.host = "any"}, false)), 401);
  EXPECT_EQ(status(kToken.may_read({.host = "any"}, true)), 0) << "an open page";
  EXPECT_EQ(status(kToken.may_read({.authorization = "Bearer s3cret"}, false)), 0);
  const std::string cookie = cookie_of(kToken);
  EXPECT_EQ(cookie.find("s3cret"), std::string::npos);
  const std::string among = "a=b; " + cookie + "; c=d";
  EXPECT_EQ(status(kToken.may_read({.cookie = among}, false)), 0);
  EXPECT_EQ(status(kToken.may_read({.authorization = "Bearer wrong", .cookie = among}, false)), 401);
  for (const HttpGuard& other :
       {HttpGuard{.token = "other", .port = 9464}, HttpGuard{.token = "s3cret", .port = 1}}) {
    const std::string foreign = cookie_of(other);
    EXPECT_EQ(status(kToken.may_read({.cookie = foreign}, false)), 401) << foreign;
  }
  EXPECT_EQ(status(kToken.may_read({.cookie = "kneepoint-9464=s3cret"}, false)), 401);
  EXPECT_EQ(status(kToken.may_read({.cookie = "kneepoint-9464="}, false)), 401);
}

TEST(HttpGuard, TheCookieIsForThisSiteAndNotForScripts) {
  const std::string cookie = kToken.session_cookie();
  EXPECT_NE(cookie.find("; HttpOnly"), std::string::npos) << cookie;
  EXPECT_NE(cookie.find("; SameSite=Strict"), std::string::npos) << cookie;
}

TEST(HttpGuard, WhatChangesSomethingComesFromTheLivePage) {
  const HttpClaims page{.host = "localhost:9464",
                        .origin = "http://localhost:9464",
                        .fetch_site = "same-origin",
                        .intent = "yes"};
  EXPECT_EQ(status(kHere.may_change(page)), 0);
  HttpClaims form = page;
  form.intent = "";
  EXPECT_EQ(status(kHere.may_change(form)), 403) << "what a form of another site can send";
  for (const char* origin : {"http://attacker.example", "null", "http://localhost:1"}) {
    HttpClaims foreign = page;
    foreign.origin = origin;
    EXPECT_EQ(status(kHere.may_change(foreign)), 403) << origin;
  }
  HttpClaims cross = page;
  cross.fetch_site = "cross-site";
  EXPECT_EQ(status(kHere.may_change(cross)), 403);
  HttpClaims rebound = page;
  rebound.host = "attacker.example:9464";
  rebound.origin = "http://attacker.example:9464";
  EXPECT_EQ(status(kHere.may_change(rebound)), 421);
  EXPECT_EQ(status(kHere.may_change({.host = "localhost:9464", .intent = "yes"})), 0) << "curl";
}

TEST(HttpGuard, BeyondThisMachineNothingIsChangedWithoutAToken) {
  const HttpGuard insecure{.token = "", .loopback = false, .port = 9464};
  const HttpClaims claims{.host = "10.0.0.7:9464", .intent = "yes"};
  EXPECT_EQ(status(insecure.may_read(claims, false)), 0);
  EXPECT_EQ(status(insecure.may_change(claims)), 403);
  EXPECT_EQ(status(kToken.may_change(claims)), 401);
  HttpClaims shown = claims;
  shown.authorization = "Bearer s3cret";
  EXPECT_EQ(status(kToken.may_change(shown)), 0);
}

TEST(QueryValues, AreDecodedAndAllFound) {
  using Values = std::vector<std::string>;
  EXPECT_EQ(query_values("run=a%20b&x=1&run=c+d", "run"), (Values{"a b", "c d"}));
  EXPECT_EQ(query_values("runs=a&run=%2e%2E%2f", "run"), (Values{"../"}));
  EXPECT_EQ(query_values("run=%4&run=%zz&run=%", "run"), (Values{"%4", "%zz", "%"}));
  EXPECT_EQ(query_values("", "run"), Values{});
  EXPECT_EQ(query_values("run&run=", "run"), (Values{""}));
}

}  // namespace
}  // namespace kneepoint
