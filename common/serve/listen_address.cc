#include "common/serve/listen_address.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>

namespace kneepoint {
namespace {

std::optional<std::uint16_t> parse_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return port;
}

Error malformed(std::string_view text, std::string_view why) {
  return Error{fmt::format("\"{}\" is not HOST:PORT: {}", text, why)};
}

}  // namespace

Result<ListenAddress> parse_listen_address(std::string_view text) {
  ListenAddress address;
  std::string_view host = text;
  std::optional<std::string_view> port;
  if (text.starts_with('[')) {
    const std::size_t close = text.find(']');
    if (close == std::string_view::npos) return malformed(text, "the bracket is not closed");
    host = text.substr(1, close - 1);
    const std::string_view rest = text.substr(close + 1);
    if (rest.starts_with(':')) {
      port = rest.substr(1);
    } else if (!rest.empty()) {
      return malformed(text, "a colon and a port must follow the bracket");
    }
    if (host.empty()) return malformed(text, "the brackets are empty");
  } else if (std::count(text.begin(), text.end(), ':') > 1) {
    return malformed(text, "write an IPv6 address in brackets, as in [::1]:9464");
  } else if (const std::size_t colon = text.find(':'); colon != std::string_view::npos) {
    host = text.substr(0, colon);
    port = text.substr(colon + 1);
  } else if (text.empty()) {
    return malformed(text, "it is empty");
  } else if (parse_port(text)) {  // no host is called 43100
    host = address.host;
    port = text;
  }
  address.host = std::string(host);
  if (port) {
    const std::optional<std::uint16_t> number = parse_port(*port);
    if (!number) return malformed(text, "the port must be a number from 0 to 65535");
    address.port = *number;
    address.port_given = true;
  }
  return address;
}

std::string format_address(std::string_view host, std::uint16_t port) {
  if (host.find(':') != std::string_view::npos) return fmt::format("[{}]:{}", host, port);
  return fmt::format("{}:{}", host, port);
}

}  // namespace kneepoint
