#include "coordinator/telemetry/host_look_up.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <mutex>
#include <thread>
#include <utility>

namespace kneepoint::coordinator {
namespace {

namespace asio = boost::asio;

}  // namespace

struct HostLookUp::Search {
  const std::string host, port;
  std::mutex mutex{};
  bool done = false;
  boost::system::error_code error{};
  Addresses found{};
  asio::steady_timer* waiting = nullptr;  ///< Of the coroutine that waits, while one does.

  static void run(const std::shared_ptr<Search>& search, Find find) {
    boost::system::error_code error;
    Addresses found;
    try {
      found = find(search->host, search->port);
    } catch (const boost::system::system_error& problem) {
      error = problem.code();
    }
    const std::lock_guard lock(search->mutex);
    search->done = true;
    search->error = error;
    search->found = std::move(found);
    // Who waits keeps its timer until it has taken the mutex.
    if (search->waiting != nullptr) asio::post(search->waiting->get_executor(), [search] { search->wake(); });
  }
  /// On the waiting coroutine's thread.
  void wake() {
    const std::lock_guard lock(mutex);
    if (waiting != nullptr) waiting->cancel();
  }
};

HostLookUp::Addresses HostLookUp::find(const std::string& host, const std::string& port) {
  asio::io_context context;
  Addresses addresses;
  for (const auto& entry : asio::ip::tcp::resolver(context).resolve(host, port))
    addresses.push_back(entry.endpoint());
  return addresses;
}

asio::awaitable<HostLookUp::Addresses> HostLookUp::addresses(std::string host, std::string port,
                                                             MonoTime deadline) {
  if (!search_ || search_->host != host || search_->port != port) {
    search_.reset(new Search{.host = std::move(host), .port = std::move(port)});
    std::thread([search = search_, find = find_] { Search::run(search, find); }).detach();
  }
  const std::shared_ptr<Search> search = search_;
  asio::steady_timer timer(co_await asio::this_coro::executor, deadline);
  // Also where the io_context goes before the answer has come.
  struct Waiting {
    Search& search;
    ~Waiting() {
      const std::lock_guard lock(search.mutex);
      search.waiting = nullptr;
    }
  };
  bool done = false;
  {
    const Waiting waiting{*search};
    {
      const std::lock_guard lock(search->mutex);
      done = search->done;
      search->waiting = &timer;
    }
    boost::system::error_code ignored;
    if (!done) co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    const std::lock_guard lock(search->mutex);
    done = search->done;
  }
  if (!done) throw boost::system::system_error(asio::error::host_not_found_try_again);
  search_.reset();  // addresses are not kept: the next connection asks again
  if (search->error) throw boost::system::system_error(search->error);
  co_return std::move(search->found);
}

}  // namespace kneepoint::coordinator
