#pragma once

#include <string>
#include <string_view>

#include "common/clock.h"
#include "coordinator/telemetry/http_client.h"

namespace kneepoint::coordinator {

/// Nothing was heard from the host at `url`: `why`, and what to write instead where that can be guessed.
std::string unreachable(std::string_view url, const std::string& why);

/// What an answer to `path` says of a host that is broken or still loading, as a clause; empty where it does
/// not.
std::string not_well(std::string_view path, const HttpReply& reply);

/// What an answer to `path` says that leads elsewhere, as a clause with the way out; empty where it does not.
std::string redirected(std::string_view path, const HttpReply& reply);

/// How far a clock that showed `date` (an HTTP header) at `now` is off, as a clause; empty where it is right
/// to seconds or cannot be told.
std::string clock_remark(const std::string& date, RealTime now);

}  // namespace kneepoint::coordinator
