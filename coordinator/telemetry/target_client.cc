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

namespace kneepoint::coordinator {
namespace {

namespace asio = boost::asio;

std::map<std::string, std::string> headers_of(const Target& target, const std::string& secret) {
  auto headers = target.headers;
  if (!secret.empty()) headers["Authorization"] = "Bearer " + secret;
  return headers;
}

}  // namespace

struct TargetClient::Impl {
  const std::string& base;
  const Bounds bounds;
  const MonoTime deadline;
  asio::io_context io;
  asio::cancellation_signal cancel;
  HttpClient client;
  bool answered = false;

  Result<HttpReply> await(const std::function<asio::awaitable<Result<HttpReply>>()>& exchange) {
    answered = false;
    std::optional<Result<HttpReply>> reply;
    asio::co_spawn(
        io, [&]() -> asio::awaitable<void> { reply.emplace(co_await exchange()); },
        asio::bind_cancellation_slot(cancel.slot(), asio::detached));
    const auto give_up = [this] { cancel.emit(asio::cancellation_type::terminal); };
    io.restart();
    {
      const std::stop_callback on_stop(bounds.stop, [&] { asio::post(io, give_up); });
      io.run_until(deadline);
    }
    if (!reply) {
      give_up();
      io.run();
      return Error{fmt::format("no answer within {:g} s", to_seconds(bounds.limit))};
    }
    answered = static_cast<bool>(*reply);
    return *std::move(reply);
  }
};

TargetClient::TargetClient(const Target& target, const std::string& secret, const Bounds& bounds)
    : impl_(new Impl{.base = target.urls.front(),
                     .bounds = bounds,
                     .deadline = std::chrono::steady_clock::now() + bounds.limit,
                     .io = {},
                     .cancel = {},
                     .client = HttpClient(headers_of(target, secret), target.tls,
                                          {.connect = target.connect_timeout, .total = bounds.limit})}) {}
TargetClient::~TargetClient() = default;

Result<HttpReply> TargetClient::get(std::string_view path) {
  return impl_->await([&] { return impl_->client.get(join_url(impl_->base, path)); });
}

Result<HttpReply> TargetClient::post(std::string_view path, std::string json) {
  return impl_->await([&] { return impl_->client.post(join_url(impl_->base, path), std::move(json)); });
}

bool TargetClient::answered() const {
  return impl_->answered;
}

}  // namespace kneepoint::coordinator
