#include "common/usage_option.h"

namespace kneepoint {

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
