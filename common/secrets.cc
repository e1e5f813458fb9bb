#include "common/secrets.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>

namespace kneepoint {
namespace {

/// Far above any bearer token: a path to something else is noticed before it is read whole.
constexpr std::streamsize kMaxBytes = 64 * 1024;

Result<Keys> keys_in(std::string_view text, const std::string& where) {
  Keys keys;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (!line.empty()) keys.emplace_back(line);
  }
  if (keys.empty()) return Error{fmt::format("the secret in {} is empty", where)};
  const auto printable = [](unsigned char c) { return c > 0x20 && c != 0x7f; };
  for (const std::string& key : keys) {
    if (!std::all_of(key.begin(), key.end(), printable))
      return Error{fmt::format("the secret in {} holds blanks or control characters", where)};
  }
  return keys;
}

}  // namespace

bool is_environment_name(std::string_view name) {
  const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
  return !name.empty() && is_letter(name.front()) && std::all_of(name.begin(), name.end(), [&](char c) {
    return is_letter(c) || (c >= '0' && c <= '9');
  });
}

Result<Keys> resolve_keys(const SecretRef& reference) {
  if (reference.source == SecretRef::Source::kNone) return Keys();
  if (reference.source == SecretRef::Source::kEnvironment) {
    const char* value = std::getenv(reference.name.c_str());
    if (value == nullptr) return Error{fmt::format("the environment variable {} is not set", reference.name)};
    return keys_in(value, fmt::format("the environment variable {}", reference.name));
  }
  std::ifstream file(reference.name, std::ios::binary);
  std::string value(static_cast<std::size_t>(kMaxBytes) + 1, '\0');
  file.read(value.data(), kMaxBytes + 1);
  if (!file.is_open() || file.bad())
    return Error{fmt::format("the secret file {} cannot be read", reference.name)};
  if (file.gcount() > kMaxBytes) return Error{fmt::format("the secret file {} is too large", reference.name)};
  value.resize(static_cast<std::size_t>(file.gcount()));
  return keys_in(value, fmt::format("the file {}", reference.name));
}

Result<std::string> resolve_secret(const SecretRef& reference) {
  auto keys = resolve_keys(reference);
  if (!keys) return keys.error();
  return keys->empty() ? std::string() : keys->front();
}

std::string auth_value(const Target& target, const std::string& key) {
  return target.auth_scheme.empty() ? key : fmt::format("{} {}", target.auth_scheme, key);
}

std::map<std::string, std::string> headers_with_key(const Target& target, const std::string& key) {
  auto headers = target.headers;
  if (!key.empty()) headers[target.auth_header] = auth_value(target, key);
  return headers;
}

}  // namespace kneepoint
