#pragma once

#include <string>

namespace kneepoint::coordinator {

/// JSON Schema (2020-12) of report.json, made from the fields that the writer and the reader of it share
/// (results/schema.h), so that it has every field with its type. Readers must skip what they do not know, so
/// further fields are allowed. Ends with a newline.
std::string report_json_schema();

}  // namespace kneepoint::coordinator
