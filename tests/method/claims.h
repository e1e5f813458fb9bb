#pragma once

#include <string>
#include <vector>

#include "coordinator/results/model.h"
#include "tests/method/method_run.h"
#include "tests/method/queue_model.h"

namespace kneepoint::method {

/// What a result says that is not so, a phrase each; empty where all of it is true. A trustworthy result with
/// any is the worst that the tool can do.
std::vector<std::string> false_claims(const Case& of, const Truth& truth,
                                      const coordinator::ScenarioResult& result);

}  // namespace kneepoint::method
