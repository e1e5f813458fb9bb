#pragma once

#include <set>
#include <string>
#include <string_view>

#include "common/plan.h"
#include "common/prompt.h"
#include "common/result.h"

namespace kneepoint {

/// Appends `text` as a JSON string, quotes included. Bytes that are not valid UTF-8 are the caller's affair:
/// they are passed on as they are.
void append_json_string(std::string& out, std::string_view text);

/// The same without the quotes: a part of a string.
void append_json_text(std::string& out, std::string_view text);

/// Appends the system prompt, a blank line and the text as a part of one JSON string.
void append_plain_prompt(const Prompt& prompt, std::string& out);

/// Appends `[{"role":"system",…},{"role":"user",…}]`, or the messages that the prompt has.
void append_messages(const Prompt& prompt, std::string& out);

/// The members of a request body that do not change between the requests of one workload, written once: the
/// model, the sampling, and the members of `extra_body`, which win over ours of the same name.
class RequestMembers {
 public:
  RequestMembers(const std::string& model, const Workload& workload, std::string_view token_limit_name);

  /// Appends ",…" for every fixed member and the token limit. The object must have a member already.
  void append(const Prompt& prompt, std::string& out) const;
  /// Appends a body that the prompt brings along, with the model, `stream` and ours of `stream_options` in
  /// front. @param options as JSON; empty for none.
  void append_around(const Prompt& prompt, std::string_view options, std::string& out) const;
  /// Whether the extra body sets this member itself.
  bool overridden(std::string_view name) const { return extra_names_.contains(name); }

 private:
  std::set<std::string, std::less<>> extra_names_;
  std::string model_;
  std::string limit_;  ///< `,"max_tokens":`; empty where the extra body sets it.
  std::optional<std::uint32_t> output_tokens_;
  std::string fixed_;
};

/// The members of both objects, each of which may be empty; those of `over` win.
std::string merged_extra_body(const std::string& base, const std::string& over);

/// Says what is wrong with a workload's extra_body.
Result<void> check_extra_body(const std::string& extra_body);

}  // namespace kneepoint
