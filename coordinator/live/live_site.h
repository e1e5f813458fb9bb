#pragma once

#include "common/serve/http_server.h"
#include "coordinator/live/past_runs.h"

namespace kneepoint::coordinator {

/// Adds the live page and what it asks for: `/`, `/runs.json`, `/report`, `/compare`, and `/events` where
/// there is a `feed`. `past` and `feed` must outlive the server.
void add_live_site(HttpServer::Routes& routes, HttpServer::Options& options, PastRuns& past, EventFeed* feed);

}  // namespace kneepoint::coordinator
