#pragma once

#include <string_view>

namespace kneepoint {

/// "0.1.0": of this build. A fleet runs one version: agents of another are turned away.
std::string_view version();

}  // namespace kneepoint
