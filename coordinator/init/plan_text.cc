#include "coordinator/init/plan_text.h"

#include <fmt/format.h>

#include "common/json_quoted.h"

namespace kneepoint::coordinator {

std::string yaml_quoted(std::string_view text) {
  std::string plain = json_quoted(text);
  for (auto at = plain.find("${"); at != plain.npos; at = plain.find("${", at + 3)) plain.insert(at, 1, '$');
  return plain;
}

std::string auth_text(const SecretRef& auth) {
  return auth.source == SecretRef::Source::kEnvironment
             ? fmt::format(
                   "    auth: {{env: {}}}       # read on each agent's host; never stands in a plan\n",
                   auth.name)
             : "";
}

std::string answer_lengths(std::uint64_t mean) {
  if (mean < 4) return fmt::format("{}", mean);
  return fmt::format("{{distribution: uniform, min: {}, max: {}}}", mean / 2, mean + mean / 2);
}

}  // namespace kneepoint::coordinator
