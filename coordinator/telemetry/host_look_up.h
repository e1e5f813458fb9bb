#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <memory>
#include <string>
#include <vector>

#include "common/clock.h"

namespace kneepoint::coordinator {

/// Finds the addresses of one host after the other. The system's look-up blocks and cannot be cancelled: it
/// gets a thread of its own, and who waits for it waits until a deadline. For one coroutine on one io_context
/// thread; a look-up that hangs outlives this and its io_context harmlessly.
class HostLookUp {
 public:
  using Addresses = std::vector<boost::asio::ip::tcp::endpoint>;
  /// May block. Throws boost::system::system_error where there is no such host.
  using Find = Addresses (*)(const std::string& host, const std::string& port);
  /// As the system does.
  static Addresses find(const std::string& host, const std::string& port);

  explicit HostLookUp(Find find = &HostLookUp::find) : find_(find) {}

  /// Throws boost::system::system_error: what `Find` threw, or host_not_found_try_again at `deadline`. A
  /// look-up that is still under way then is the next one's, if that is for the same host.
  boost::asio::awaitable<Addresses> addresses(std::string host, std::string port, MonoTime deadline);

 private:
  struct Search;
  Find find_;
  std::shared_ptr<Search> search_;
};

}  // namespace kneepoint::coordinator
