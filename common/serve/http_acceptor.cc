#include "common/serve/http_acceptor.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/ip/v6_only.hpp>

namespace kneepoint {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

/// How far above the default port a free one is looked for.
constexpr int kPortsTried = 100;

error_code bind_and_listen(tcp::acceptor& acceptor, const tcp::endpoint& endpoint) {
  error_code error;
  acceptor.open(endpoint.protocol(), error);
  if (!error) acceptor.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error && endpoint.address().is_v6()) {
    acceptor.set_option(asio::ip::v6_only(!endpoint.address().is_unspecified()), error);
  }
  if (!error) acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(tcp::acceptor::max_listen_connections, error);
  if (error) {
    error_code ignored;
    acceptor.close(ignored);
  }
  return error;
}

}  // namespace

Result<HttpListening> open_acceptor(asio::io_context& io, const ListenAddress& address, bool beyond) {
  error_code error;
  tcp::resolver resolver(io);
  const auto found = resolver.resolve(address.host.empty() ? "0.0.0.0" : address.host,
                                      std::to_string(address.port), tcp::resolver::passive, error);
  const std::string wanted = format_address(address.host, address.port);
  if (error || found.empty()) {
    return Error{fmt::format("cannot serve on {}: {}", wanted, error.message())};
  }
  tcp::endpoint endpoint = found.begin()->endpoint();
  if (!endpoint.address().is_loopback() && !beyond) {
    return Error{
        fmt::format("{} is beyond this machine and anyone could read what it serves: give "
                    "--http-token-file, or add --insecure to allow it",
                    wanted)};
  }
  HttpListening listening{tcp::acceptor(io)};
  const int tries = address.port_given ? 1 : std::min(kPortsTried, 65535 - address.port);
  for (int i = 0; i < tries; ++i) {
    endpoint.port(static_cast<std::uint16_t>(address.port + i));
    error = bind_and_listen(listening.acceptor, endpoint);
    if (error != asio::error::address_in_use) break;
  }
  if (error) {
    if (tries > 1 && error == asio::error::address_in_use) {
      return Error{
          fmt::format("cannot serve on {}: the ports {} to {} are all in use; name another with --serve, "
                      "or --serve none",
                      wanted, address.port, endpoint.port())};
    }
    return Error{fmt::format("cannot serve on {}: {}; name another with --serve, or --serve none", wanted,
                             error.message())};
  }
  listening.moved = !address.port_given && endpoint.port() != address.port;
  return listening;
}

}  // namespace kneepoint
