#pragma once

#include <boost/beast/http.hpp>

#include "common/serve/http_guard.h"
#include "common/serve/http_message.h"

/// Our values and Beast's.
namespace kneepoint {

/// @param head leave the body out, as HEAD asks for.
boost::beast::http::message_generator to_message(HttpResponse response, bool head, bool keep_alive);

/// Views into `request`.
HttpClaims claims_of(const boost::beast::http::request<boost::beast::http::empty_body>& request);

}  // namespace kneepoint
