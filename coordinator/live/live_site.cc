#include "coordinator/live/live_site.h"

#include <memory>

#include "common/version.h"
#include "coordinator/report/html/live_page.h"

namespace kneepoint::coordinator {

void add_live_site(HttpServer::Routes& routes, HttpServer::Options& options, PastRuns& past,
                   EventFeed* feed) {
  const auto page = std::make_shared<const std::string>(html::live_page(version()));
  // The page's own policy stands in its head; nobody may frame it, and click for a user.
  routes["/"] = [page](const HttpRequest&) {
    return HttpResponse{
        .content_type = "text/html; charset=utf-8", .body = *page, .policy = "frame-ancestors 'none'"};
  };
  routes["/runs.json"] = [&past, live = feed != nullptr](const HttpRequest&) { return past.list(live); };
  routes["/report"] = [&past](const HttpRequest& request) { return past.report(request); };
  routes["/compare"] = [&past](const HttpRequest& request) { return past.compare(request); };
  options.open.insert("/");
  if (feed != nullptr) options.feeds["/events"] = feed;
}

}  // namespace kneepoint::coordinator
