#include "coordinator/calibration/request_body.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/json_quoted.h"

namespace kneepoint::coordinator {

RequestBody::RequestBody(const Target& target, const std::string& system, const std::string& text) {
  if (!target.model.empty()) set("model", json_quoted(target.model));
  if (target.api != Api::kOpenAiChat) {
    set("prompt", json_quoted(system.empty() ? text : system + "\n\n" + text));
    return;
  }
  const std::string first =
      system.empty() ? "" : fmt::format(R"({{"role":"system","content":{}}},)", json_quoted(system));
  set("messages", fmt::format(R"([{}{{"role":"user","content":{}}}])", first, json_quoted(text)));
}

void RequestBody::set(std::string_view name, std::string value) {
  const auto member =
      std::find_if(members_.begin(), members_.end(), [&](const auto& m) { return m.first == name; });
  if (member == members_.end()) {
    members_.emplace_back(name, std::move(value));
  } else {
    member->second = std::move(value);
  }
}

std::string RequestBody::json() const {
  if (members_.empty()) return "{}";
  std::string out;
  for (const auto& [name, value] : members_) {
    out += fmt::format("{}{}:{}", out.empty() ? "{" : ",", json_quoted(name), value);
  }
  return out + "}";
}

std::string_view completions_path(Api api) {
  return api == Api::kOpenAiChat ? "/v1/chat/completions" : "/v1/completions";
}

}  // namespace kneepoint::coordinator
