#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/dialect_description.h"
#include "common/plan.h"
#include "common/prompt.h"
#include "common/result.h"

namespace kneepoint {

/// A described request body (`DialectDescription::request`) with everything filled in that is the same in all
/// requests of a workload: what remains per request is to copy literals and escape the prompt.
class RequestTemplate {
 public:
  /// Members of the workload's extra_body are merged in, objects member by member, and win. Fails when
  /// `request` is no JSON object or holds an unknown placeholder.
  static Result<RequestTemplate> compile(const std::string& request, const std::string& model,
                                         const Workload& workload);

  /// Appends the body for one prompt.
  void write(const Prompt& prompt, std::string& out) const;

 private:
  friend class RequestTemplateCompiler;

  /// Literal JSON, then what differs from request to request: inside a string, or for kMessages as a value.
  struct Piece {
    std::string literal;
    std::optional<Placeholder> then;
  };
  std::vector<Piece> pieces_;
};

/// A request path with its "{model}" filled in, percent-encoded. Fails when there is no model.
Result<std::string> fill_path(const std::string& path, const std::string& model);

}  // namespace kneepoint
