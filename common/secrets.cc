#include "common/secrets.h"

#include <fmt/format.h>

#include <cstdlib>
#include <fstream>
#include <iterator>

namespace kneepoint {
namespace {

/// A secret goes into a header line: what would end that line does not belong to it.
Result<std::string> checked(std::string value, const std::string& where) {
  while (value.ends_with('\n') || value.ends_with('\r')) value.pop_back();
  if (value.empty()) return Error{fmt::format("the secret in {} is empty", where)};
  if (value.find_first_of("\r\n") != std::string::npos) {
    return Error{fmt::format("the secret in {} has more than one line", where)};
  }
  return value;
}

}  // namespace

Result<std::string> resolve_secret(const SecretRef& reference) {
  switch (reference.source) {
    case SecretRef::Source::kNone:
      return std::string();
    case SecretRef::Source::kEnvironment: {
      const std::string where = fmt::format("the environment variable {}", reference.name);
      const char* value = std::getenv(reference.name.c_str());
      if (value == nullptr)
        return Error{fmt::format("{} is not set; it holds a secret that the plan needs", where)};
      return checked(value, where);
    }
    case SecretRef::Source::kFile: {
      const std::string where = fmt::format("the file {}", reference.name);
      std::ifstream file(reference.name, std::ios::binary);
      if (!file) return Error{fmt::format("{} cannot be read; it holds a secret that the plan needs", where)};
      return checked(std::string(std::istreambuf_iterator<char>(file), {}), where);
    }
  }
  return std::string();
}

}  // namespace kneepoint
