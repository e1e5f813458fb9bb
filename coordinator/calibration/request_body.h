#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/plan.h"

namespace kneepoint::coordinator {

/// The body of a question to a target: its members in the order in which they were set.
class RequestBody {
 public:
  /// The model and the prompt, as the target's dialect has them. @param system empty for none.
  RequestBody(const Target& target, const std::string& system, const std::string& text);
  RequestBody() = default;

  /// Adds a member or gives it another value. @param value JSON.
  void set(std::string_view name, std::string value);
  std::string json() const;

 private:
  std::vector<std::pair<std::string, std::string>> members_;
};

/// Where such questions go. @param api one of OpenAI's.
std::string_view completions_path(Api api);

}  // namespace kneepoint::coordinator
