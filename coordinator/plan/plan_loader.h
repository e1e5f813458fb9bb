#pragma once

#include <string>

#include "common/plan.h"
#include "common/result.h"
#include "coordinator/plan/variables.h"

namespace kneepoint::coordinator {

/// Loads a plan file ("-": standard input), checked and with its defaults filled in. docs/plan.md says what
/// may stand in it. An error is one line, `file:line:column: what is wrong, what to write instead`; secrets
/// are never repeated in it.
Result<Plan> load_plan(const std::string& path, const Variables& variables);

/// The same from text. Never throws, whatever the bytes. @param file named in errors; its stem is the name of
/// a plan that has none.
Result<Plan> parse_plan(const std::string& text, const std::string& file, const Variables& variables);

/// Checks that the secrets and TLS files which the plan's targets refer to can be read by this process.
/// Agents check the same where they run; local agents share this process's environment, so that `kneepoint
/// run` can fail before any load.
Result<void> check_secrets(const Plan& plan);

}  // namespace kneepoint::coordinator
