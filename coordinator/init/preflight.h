#pragma once

#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "common/plan.h"
#include "coordinator/telemetry/http_client.h"

namespace kneepoint::coordinator {

/// What a replica said before any load.
struct HostCheck {
  std::string url;
  /// What is wrong, in the host's own words where it has any, and what to do: a clause. Empty: it is fit.
  std::string fault;
  std::string remarks;  ///< What is worth knowing of one that is fit, and never ends a run: clauses.
};

/// What a reply to /v1/models says of a target. @returns what is wrong, as a clause; empty where nothing is,
/// or where the host does not tell. @param longest tokens of prompt and answer; absent: not known.
std::string judge_models(const Target& target, const HttpReply& reply, std::optional<std::uint64_t> longest);

/// The tokens of prompt and answer that the longest request on a target is sure to reach at times; absent
/// where prompts are not made to a length or answers have no limit.
std::optional<std::uint64_t> longest_request(const Plan& plan, std::uint32_t target);

/// Asks every URL of every target, all at once, what loads nothing: is it there, does it take the key, does
/// it serve the model, is its context long enough; and, which is said only, has it metrics, is its clock
/// right. Targets that the plan waits for are left out. Blocks for seconds at worst. @returns all, in plan
/// order.
std::vector<HostCheck> preflight(const Plan& plan, const std::string& run_id, const std::stop_token& stop);

}  // namespace kneepoint::coordinator
