#include "tests/simhost/gate.h"

#include <algorithm>

#include "tests/simhost/connection.h"

namespace kneepoint::simhost {

Gate::Gate(boost::asio::io_context& io, const GateConfig& config, std::function<void(Connection&)> admit)
    : config_(config), admit_(std::move(admit)), timer_(io) {}

void Gate::arrive(Connection& connection) {
  held_.push_back(&connection);
  let_in();
}

void Gate::let_in() {
  while (!held_.empty() && (config_.gateway_slots == 0 || inside_ < config_.gateway_slots)) {
    Connection& connection = *held_.front();
    held_.pop_front();
    ++inside_;
    connection.take(std::chrono::steady_clock::now().time_since_epoch());
    in_work_.push_back(&connection);
  }
  work();
}

void Gate::work() {
  if (working_) return;
  if (config_.front_end == Nanos(0)) {
    // An admission may end a request at once, and so let the next one in.
    working_ = true;
    while (!in_work_.empty()) {
      Connection& connection = *in_work_.front();
      in_work_.pop_front();
      admit_(connection);
    }
    working_ = false;
    return;
  }
  if (in_work_.empty()) return;
  working_ = true;
  // Absolute times: a timer that fires late takes nothing of the next request's time.
  free_at_ = std::max(free_at_, in_work_.front()->received()) + config_.front_end;
  timer_.expires_at(MonoTime(free_at_));
  timer_.async_wait([this](const boost::system::error_code& cancelled) {
    if (cancelled) return;
    busy_ += config_.front_end;
    working_ = false;
    if (!in_work_.empty()) {
      Connection& connection = *in_work_.front();
      in_work_.pop_front();
      admit_(connection);
    }
    work();
  });
}

void Gate::left() {
  --inside_;
  let_in();
}

bool Gate::forget(Connection& connection) {
  if (std::erase(held_, &connection) > 0) return true;
  if (std::erase(in_work_, &connection) == 0) return false;
  left();
  return true;
}

void Gate::stop() {
  timer_.cancel();
  held_.clear();
  in_work_.clear();
}

Nanos Gate::front_end_busy(Nanos now) const {
  if (!working_) return busy_;
  return busy_ + std::clamp(now - (free_at_ - config_.front_end), Nanos(0), config_.front_end);
}

}  // namespace kneepoint::simhost
