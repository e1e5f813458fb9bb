#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "agent/net/endpoint.h"
#include "agent/net/poller.h"
#include "agent/net/task.h"

namespace kneepoint::agent {

/// The addresses of one thread's endpoints: looked up once, off the event loop, and again after `forget`.
/// An endpoint's addresses take turns at coming first, so that connections spread over all of them. Belongs
/// to one poller's thread.
class Resolver {
 public:
  /// Finds the addresses of a name; may block.
  using LookUp = std::vector<Address> (*)(const Endpoint&);

  /// @param look_up runs on threads of its own. @param first_turn whose turn is the first, modulo the number
  /// of addresses: resolvers of different threads do not begin at the same.
  explicit Resolver(Poller& poller, LookUp look_up = &resolve, std::size_t first_turn = 0);
  ~Resolver();
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;

  /// The endpoint's addresses, those of the system's preferred family first and in turn, the others behind
  /// them as they are: they may be the same hosts' once more. Empty when there is no such host, or when that
  /// is not known by `deadline` or by the sleeper's interruption.
  Task<std::vector<Address>> addresses(const Endpoint& endpoint, Sleeper& sleeper, MonoTime deadline);
  /// No address answered: the next request looks them up again.
  void forget(const Endpoint& endpoint);

 private:
  struct Entry {
    bool known = false;
    std::size_t turn = 0;
    std::vector<Address> addresses;
    std::vector<Sleeper*> waiting;
  };
  /// Outlives the resolver when a lookup hangs: its thread finds `resolver` gone and drops what it found.
  struct Mailbox;

  void start_look_up(const std::string& key, const Endpoint& endpoint);
  void found(const std::string& key, std::vector<Address> addresses);

  Poller& poller_;
  const LookUp look_up_;
  const std::size_t first_turn_;
  std::map<std::string, Entry> entries_;
  std::shared_ptr<Mailbox> mailbox_;
};

}  // namespace kneepoint::agent
