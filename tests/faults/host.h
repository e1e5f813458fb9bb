#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <vector>

#include "tests/faults/world.h"
#include "tests/method/queue_fleet.h"
#include "tests/method/queue_model.h"

namespace kneepoint::faults {

/// Whoever sent a request; it hears of it at the instant at which it happens.
class Client {
 public:
  virtual ~Client() = default;
  struct Request;
  virtual void first_token(Request& request) = 0;
  virtual void tokens(const Request& request) = 0;
  virtual void finished(Request& request) = 0;
};
struct Client::Request {
  Client* client = nullptr;  ///< Null once it is gone.
  std::uint32_t slot = 0;
  std::uint64_t epoch = 0;
  MonoTime start{}, first{};
  std::uint32_t length = 0;  ///< In tokens.
};

/// The queueing model (tests/method/queue_model.h) as one host of many clients. It counts by itself what is
/// in flight.
class Host {
 public:
  Host(World& world, const method::QueueModel& model, std::uint64_t seed)
      : world_(world), model_(model), random_(seed), finishing_(model.longest + 1) {}

  std::shared_ptr<Client::Request> send(Client& client, std::uint32_t slot, std::uint64_t epoch);
  /// Its connection is closed: the host gives it up at once.
  void cancel(const std::shared_ptr<Client::Request>& request);
  const std::vector<std::shared_ptr<Client::Request>>& in_flight() const { return in_flight_; }
  std::function<void()> on_send;  ///< One more is in flight.

 private:
  void begin_iteration();
  void end_iteration();
  void forget(const std::shared_ptr<Client::Request>& request);

  World& world_;
  const method::QueueModel model_;
  method::Random random_;
  std::vector<std::shared_ptr<Client::Request>> in_flight_;
  std::deque<std::shared_ptr<Client::Request>> waiting_;
  std::vector<std::shared_ptr<Client::Request>> admitted_;
  std::vector<std::shared_ptr<Client::Request>> running_;
  std::vector<std::vector<std::shared_ptr<Client::Request>>> finishing_;  // by iteration modulo its size
  std::uint64_t iteration_ = 0;
  bool busy_ = false;
  double slow_ = 0;
};

}  // namespace kneepoint::faults
