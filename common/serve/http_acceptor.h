#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include "common/result.h"
#include "common/serve/listen_address.h"

namespace kneepoint {

struct HttpListening {
  boost::asio::ip::tcp::acceptor acceptor;
  bool moved = false;  ///< The default port is taken: it listens on the next free one.
};

/// Binds and listens. Where the default port is taken and the user named none, the next free one up is used.
/// @param beyond whether it may listen beyond this machine. @returns one clear line where it cannot.
Result<HttpListening> open_acceptor(boost::asio::io_context& io, const ListenAddress& address, bool beyond);

}  // namespace kneepoint
