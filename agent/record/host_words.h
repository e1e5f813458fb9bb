#pragma once

#include <string>
#include <string_view>

namespace kneepoint::agent {

/// The beginning of what a host said of a failure, as it may stand in a report: one printable line of at most
/// Failures::kSaidBytes, runs of blanks as one, "…" where there was more. `secret`, which hosts like to
/// repeat, is "***" wherever it stands, as itself or with JSON's escapes; a part of it at the end, where the
/// text was cut off, as well.
std::string host_words(std::string_view text, std::string_view secret);

}  // namespace kneepoint::agent
