#pragma once

#include <string>
#include <string_view>

namespace kneepoint {

/// "0.1.0": of this build. A fleet runs one version: agents of another are turned away.
std::string_view version();

/// What requests to hosts carry as User-Agent: "kneepoint/0.1.0 run/ID", without the second part where there
/// is no run.
std::string user_agent(std::string_view run_id);

}  // namespace kneepoint
