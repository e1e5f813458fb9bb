#include "common/dialects/dialect.h"

#include <algorithm>
#include <utility>

#include "common/dialects/custom.h"
#include "common/dialects/openai_chat.h"
#include "common/dialects/openai_completions.h"
#include "common/dialects/vllm_generate.h"
#include "common/request_json.h"

namespace kneepoint {
namespace {

std::string_view trimmed(std::string_view text, std::string_view what) {
  text.remove_prefix(std::min(text.find_first_not_of(what), text.size()));
  text.remove_suffix(text.size() - std::min(text.find_last_not_of(what) + 1, text.size()));
  return text;
}

bool is_word(std::string_view text, std::string_view lower_case) {
  return std::equal(text.begin(), text.end(), lower_case.begin(), lower_case.end(),
                    [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a + ('a' - 'A') : a) == b; });
}

}  // namespace

bool is_end_word(std::string_view data) {
  constexpr std::size_t kMostBlanks = 16;
  return data == "[DONE]" || (data.size() < kMostBlanks && is_word(trimmed(data, " \t\r\n"), "[done]"));
}

bool is_heartbeat(std::string_view data) {
  constexpr std::size_t kLongest = 16;
  if (data.size() > kLongest && data.front() != ' ') return false;
  const std::string_view word = trimmed(data, " \t\r\n[]:\"");
  if (word.empty()) return data.find('"') == data.npos && data.find('[') == data.npos;
  return is_word(word, "ping") || is_word(word, "pong") || is_word(word, "heartbeat") ||
         is_word(word, "keepalive") || is_word(word, "keep-alive");
}

Result<std::unique_ptr<Dialect>> make_dialect(const Target& target, const Workload& workload) {
  switch (target.api) {
    case Api::kOpenAiChat:
      return std::unique_ptr<Dialect>(std::make_unique<OpenAiChat>(target, workload));
    case Api::kOpenAiCompletions:
      return std::unique_ptr<Dialect>(std::make_unique<OpenAiCompletions>(target.model, workload));
    case Api::kVllmGenerate:
      return std::unique_ptr<Dialect>(std::make_unique<VllmGenerate>(workload));
    case Api::kCustom:
      if (!target.dialect) break;
      if (auto custom = CustomDialect::create(*target.dialect, target.model, workload); custom) {
        return std::unique_ptr<Dialect>(*std::move(custom));
      } else {
        return custom.error();
      }
  }
  return Error{"the target has no dialect"};
}

Result<std::vector<std::shared_ptr<Dialect>>> make_dialects(const Target& target, const Workload& workload) {
  std::vector<std::shared_ptr<Dialect>> dialects;
  std::shared_ptr<Dialect> common;
  for (const PromptClass& each : workload.classes) {
    const bool own = !each.model.empty() || !each.extra_body.empty();
    if (!own && common) {
      dialects.push_back(common);
      continue;
    }
    Target asked = target;
    if (!each.model.empty()) asked.model = each.model;
    Workload asks = workload;
    asks.extra_body = merged_extra_body(workload.extra_body, each.extra_body);
    auto dialect = make_dialect(asked, asks);
    if (!dialect) return dialect.error();
    dialects.push_back(*std::move(dialect));
    if (!own) common = dialects.back();
  }
  return dialects;
}

}  // namespace kneepoint
