#pragma once

#include <string>

#include "common/target.h"
#include "coordinator/telemetry/http_client.h"

/// The pages by which a host tells how it is, and how their replies are read. /v1/models costs nothing
/// anywhere. /health may be dear: LiteLLM asks every model behind it for an answer.
namespace kneepoint::coordinator {

/// The status of a reply and the first bytes of what it says, printable: "HTTP 404: no such page", "HTTP 302
/// to https://h/login".
std::string own_words(const HttpReply& reply);

/// Where a redirect leads, printable and without its query, behind which a ticket may stand; empty for other
/// replies.
std::string leads_to(const HttpReply& reply);

/// Whether a status says that the host has no such page.
bool no_such_page(int status);

/// Whether a status says that the answer is elsewhere. Redirects are not followed.
bool is_redirect(int status);

/// Whether a page is kept from whoever has no key for it: it is there, and says nothing.
bool is_guarded(int status);

/// Where a target lists its models, below its base URL: "/v1/models", behind what stands before "/v1/" in the
/// path of a described dialect.
std::string models_path(const Target& target);

/// Whether /health is to be asked, too, given the reply to the page of models: where that is not there or
/// wants a key, and of engines that list a model before they can serve it. Their /health is cheap.
bool wants_health(const HttpReply& models);

}  // namespace kneepoint::coordinator
