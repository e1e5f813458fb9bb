#include "common/serve/http_token.h"

#include "common/secrets.h"

namespace kneepoint {

Result<std::string> http_token(const std::string& file) {
  if (file.empty()) return std::string();
  return resolve_secret({SecretRef::Source::kFile, file});
}

}  // namespace kneepoint
