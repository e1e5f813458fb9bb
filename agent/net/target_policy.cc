#include "agent/net/target_policy.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cstring>
#include <future>
#include <thread>
#include <utility>

namespace kneepoint::agent {
namespace {

constexpr const char* kPrivate[] = {"127.0.0.0/8",    "::1",           "10.0.0.0/8", "172.16.0.0/12",
                                    "192.168.0.0/16", "100.64.0.0/10", "fc00::/7"};
/// Link-local, and where the metadata services of clouds are: all of them (169.254.169.254 and its kin), AWS
/// by IPv6 (fd00:ec2::/32), Google by IPv6 (fd20:ce::/32), Alibaba, Azure's wire server, Oracle.
constexpr const char* kGuarded[] = {"169.254.0.0/16",  "fe80::/10",     "fd00:ec2::/32", "fd20:ce::/32",
                                    "100.100.100.200", "168.63.129.16", "192.0.0.192"};

constexpr std::size_t kMaxLookUps = 64;

/// Addresses under which an IPv4 host is reached by IPv6: mapped, NAT64 (RFC 6052), 6to4. The host is what
/// counts.
void unwrap(std::uint8_t (&bytes)[16]) {
  static constexpr std::uint8_t kMapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  static constexpr std::uint8_t kNat64[12] = {0, 0x64, 0xff, 0x9b};
  std::uint8_t v4[4];
  if (std::memcmp(bytes, kNat64, sizeof kNat64) == 0) {
    std::memcpy(v4, bytes + 12, 4);
  } else if (bytes[0] == 0x20 && bytes[1] == 0x02) {
    std::memcpy(v4, bytes + 2, 4);
  } else {
    return;
  }
  std::memcpy(bytes, kMapped, sizeof kMapped);
  std::memcpy(bytes + 12, v4, 4);
}

void map_v4(const in_addr& address, std::uint8_t (&bytes)[16]) {
  std::memset(bytes, 0, 10);
  bytes[10] = bytes[11] = 0xff;
  std::memcpy(bytes + 12, &address, 4);
}

/// @return false for what is neither IPv4 nor IPv6.
bool bytes_of(const sockaddr* address, std::uint8_t (&bytes)[16]) {
  if (address->sa_family == AF_INET) {
    map_v4(reinterpret_cast<const sockaddr_in*>(address)->sin_addr, bytes);
  } else if (address->sa_family == AF_INET6) {
    std::memcpy(bytes, &reinterpret_cast<const sockaddr_in6*>(address)->sin6_addr, 16);
    unwrap(bytes);
  } else {
    return false;
  }
  // Connecting to "no address" leads to this machine.
  static constexpr std::uint8_t kNone[16] = {};
  static constexpr std::uint8_t kNone4[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  if (std::memcmp(bytes, kNone, 16) == 0) bytes[15] = 1;
  if (std::memcmp(bytes, kNone4, 16) == 0) bytes[12] = 127, bytes[15] = 1;
  return true;
}

std::uint16_t port_of(const Endpoint& endpoint) {
  std::uint16_t port = 0;
  std::from_chars(endpoint.port.data(), endpoint.port.data() + endpoint.port.size(), port);
  return port;
}

bool is_host(std::string_view text) {
  if (text.starts_with("*.")) text.remove_prefix(2);
  return !text.empty() && text.front() != '.' && std::all_of(text.begin(), text.end(), [](unsigned char c) {
    return std::isalnum(c) || c == '.' || c == '-' || c == '_' || c >= 0x80;
  });
}

bool same_name(std::string_view host, std::string_view lower) {
  return std::equal(host.begin(), host.end(), lower.begin(), lower.end(),
                    [](unsigned char a, char b) { return static_cast<char>(std::tolower(a)) == b; });
}

}  // namespace

TargetPolicy::TargetPolicy() : ranges_(private_ranges()) {}

Result<std::vector<TargetPolicy::Range>> TargetPolicy::ranges(const std::vector<const char*>& texts) {
  std::vector<Range> ranges;
  for (const char* text : texts) {
    Range range{};
    if (!read_range(text, range)) return Error{fmt::format("'{}' is no range", text)};
    ranges.push_back(range);
  }
  return ranges;
}

const std::vector<TargetPolicy::Range>& TargetPolicy::private_ranges() {
  static const auto kRanges = *ranges({std::begin(kPrivate), std::end(kPrivate)});
  return kRanges;
}
const std::vector<TargetPolicy::Range>& TargetPolicy::guarded_ranges() {
  static const auto kRanges = *ranges({std::begin(kGuarded), std::end(kGuarded)});
  return kRanges;
}

bool TargetPolicy::read_range(std::string_view text, Range& range) {
  const std::size_t slash = text.find('/');
  std::string address(text.substr(0, slash));
  if (address.starts_with('[') && address.ends_with(']')) address = address.substr(1, address.size() - 2);
  unsigned width = 128;
  unsigned first = 0;
  in_addr v4{};
  if (inet_pton(AF_INET, address.c_str(), &v4) == 1) {
    map_v4(v4, range.bytes);
    width = 32;
    first = 96;
  } else if (inet_pton(AF_INET6, address.c_str(), range.bytes) != 1) {
    return false;
  }
  unsigned bits = width;
  if (slash != text.npos) {
    const char* end = text.data() + text.size();
    const auto [stop, problem] = std::from_chars(text.data() + slash + 1, end, bits);
    if (problem != std::errc() || stop != end || bits > width) return false;
  }
  range.bits = first + bits;
  return true;
}

bool TargetPolicy::holds(const Range& range, const std::uint8_t (&bytes)[16]) {
  const unsigned whole = range.bits / 8;
  if (std::memcmp(range.bytes, bytes, whole) != 0) return false;
  if (range.bits % 8 == 0) return true;
  const unsigned shift = 8 - range.bits % 8;
  return range.bytes[whole] >> shift == bytes[whole] >> shift;
}

Result<TargetPolicy> TargetPolicy::parse(const std::vector<std::string>& patterns) {
  TargetPolicy policy;
  if (!patterns.empty()) policy.ranges_.clear();
  for (const std::string& pattern : patterns) {
    const Error wrong{fmt::format(
        "--allow-target {}: write a host, *.DOMAIN, an address, a range as 10.0.0.0/8, private or any, and "
        ":PORT behind it for one port",
        pattern)};
    std::string_view text = pattern;
    std::uint16_t port = 0;
    const std::size_t colon = text.rfind(':');
    const bool bare_v6 = !text.starts_with('[') && std::count(text.begin(), text.end(), ':') > 1;
    if (colon != text.npos && !bare_v6 && !text.ends_with(']') && text.find('/', colon) == text.npos) {
      const char* end = text.data() + text.size();
      const auto [stop, problem] = std::from_chars(text.data() + colon + 1, end, port);
      if (problem != std::errc() || stop != end || port == 0) return wrong;
      text = text.substr(0, colon);
    }
    Range range{};
    if (text == "any") {
      policy.ranges_.push_back({.bytes = {}, .bits = 0, .port = port});
    } else if (text == "private") {
      for (Range each : private_ranges()) {
        each.port = port;
        policy.ranges_.push_back(each);
      }
    } else if (read_range(text, range)) {
      range.port = port;
      policy.ranges_.push_back(range);
    } else if (is_host(text)) {
      std::string name(text.starts_with("*.") ? text.substr(1) : text);
      std::transform(name.begin(), name.end(), name.begin(),
                     [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
      policy.hosts_.push_back({std::move(name), port});
    } else {
      return wrong;
    }
  }
  return policy;
}

bool TargetPolicy::names(const Endpoint& endpoint) const {
  std::string_view host = endpoint.host;
  if (host.ends_with('.')) host.remove_suffix(1);
  const std::uint16_t port = port_of(endpoint);
  return std::any_of(hosts_.begin(), hosts_.end(), [&](const Host& each) {
    if (each.port != 0 && each.port != port) return false;
    if (!each.name.starts_with('.')) return same_name(host, each.name);
    return host.size() > each.name.size() &&
           same_name(host.substr(host.size() - each.name.size()), each.name);
  });
}

bool TargetPolicy::allows(const Endpoint& endpoint, const sockaddr* address) const {
  std::uint8_t bytes[16];
  if (!bytes_of(address, bytes)) return false;
  const std::uint16_t port = port_of(endpoint);
  const auto& guarded = guarded_ranges();
  const auto guard =
      std::find_if(guarded.begin(), guarded.end(), [&](const Range& range) { return holds(range, bytes); });
  const bool in_range = std::any_of(ranges_.begin(), ranges_.end(), [&](const Range& range) {
    if (range.port != 0 && range.port != port) return false;
    return holds(range, bytes) && (guard == guarded.end() || range.bits >= guard->bits);
  });
  return in_range || (guard == guarded.end() && names(endpoint));
}

Result<void> TargetPolicy::check(const Endpoint& endpoint) const {
  const std::vector<Address> numeric = numeric_address(endpoint);
  const auto may_be = [&](const Address& address) {
    return allows(endpoint, reinterpret_cast<const sockaddr*>(&address.storage));
  };
  const bool good = numeric.empty() ? !ranges_.empty() || names(endpoint)
                                    : std::any_of(numeric.begin(), numeric.end(), may_be);
  if (good) return {};
  const bool v6 = endpoint.host.find(':') != std::string::npos;
  return Error{
      fmt::format("{} is not among the targets that this agent may load; if it shall, start the agent "
                  "with --allow-target {}{}{}",
                  endpoint.host, v6 ? "[" : "", endpoint.host, v6 ? "]" : "")};
}

Result<void> TargetPolicy::check_resolved(const std::vector<Endpoint>& endpoints, Nanos patience) const {
  // A look-up cannot be cancelled: each has a detached thread, which owns what it writes to.
  std::vector<std::pair<Endpoint, std::future<std::vector<Address>>>> looked_up;
  for (const Endpoint& endpoint : endpoints) {
    const auto is_same = [&](const auto& each) { return each.first.host == endpoint.host; };
    if (!numeric_address(endpoint).empty() || std::any_of(looked_up.begin(), looked_up.end(), is_same))
      continue;
    if (looked_up.size() == kMaxLookUps) break;
    std::promise<std::vector<Address>> promise;
    looked_up.emplace_back(endpoint, promise.get_future());
    std::thread([endpoint, promise = std::move(promise)]() mutable {
      promise.set_value(resolve(endpoint));
    }).detach();
  }
  const auto deadline = std::chrono::steady_clock::now() + patience;
  for (auto& [endpoint, found] : looked_up) {
    if (found.wait_until(deadline) != std::future_status::ready) continue;
    const std::vector<Address> addresses = found.get();
    const auto allowed = [&, &endpoint = endpoint](const Address& address) {
      return allows(endpoint, reinterpret_cast<const sockaddr*>(&address.storage));
    };
    if (addresses.empty() || std::any_of(addresses.begin(), addresses.end(), allowed)) continue;
    const std::string text = address_text(reinterpret_cast<const sockaddr*>(&addresses.front().storage));
    return Error{
        fmt::format("{} leads to {}, which is not among the targets that this agent may load; if it shall, "
                    "start the agent with --allow-target {}",
                    endpoint.host, text, names(endpoint) ? text : endpoint.host)};
  }
  return {};
}

std::string address_text(const sockaddr* address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  const void* bytes =
      address->sa_family == AF_INET6
          ? static_cast<const void*>(&reinterpret_cast<const sockaddr_in6*>(address)->sin6_addr)
          : &reinterpret_cast<const sockaddr_in*>(address)->sin_addr;
  inet_ntop(address->sa_family, bytes, text.data(), text.size());
  return text.data();
}

}  // namespace kneepoint::agent
