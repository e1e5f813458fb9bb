#include "coordinator/plan/header_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <vector>

namespace kneepoint::coordinator {
namespace {

using yaml::Node;
using yaml::PlanError;

/// Set by kneepoint itself.
constexpr std::array<std::string_view, 11> kOurs = {"host",
                                                    "content-type",
                                                    "content-length",
                                                    "accept",
                                                    "accept-encoding",
                                                    "connection",
                                                    "transfer-encoding",
                                                    "te",
                                                    "upgrade",
                                                    "user-agent",
                                                    "x-request-id"};

/// @param name as written.
void check_name(const std::string& name, const yaml::Position& at) {
  if (!is_header_name(name))
    throw PlanError{at,
                    fmt::format("'{}' is no header name; use letters, digits and '-'", yaml::excerpt(name))};
  if (std::find(kOurs.begin(), kOurs.end(), lower(name)) != kOurs.end())
    throw PlanError{at, fmt::format("header '{}' is set by kneepoint itself; remove it", name)};
}

}  // namespace

bool is_header_name(std::string_view name) {
  constexpr std::string_view kOthers = "!#$%&'*+-.^_`|~";  // RFC 9110, "token"
  return !name.empty() && std::all_of(name.begin(), name.end(), [&](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) || kOthers.find(c) != kOthers.npos;
  });
}

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return std::tolower(c); });
  return text;
}

const std::string& read_header_name(const Node& node, std::string_view key) {
  const std::string& name = yaml::read_text(node, fmt::format("'{}'", key));
  check_name(name, node.at);
  return name;
}

std::map<std::string, std::string> read_headers(const Node& node) {
  constexpr std::array<std::string_view, 6> kSecret = {
      "authorization", "proxy-authorization", "cookie", "x-api-key", "api-key", "x-auth-token"};
  if (node.kind != Node::Kind::kMapping) {
    throw PlanError{node.at,
                    fmt::format("'headers' must be a mapping of names to texts, not {}", kind_name(node))};
  }
  std::map<std::string, std::string> headers;
  std::vector<std::string> seen;
  for (const yaml::Member& member : node.members) {
    const std::string name = lower(member.key);
    check_name(member.key, member.at);
    if (std::find(kSecret.begin(), kSecret.end(), name) != kSecret.end()) {
      throw PlanError{member.at, fmt::format("header '{}' is refused: {}", member.key, kNoInlineSecret)};
    }
    if (std::find(seen.begin(), seen.end(), name) != seen.end()) {
      throw PlanError{member.at,
                      fmt::format("header '{}' is given twice; letter case makes no difference", member.key)};
    }
    const std::string& value = yaml::read_text(member.value, fmt::format("header '{}'", member.key));
    if (value.find_first_of("\r\n") != value.npos) {
      throw PlanError{member.value.at, fmt::format("header '{}' must be one line", member.key)};
    }
    seen.push_back(name);
    headers.emplace(member.key, value);
  }
  return headers;
}

}  // namespace kneepoint::coordinator
