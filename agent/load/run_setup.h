#pragma once

#include <memory>
#include <string>
#include <vector>

#include "agent/prompts/prompt_source.h"
#include "agent/stream/completion_stream.h"
#include "common/plan.h"
#include "common/result.h"
#include "common/secrets.h"

namespace kneepoint::agent {

/// An assignment made ready to run: routes and TLS contexts built, everything checked. Immutable, shared by
/// the event-loop threads.
struct RunSetup {
  Assignment assignment;
  std::vector<std::vector<Route>> routes;                    ///< By target, then by replica.
  std::vector<std::unique_ptr<const PromptSource>> sources;  ///< By cell.
  std::vector<std::vector<std::string>> keys;     ///< By target: a line with CRLF for each of its keys.
  std::vector<std::vector<std::string>> headers;  ///< By cell, then by class: lines with CRLF.

  const Cell& cell(std::uint32_t id) const { return assignment.cells[id]; }
  const Target& target_of(const Cell& cell) const { return assignment.targets[cell.target]; }
};

/// An error is one line that says what keeps the assignment from being run here: a URL, a TLS file, an
/// extra_body, a header. An agent refuses such an assignment before it is given any load. Reads the TLS
/// files. @param keys by target. @param policy which targets may be loaded; null: any. With a policy the
/// names in URLs are looked up, which may take up to two seconds; without one there is no network.
Result<std::shared_ptr<const RunSetup>> prepare_run(Assignment assignment, const std::vector<Keys>& keys,
                                                    std::shared_ptr<const TargetPolicy> policy = nullptr);

}  // namespace kneepoint::agent
