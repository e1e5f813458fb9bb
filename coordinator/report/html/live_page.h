#pragma once

#include <string>
#include <string_view>

namespace kneepoint::coordinator::html {

/// The page that follows a run: the same bytes whatever runs. Everything of a run comes by its script, so
/// that the page itself may be shown to anybody.
std::string live_page(std::string_view version);

}  // namespace kneepoint::coordinator::html
