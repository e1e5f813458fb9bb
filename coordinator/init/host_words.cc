#include "coordinator/init/host_words.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <ctime>
#include <initializer_list>

#include "coordinator/results/units.h"
#include "coordinator/telemetry/host_pages.h"

namespace kneepoint::coordinator {
namespace {

/// Date tells whole seconds, and the answer was under way.
constexpr Nanos kNoticedClock = std::chrono::seconds(5);

}  // namespace

std::string unreachable(std::string_view url, const std::string& why) {
  const auto says = [&](std::initializer_list<std::string_view> words) {
    return std::any_of(words.begin(), words.end(),
                       [&](std::string_view each) { return why.find(each) != why.npos; });
  };
  if (url.starts_with("https:") &&
      says({"wrong version", "packet length", "stream truncated", "http request"}))
    return why + "; does it speak plain http? Then write http:// in its URL";
  if (url.starts_with("http:") && says({"end of stream", "bad version"}))
    return why + "; does it want TLS? Then write https:// in its URL";
  return why;
}

std::string not_well(std::string_view path, const HttpReply& reply) {
  // 501 only says that there is no such page.
  const int status = reply.status;
  if (status != 500 && status != 502 && status != 503 && status != 504) return "";
  return fmt::format("it is not well, or still loading: {} answers {}", path, own_words(reply));
}

std::string clock_remark(const std::string& date, RealTime now) {
  std::tm parts{};
  if (strptime(date.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &parts) == nullptr) return "";
  // In seconds: no year that a host may name fits into nanoseconds.
  const double off = static_cast<double>(timegm(&parts)) - to_seconds(now.time_since_epoch());
  if (std::abs(off) < to_seconds(kNoticedClock)) return "";
  return fmt::format("its clock is {} {} this machine's: logs and reports will not match",
                     format_time(std::abs(off)), off > 0 ? "ahead of" : "behind");
}

}  // namespace kneepoint::coordinator
