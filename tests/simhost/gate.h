#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstddef>
#include <deque>
#include <functional>

#include "common/clock.h"

namespace kneepoint::simhost {

class Connection;

/// What lies between a request's arrival and the engine; off by default.
struct GateConfig {
  /// A gateway before the server lets so many requests in at a time and holds the others: the server's own
  /// clock starts when it lets one in. 0: there is none.
  int gateway_slots = 0;
  /// The server's front end, one thread, works so long on each request before the engine sees it.
  Nanos front_end{};
  bool on() const { return gateway_slots > 0 || front_end > Nanos(0); }
};

/// Holds requests as a gateway or a slow front end does. Everything runs on the thread of `io`.
class Gate {
 public:
  /// @param admit is given each request once the engine may have it, in the order in which they came.
  Gate(boost::asio::io_context& io, const GateConfig& config, std::function<void(Connection&)> admit);

  bool on() const { return config_.on(); }
  /// A request has been read. Its connection's clock is set to the moment when the server takes it.
  void arrive(Connection& connection);
  /// A request that had been admitted has ended, whichever way.
  void left();
  /// The connection has gone; true when it had not been admitted yet.
  bool forget(Connection& connection);
  void stop();
  /// Requests that the gateway holds.
  std::size_t held() const { return held_.size(); }
  /// CPU time of the front end so far.
  Nanos front_end_busy(Nanos now) const;

 private:
  void let_in();
  void work();

  GateConfig config_;
  std::function<void(Connection&)> admit_;
  boost::asio::steady_timer timer_;
  std::deque<Connection*> held_;     // by the gateway
  std::deque<Connection*> in_work_;  // in the front end, the first being worked on
  int inside_ = 0;
  Nanos busy_{};
  Nanos free_at_{};  // when the front end has done what it works on
  bool working_ = false;
};

}  // namespace kneepoint::simhost
