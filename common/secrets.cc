#include "common/secrets.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>

namespace kneepoint {
namespace {

/// Far above any bearer token: a path to something else is noticed before it is read whole.
constexpr std::streamsize kMaxBytes = 64 * 1024;

Result<std::string> checked(std::string value, const std::string& where) {
  while (!value.empty() && (value.back() == '\n' || value.back() == '\r')) value.pop_back();
  if (value.empty()) return Error{fmt::format("the secret in {} is empty", where)};
  const auto printable = [](unsigned char c) { return c > 0x20 && c != 0x7f; };
  if (!std::all_of(value.begin(), value.end(), printable)) {
    return Error{fmt::format("the secret in {} holds blanks or control characters", where)};
  }
  return value;
}

}  // namespace

Result<std::string> resolve_secret(const SecretRef& reference) {
  if (reference.source == SecretRef::Source::kNone) return std::string();
  if (reference.source == SecretRef::Source::kEnvironment) {
    const char* value = std::getenv(reference.name.c_str());
    if (value == nullptr) return Error{fmt::format("the environment variable {} is not set", reference.name)};
    return checked(value, fmt::format("the environment variable {}", reference.name));
  }
  std::ifstream file(reference.name, std::ios::binary);
  std::string value(static_cast<std::size_t>(kMaxBytes) + 1, '\0');
  file.read(value.data(), kMaxBytes + 1);
  if (!file.is_open() || file.bad())
    return Error{fmt::format("the secret file {} cannot be read", reference.name)};
  if (file.gcount() > kMaxBytes) return Error{fmt::format("the secret file {} is too large", reference.name)};
  value.resize(static_cast<std::size_t>(file.gcount()));
  return checked(std::move(value), fmt::format("the file {}", reference.name));
}

}  // namespace kneepoint
