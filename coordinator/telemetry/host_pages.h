#pragma once

#include <string>

#include "coordinator/telemetry/http_client.h"

/// How replies of a host are read that every engine may give.
namespace kneepoint::coordinator {

/// The status of a reply and the first bytes of what it says, printable: "HTTP 404: no such page".
std::string own_words(const HttpReply& reply);

}  // namespace kneepoint::coordinator
