#pragma once

#include <string>

#include "common/result.h"

namespace kneepoint {

/// The token that `--http-token-file` names; empty for no file. An error is one clear line.
Result<std::string> http_token(const std::string& file);

}  // namespace kneepoint
