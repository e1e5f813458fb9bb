#include "agent/net/resolver.h"

#include <algorithm>
#include <mutex>
#include <thread>
#include <utility>

namespace kneepoint::agent {
namespace {

std::string cache_key(const Endpoint& endpoint) {
  return endpoint.host + ' ' + endpoint.port;
}

std::vector<Address> in_turn(std::vector<Address> addresses, std::size_t turn) {
  const auto others = std::find_if(addresses.begin(), addresses.end(), [&](const Address& address) {
    return address.storage.ss_family != addresses.front().storage.ss_family;
  });
  const auto preferred = static_cast<std::size_t>(others - addresses.begin());
  std::rotate(addresses.begin(), addresses.begin() + static_cast<std::ptrdiff_t>(turn % preferred), others);
  return addresses;
}

}  // namespace

struct Resolver::Mailbox {
  std::mutex mutex;
  Resolver* resolver;
};

Resolver::Resolver(Poller& poller, LookUp look_up, std::size_t first_turn)
    : poller_(poller), look_up_(look_up), first_turn_(first_turn), mailbox_(std::make_shared<Mailbox>()) {
  mailbox_->resolver = this;
}

Resolver::~Resolver() {
  const std::lock_guard lock(mailbox_->mutex);
  mailbox_->resolver = nullptr;
}

Task<std::vector<Address>> Resolver::addresses(const Endpoint& endpoint, Sleeper& sleeper,
                                               MonoTime deadline) {
  const std::string key = cache_key(endpoint);
  Entry& entry = entries_[key];  // map nodes stay where they are
  if (!entry.known) entry.addresses = numeric_address(endpoint);
  if (!entry.addresses.empty()) entry.known = true;
  if (!entry.known) {
    if (entry.waiting.empty()) start_look_up(key, endpoint);
    entry.waiting.push_back(&sleeper);
    const Wake wake = co_await sleeper.until(deadline);
    std::erase(entry.waiting, &sleeper);
    if (wake == Wake::kCancelled || !entry.known) co_return std::vector<Address>();
  }
  co_return in_turn(entry.addresses, first_turn_ + entry.turn++);
}

void Resolver::forget(const Endpoint& endpoint) {
  entries_[cache_key(endpoint)].known = false;
}

/// A look-up blocks and cannot be cancelled: a thread of its own, detached, which reports through the
/// mailbox.
void Resolver::start_look_up(const std::string& key, const Endpoint& endpoint) {
  std::thread([mailbox = mailbox_, look_up = look_up_, key, endpoint] {
    std::vector<Address> addresses = look_up(endpoint);
    const std::lock_guard lock(mailbox->mutex);
    if (mailbox->resolver == nullptr) return;
    mailbox->resolver->poller_.post([mailbox, key, addresses = std::move(addresses)] {
      if (mailbox->resolver != nullptr) mailbox->resolver->found(key, addresses);
    });
  }).detach();
}

void Resolver::found(const std::string& key, std::vector<Address> addresses) {
  Entry& entry = entries_[key];
  entry.known = !addresses.empty();  // a failure is not remembered: the next request asks again
  entry.addresses = std::move(addresses);
  for (Sleeper* sleeper : std::exchange(entry.waiting, {})) sleeper->interrupt(Wake::kReady);
}

}  // namespace kneepoint::agent
