#include "coordinator/calibration/token_probe.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <map>
#include <optional>
#include <utility>

#include "coordinator/telemetry/http_client.h"

namespace kneepoint::coordinator {
namespace {

using namespace std::chrono_literals;

/// A probe meets an idle host: it is answered at once, or not at all.
constexpr HttpLimits kLimits{.connect = 5s, .total = 30s, .body = 16 << 20};

std::map<std::string, std::string> headers_of(const Target& target, const std::string& secret) {
  auto headers = target.headers;
  if (!secret.empty()) headers["Authorization"] = "Bearer " + secret;
  return headers;
}

std::string json_string(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      out += fmt::format("\\u{:04x}", static_cast<unsigned char>(c));
    } else {
      out += c;
    }
  }
  return out + '"';
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
  boost::asio::io_context io;
  HttpClient client;

  bool chat() const { return target.api == Api::kOpenAiChat; }

  /// `"model":…,"messages":[…]` or `"model":…,"prompt":…`, as the target's dialect has it.
  std::string members(const std::string& text) const {
    const std::string model =
        target.model.empty() ? "" : fmt::format(R"("model":{},)", json_string(target.model));
    if (!chat())
      return fmt::format(R"({}"prompt":{})", model,
                         json_string(system.empty() ? text : system + "\n\n" + text));
    const std::string first =
        system.empty() ? "" : fmt::format(R"({{"role":"system","content":{}}},)", json_string(system));
    return fmt::format(R"({}"messages":[{}{{"role":"user","content":{}}}])", model, first, json_string(text));
  }

  Result<HttpReply> post(std::string_view path, std::string json) {
    std::optional<Result<HttpReply>> reply;
    boost::asio::co_spawn(
        io,
        [&]() -> boost::asio::awaitable<void> {
          reply.emplace(co_await client.post(join_url(target.urls.front(), path), std::move(json)));
        },
        boost::asio::detached);
    io.restart();
    io.run();
    return *std::move(reply);
  }
};

TokenProbe::TokenProbe(const Target& target, const std::string& secret, std::string system)
    : impl_(new Impl{.target = target,
                     .system = std::move(system),
                     .io = {},
                     .client = HttpClient(headers_of(target, secret), target.tls, kLimits)}) {}
TokenProbe::~TokenProbe() = default;

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
