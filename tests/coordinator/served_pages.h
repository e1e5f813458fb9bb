#pragma once

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <memory>
#include <string>
#include <utility>

#include "common/serve/http_server.h"

namespace kneepoint::coordinator {

/// On a free port of loopback.
inline std::unique_ptr<HttpServer> serve(HttpServer::Routes routes) {
  auto server = HttpServer::start({.host = "127.0.0.1", .port = 0, .port_given = true}, std::move(routes));
  EXPECT_TRUE(server) << server.error().message;
  return std::move(*server);
}

/// A port that was free a moment ago.
inline std::string refused_url() {
  boost::asio::io_context context;
  boost::asio::ip::tcp::acceptor acceptor(context, {boost::asio::ip::address_v4::loopback(), 0});
  return "http://127.0.0.1:" + std::to_string(acceptor.local_endpoint().port()) + "/metrics";
}

}  // namespace kneepoint::coordinator
