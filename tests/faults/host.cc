#include "tests/faults/host.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace kneepoint::faults {

std::shared_ptr<Client::Request> Host::send(Client& client, std::uint32_t slot, std::uint64_t epoch) {
  auto request = std::make_shared<Client::Request>();
  *request = {.client = &client, .slot = slot, .epoch = epoch, .start = world_.now()};
  in_flight_.push_back(request);
  waiting_.push_back(request);
  if (on_send) on_send();
  if (!std::exchange(busy_, true)) world_.after(Nanos(0), [this] { begin_iteration(); });
  return request;
}

void Host::forget(const std::shared_ptr<Client::Request>& request) {
  request->client = nullptr;
  std::erase(in_flight_, request);
  std::erase(running_, request);
}

void Host::cancel(const std::shared_ptr<Client::Request>& request) {
  if (request->client == nullptr) return;
  forget(request);
  std::erase(waiting_, request);
  std::erase(admitted_, request);
}

void Host::begin_iteration() {
  while (running_.size() < model_.slots && !waiting_.empty()) {
    const auto request = waiting_.front();
    waiting_.pop_front();
    const std::uint32_t choices = model_.longest - model_.shortest + 1;
    request->length = model_.shortest + static_cast<std::uint32_t>(random_.uniform() * choices);
    finishing_[(iteration_ + request->length - 1) % finishing_.size()].push_back(request);
    admitted_.push_back(request);
    running_.push_back(request);
  }
  busy_ = !running_.empty();
  if (!busy_) return;
  const double mean =
      model_.iteration(static_cast<double>(running_.size()), static_cast<double>(admitted_.size()));
  const double kept = std::exp(-mean / model_.slow_seconds);
  slow_ = kept * slow_ + std::sqrt(1 - kept * kept) * model_.slow_noise * random_.bell();
  world_.after(from_seconds(mean * (1 + slow_ + model_.fast_noise * random_.bell())),
               [this] { end_iteration(); });
}

void Host::end_iteration() {
  for (const auto& request : std::exchange(admitted_, {})) {
    request->first = world_.now();
    request->client->first_token(*request);
  }
  for (const auto& request : running_) request->client->tokens(*request);
  const auto finished = std::exchange(finishing_[iteration_ % finishing_.size()], {});
  ++iteration_;
  for (const auto& request : finished) {
    Client* const client = request->client;
    if (client == nullptr) continue;
    forget(request);
    client->finished(*request);
  }
  begin_iteration();
}

}  // namespace kneepoint::faults
