#include "coordinator/telemetry/target_client.h"

#include <fmt/format.h>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <functional>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "common/secrets.h"

namespace kneepoint::coordinator {
namespace {

namespace asio = boost::asio;

}  // namespace

struct TargetClient::Impl {
  const std::vector<std::string>& urls;
  const Options options;
  const MonoTime deadline;
  asio::io_context io;
  asio::cancellation_signal cancel;
  HttpClient client;
  std::size_t replica = 0;
  int status = 0;

  using Exchange = std::function<asio::awaitable<Result<HttpReply>>(const std::string& base)>;

  Result<HttpReply> ask(const Exchange& exchange) {
    for (;; ++replica) {
      const bool last = replica + 1 == urls.size();
      const MonoTime now = std::chrono::steady_clock::now();
      Result<HttpReply> reply = await(exchange, last ? deadline : now + (deadline - now) / 2);
      if (reply || last || options.stop.stop_requested()) return reply;
    }
  }

  /// @returns what the replica at hand says `until` then.
  Result<HttpReply> await(const Exchange& exchange, MonoTime until) {
    status = 0;
    std::optional<Result<HttpReply>> reply;
    asio::co_spawn(
        io, [&]() -> asio::awaitable<void> { reply.emplace(co_await exchange(urls[replica])); },
        asio::bind_cancellation_slot(cancel.slot(), asio::detached));
    const auto give_up = [this] { cancel.emit(asio::cancellation_type::terminal); };
    io.restart();
    {
      const std::stop_callback on_stop(options.stop, [&] { asio::post(io, give_up); });
      io.run_until(until);
    }
    if (!reply) {
      give_up();
      io.run();
      return Error{fmt::format("no answer within {:g} s", to_seconds(options.limit))};
    }
    if (*reply) status = (*reply)->status;
    return *std::move(reply);
  }
};

TargetClient::TargetClient(const Target& target, const std::string& secret, const Options& options)
    : impl_(new Impl{.urls = target.urls,
                     .options = options,
                     .deadline = std::chrono::steady_clock::now() + options.limit,
                     .io = {},
                     .cancel = {},
                     .client = HttpClient(headers_with_key(target, secret), target.tls,
                                          {.connect = target.connect_timeout, .total = options.limit},
                                          options.run_id)}) {}
TargetClient::~TargetClient() = default;

Result<HttpReply> TargetClient::get(std::string_view path) {
  return impl_->ask([&](const std::string& base) { return impl_->client.get(join_url(base, path)); });
}

Result<HttpReply> TargetClient::post(std::string_view path, const std::string& json) {
  return impl_->ask([&](const std::string& base) { return impl_->client.post(join_url(base, path), json); });
}

int TargetClient::status() const {
  return impl_->status;
}

}  // namespace kneepoint::coordinator
