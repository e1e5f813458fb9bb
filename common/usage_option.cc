#include "common/usage_option.h"

namespace kneepoint {

std::optional<UsageOption> usage_option_from_string(std::string_view name) {
  if (name == "continuous") return UsageOption::kContinuous;
  if (name == "final") return UsageOption::kFinal;
  if (name == "none") return UsageOption::kNone;
  return std::nullopt;
}

UsageOption less(UsageOption usage) {
  return usage == UsageOption::kContinuous ? UsageOption::kFinal : UsageOption::kNone;
}

std::string_view stream_options(UsageOption usage) {
  switch (usage) {
    case UsageOption::kContinuous:
      return R"({"include_usage":true,"continuous_usage_stats":true})";
    case UsageOption::kFinal:
      return R"({"include_usage":true})";
    case UsageOption::kNone:
      break;
  }
  return {};
}

}  // namespace kneepoint
