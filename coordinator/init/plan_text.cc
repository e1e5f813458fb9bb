#include "coordinator/init/plan_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "common/json_quoted.h"
#include "coordinator/plan/ready_dialects.h"

namespace kneepoint::coordinator {
namespace {

/// Means itself in YAML and in every shell.
bool is_plain_word(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-' || c == '/';
  });
}

}  // namespace

std::string yaml_quoted(std::string_view text) {
  std::string plain = json_quoted(text);
  for (auto at = plain.find("${"); at != plain.npos; at = plain.find("${", at + 3)) plain.insert(at, 1, '$');
  return plain;
}

std::string yaml_name(std::string_view name) {
  return is_plain_word(name) ? std::string(name) : yaml_quoted(name);
}

std::string shell_word(std::string_view text) {
  if (is_plain_word(text)) return std::string(text);
  std::string word = "'";
  for (const char c : text) word += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return word + "'";
}

std::string api_text(const HostFacts& host) {
  std::string text = fmt::format("    api: {}\n", to_string(host.api));
  if (!host.dialect.empty())
    text += fmt::format("    dialect: {}   # a ready description; a file of this name here goes before it\n",
                        ready_dialect_path(host.dialect));
  if (host.token_limit != TokenLimit::kMaxTokens)
    text += fmt::format("    token_limit: {}   # it refuses max_tokens\n", to_string(host.token_limit));
  return text;
}

std::string auth_text(const SecretRef& auth) {
  return auth.source == SecretRef::Source::kEnvironment
             ? fmt::format(
                   "    auth: {{env: {}}}       # read on each agent's host; never stands in a plan\n",
                   auth.name)
             : "";
}

std::string answer_text(const HostFacts& host, std::uint64_t tokens, std::string_view remark) {
  if (!host.writes_text) return "      stream: false   # an embedding comes whole\n";
  std::string text = fmt::format("      output_tokens: {}{}\n", answer_lengths(tokens), remark);
  text += host.takes_temperature ? fmt::format("      temperature: {}\n", kPlanTemperature)
                                 : fmt::format("      # no temperature: it refuses {}\n", kPlanTemperature);
  if (!host.streams) text += "      stream: false   # it answers whole, also where a stream is asked for\n";
  return text;
}

std::uint64_t whole_answer_seconds(double first, std::uint64_t tokens) {
  constexpr double kReaderSeconds = 0.05;  // of a token
  return static_cast<std::uint64_t>(std::ceil(first + kReaderSeconds * static_cast<double>(tokens)));
}

std::string answer_lengths(std::uint64_t mean) {
  if (mean < 4) return fmt::format("{}", mean);
  return fmt::format("{{distribution: uniform, min: {}, max: {}}}", mean / 2, mean + mean / 2);
}

}  // namespace kneepoint::coordinator
