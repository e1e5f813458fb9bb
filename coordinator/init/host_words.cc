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
  // What wants TLS takes a plain question for garbage, and drops the connection as a server that broke does.
  if (url.starts_with("http:") && says({"end of stream", "bad version", "it closed the connection", "reset"}))
    return why + "; does it want TLS? Then write https:// in its URL";
  if (says({"certificate verify failed"}))
    return why +
           "; name its authority: tls: {ca: FILE} in a plan, or SSL_CERT_FILE=FILE in the environment; the "
           "URL "
           "must have the name that the certificate is for";
  if (why.starts_with("no answer")) return fmt::format("{}: {}; try curl -v from this machine", url, why);
  return why;
}

std::string not_well(std::string_view path, const HttpReply& reply) {
  // 501 only says that there is no such page.
  const int status = reply.status;
  if (status != 500 && status != 502 && status != 503 && status != 504) return "";
  return fmt::format("it is not well, or still loading: {} answers {}", path, own_words(reply));
}

std::string redirected(std::string_view path, const HttpReply& reply) {
  if (!is_redirect(reply.status)) return "";
  const std::string where = leads_to(reply);
  return fmt::format("{} redirects{} (HTTP {}), which is not followed; write the URL of the server itself",
                     path, where.empty() ? "" : " to " + where, reply.status);
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
