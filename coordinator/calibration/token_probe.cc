#include "coordinator/calibration/token_probe.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <chrono>
#include <map>
#include <optional>
#include <utility>

#include "common/json_quoted.h"
#include "coordinator/telemetry/http_client.h"

namespace kneepoint::coordinator {
namespace {

namespace asio = boost::asio;

std::map<std::string, std::string> headers_of(const Target& target, const std::string& secret) {
  auto headers = target.headers;
  if (!secret.empty()) headers["Authorization"] = "Bearer " + secret;
  return headers;
}

Result<double> number_at(const HttpReply& reply, const char* pointer) {
  if (reply.status != 200) return Error{fmt::format("HTTP {}", reply.status)};
  simdjson::dom::parser parser;
  std::int64_t number = 0;
  if (parser.parse(reply.body).at_pointer(pointer).get(number) || number < 1)
    return Error{fmt::format("its answer has no count at {}", pointer)};
  return static_cast<double>(number);
}

}  // namespace

struct TokenProbe::Impl {
  const Target& target;
  const std::string system;
  const Bounds bounds;
  const MonoTime deadline;
  asio::io_context io;
  asio::cancellation_signal cancel;
  HttpClient client;
  bool answered = false;

  bool chat() const { return target.api == Api::kOpenAiChat; }

  /// `"model":…,"messages":[…]` or `"model":…,"prompt":…`, as the target's dialect has it.
  std::string members(const std::string& text) const {
    const std::string model =
        target.model.empty() ? "" : fmt::format(R"("model":{},)", json_quoted(target.model));
    if (!chat())
      return fmt::format(R"({}"prompt":{})", model,
                         json_quoted(system.empty() ? text : system + "\n\n" + text));
    const std::string first =
        system.empty() ? "" : fmt::format(R"({{"role":"system","content":{}}},)", json_quoted(system));
    return fmt::format(R"({}"messages":[{}{{"role":"user","content":{}}}])", model, first, json_quoted(text));
  }

  Result<HttpReply> post(std::string_view path, std::string json) {
    answered = false;
    std::optional<Result<HttpReply>> reply;
    asio::co_spawn(
        io,
        [&]() -> asio::awaitable<void> {
          reply.emplace(co_await client.post(join_url(target.urls.front(), path), std::move(json)));
        },
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

TokenProbe::TokenProbe(const Target& target, const std::string& secret, std::string system, Bounds bounds)
    : impl_(new Impl{.target = target,
                     .system = std::move(system),
                     .bounds = bounds,
                     .deadline = std::chrono::steady_clock::now() + bounds.limit,
                     .io = {},
                     .cancel = {},
                     .client = HttpClient(headers_of(target, secret), target.tls,
                                          {.connect = target.connect_timeout, .total = bounds.limit})}) {}
TokenProbe::~TokenProbe() = default;

bool TokenProbe::answered() const {
  return impl_->answered;
}

Result<double> TokenProbe::tokenize(const std::string& text) {
  const auto reply = impl_->post("/tokenize", fmt::format("{{{}}}", impl_->members(text)));
  if (!reply) return reply.error();
  return number_at(*reply, "/count");
}

Result<double> TokenProbe::usage(const std::string& text) {
  if (impl_->target.api == Api::kVllmGenerate) return Error{"its dialect reports no usage"};
  const auto reply =
      impl_->post(impl_->chat() ? "/v1/chat/completions" : "/v1/completions",
                  fmt::format(R"({{{},"max_tokens":1,"stream":false}})", impl_->members(text)));
  if (!reply) return reply.error();
  return number_at(*reply, "/usage/prompt_tokens");
}

}  // namespace kneepoint::coordinator
