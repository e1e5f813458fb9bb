#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace kneepoint {

/// One request as a handler sees it.
struct HttpRequest {
  std::string path;       ///< As sent, without the query.
  std::string query;      ///< What follows "?", undecoded; empty for none.
  std::string peer = {};  ///< The address that it came from, without its port.
};

struct HttpResponse {
  int status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body;
  std::string policy = {};  ///< Of a page: its Content-Security-Policy; empty: none is sent.
  std::string cookie = {};  ///< What Set-Cookie says; empty: nothing is set.
};

/// A short answer that says why not.
HttpResponse refusal(int status, std::string why);

/// Every value of `name` in a query such as "run=a%20b&run=c", decoded.
std::vector<std::string> query_values(std::string_view query, std::string_view name);

}  // namespace kneepoint
