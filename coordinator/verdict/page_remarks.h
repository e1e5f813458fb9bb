#pragma once

#include "coordinator/results/model.h"
#include "coordinator/results/trust.h"

namespace kneepoint::coordinator {

/// What a reader has to know of the server's page before relying on what it said: that it shows a part of the
/// load, other tenants' load, another time; that streams ran in step; that prompts came from a cache; and
/// that fewer drafts were accepted as the load grew. Warnings.
void remark_on_pages(const ScenarioResult& result, Verdict& verdict);

}  // namespace kneepoint::coordinator
