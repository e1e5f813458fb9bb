#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

namespace kneepoint {

/// What the clients of a stream of server-sent events are told. Pulled by the server, so that a slow client
/// holds nothing but its own place.
class EventFeed {
 public:
  virtual ~EventFeed() = default;

  struct Piece {
    std::shared_ptr<const std::string> text;  ///< Whole events; null where there is nothing new.
    std::uint64_t seen = 0;                   ///< How far the client has come with it.
  };
  /// What follows for a client that has seen all up to `seen`; 0: nothing. Called on the server's thread,
  /// again after every tell().
  virtual Piece after(std::uint64_t seen) = 0;

  /// Who is woken by tell(); none: nobody. Once this returns, whoever was before is not called any more.
  void on_news(std::function<void()> wake) {
    const std::lock_guard lock(mutex_);
    wake_ = std::move(wake);
  }

 protected:
  /// There is something new. Any thread.
  void tell() {
    const std::lock_guard lock(mutex_);
    if (wake_) wake_();
  }

 private:
  std::mutex mutex_;
  std::function<void()> wake_;
};

}  // namespace kneepoint
