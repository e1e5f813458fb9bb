#include "coordinator/telemetry/http_client.h"

#include <fmt/format.h>
#include <openssl/ssl.h>

#include <boost/asio/connect.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl/ssl_stream.hpp>
#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>
#include <optional>

#include "common/version.h"

namespace kneepoint::coordinator {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::use_awaitable;
using TlsStream = beast::ssl_stream<beast::tcp_stream>;

struct Place {
  bool tls = false;
  std::string host;       ///< IPv6 without brackets.
  std::string authority;  ///< As in the Host header.
  std::string port;
  std::string path;
  bool same_host(const Place& other) const {
    return tls == other.tls && host == other.host && port == other.port;
  }
};

std::optional<Place> parse_place(const std::string& text) {
  const auto parsed = boost::urls::parse_uri(text);
  if (!parsed) return std::nullopt;
  const boost::urls::url_view url = *parsed;
  Place place;
  if (url.scheme() == "https") {
    place.tls = true;
  } else if (url.scheme() != "http") {
    return std::nullopt;
  }
  const auto encoded = url.encoded_host();
  place.host.assign(encoded.data(), encoded.size());
  if (place.host.empty()) return std::nullopt;
  place.authority = place.host;
  const auto port = url.port();
  if (port.empty()) {
    place.port = place.tls ? "443" : "80";
  } else {
    place.port.assign(port.data(), port.size());
    place.authority += ":" + place.port;
  }
  if (place.host.starts_with('[')) place.host = place.host.substr(1, place.host.size() - 2);
  const auto path = url.encoded_path();
  place.path.assign(path.data(), path.size());
  if (place.path.empty()) place.path = "/";
  if (url.has_query()) {
    const auto query = url.encoded_query();
    place.path += '?';
    place.path.append(query.data(), query.size());
  }
  return place;
}

/// Responses that may come before the one that answers (RFC 9110, 15.2).
constexpr int kMostInterim = 16;

/// Whether an answer is still to come: behind 100, 102 or 103, and where there was none yet.
bool is_interim(int status) {
  return status < 200 && status != 101;
}

std::string reason_of(const boost::system::error_code& error) {
  if (error == beast::error::timeout) return "no answer in time";
  if (error == asio::error::host_not_found_try_again) return "the look-up of its name gave no answer in time";
  if (error == http::error::end_of_stream) return "it closed the connection";
  if (error == http::error::bad_status) return "it never came to an answer";
  if (error == http::error::body_limit) return "its answer is too long";
  return error.message();
}

}  // namespace

struct HttpClient::Impl {
  std::map<std::string, std::string> headers;
  std::string user_agent;
  TlsOptions tls;
  HttpLimits limits;
  HostLookUp look_up;
  std::optional<asio::ssl::context> context;
  std::optional<Place> connected;
  std::unique_ptr<beast::tcp_stream> plain;
  std::unique_ptr<TlsStream> secure;

  void close() {
    connected.reset();
    plain.reset();
    secure.reset();
  }

  beast::tcp_stream& lowest() { return secure ? beast::get_lowest_layer(*secure) : *plain; }

  void make_context() {
    context.emplace(asio::ssl::context::tls_client);
    context->set_verify_mode(tls.verify ? asio::ssl::verify_peer : asio::ssl::verify_none);
    if (tls.ca_file.empty()) {
      context->set_default_verify_paths();
    } else {
      context->load_verify_file(tls.ca_file);
    }
    if (!tls.client_cert.empty()) {
      context->use_certificate_chain_file(tls.client_cert);
      context->use_private_key_file(tls.client_key, asio::ssl::context::pem);
    }
  }

  asio::awaitable<void> connect(const Place& place, MonoTime deadline) {
    close();
    const auto executor = co_await asio::this_coro::executor;
    const HostLookUp::Addresses addresses = co_await look_up.addresses(
        place.host, place.port, std::min(deadline, std::chrono::steady_clock::now() + limits.connect));
    if (place.tls) {
      if (!context) make_context();
      secure = std::make_unique<TlsStream>(executor, *context);
    } else {
      plain = std::make_unique<beast::tcp_stream>(executor);
    }
    lowest().expires_at(std::min(deadline, std::chrono::steady_clock::now() + limits.connect));
    co_await lowest().async_connect(addresses, use_awaitable);
    if (secure) {
      const std::string& name = tls.server_name.empty() ? place.host : tls.server_name;
      SSL_set_tlsext_host_name(secure->native_handle(), name.c_str());
      if (tls.verify) secure->set_verify_callback(asio::ssl::host_name_verification(name));
      lowest().expires_at(std::min(deadline, std::chrono::steady_clock::now() + limits.connect));
      co_await secure->async_handshake(asio::ssl::stream_base::client, use_awaitable);
    }
    connected = place;
  }

  template <class Stream>
  asio::awaitable<HttpReply> exchange(Stream& stream, const Place& place, const std::string* json) {
    http::request<http::string_body> request(json ? http::verb::post : http::verb::get, place.path, 11);
    request.set(http::field::host, place.authority);
    request.set(http::field::user_agent, user_agent);
    request.set(http::field::accept, "text/plain;version=0.0.4, application/json;q=0.5, */*;q=0.1");
    for (const auto& [name, value] : headers) request.set(name, value);
    if (json != nullptr) {
      request.set(http::field::content_type, "application/json");
      request.body() = *json;
      request.prepare_payload();
    }
    co_await http::async_write(stream, request, use_awaitable);
    beast::flat_buffer buffer;
    HttpReply reply;
    for (int responses = 0; is_interim(reply.status); ++responses) {
      if (responses > kMostInterim) throw boost::system::system_error(http::error::bad_status);
      http::response_parser<http::string_body> parser;
      parser.body_limit(limits.body);
      co_await http::async_read(stream, buffer, parser, use_awaitable);
      if (!parser.keep_alive()) connected.reset();
      reply.status = parser.get().result_int();
      reply.date = parser.get()[http::field::date];
      reply.location = parser.get()[http::field::location];
      reply.body = std::move(parser.get().body());
    }
    co_return reply;
  }

  asio::awaitable<HttpReply> send(const Place& place, const std::string* json, MonoTime deadline) {
    if (!connected || !connected->same_host(place)) co_await connect(place, deadline);
    lowest().expires_at(deadline);
    if (secure) co_return co_await exchange(*secure, place, json);
    co_return co_await exchange(*plain, place, json);
  }
};

HttpClient::HttpClient(std::map<std::string, std::string> headers, TlsOptions tls, HttpLimits limits,
                       std::string_view run_id, HostLookUp::Find find)
    : impl_(std::make_unique<Impl>()) {
  impl_->headers = std::move(headers);
  impl_->user_agent = user_agent(run_id);
  impl_->tls = std::move(tls);
  impl_->limits = limits;
  impl_->look_up = HostLookUp(find);
}
HttpClient::~HttpClient() = default;
HttpClient::HttpClient(HttpClient&&) noexcept = default;
HttpClient& HttpClient::operator=(HttpClient&&) noexcept = default;

asio::awaitable<Result<HttpReply>> HttpClient::get(std::string url) {
  co_return co_await request(std::move(url), nullptr);
}

asio::awaitable<Result<HttpReply>> HttpClient::post(std::string url, std::string json) {
  co_return co_await request(std::move(url), &json);
}

/// @param json outlives the exchange; null for a GET.
asio::awaitable<Result<HttpReply>> HttpClient::request(std::string url, const std::string* json) {
  const auto place = parse_place(url);
  if (!place) co_return Error{fmt::format("'{}' is not an http or https URL", url_for_display(url))};
  const MonoTime deadline = std::chrono::steady_clock::now() + impl_->limits.total;
  std::string why;
  // A kept connection may have been closed meanwhile: that costs one more attempt, on a new one.
  for (int attempt = 0; attempt < 2; ++attempt) {
    const bool reused = impl_->connected && impl_->connected->same_host(*place);
    bool may_be_stale = false;
    try {
      HttpReply reply = co_await impl_->send(*place, json, deadline);
      co_return reply;
    } catch (const boost::system::system_error& error) {
      why = reason_of(error.code());
      may_be_stale = reused && error.code() != beast::error::timeout;
    }
    impl_->close();
    if (!may_be_stale) break;
  }
  co_return Error{fmt::format("{}: {}", place->authority, why)};
}

std::string join_url(std::string_view base, std::string_view path) {
  while (base.ends_with('/')) base.remove_suffix(1);
  return std::string(base) + std::string(path);
}

std::string url_for_display(std::string_view url) {
  std::string shown(url.substr(0, url.find_first_of("?#")));
  const auto scheme = shown.find("://");
  if (scheme == shown.npos) return shown;
  const auto authority = scheme + 3;
  const auto at = shown.substr(0, shown.find('/', authority)).rfind('@');
  if (at != shown.npos && at >= authority) shown.erase(authority, at + 1 - authority);
  return shown;
}

}  // namespace kneepoint::coordinator
