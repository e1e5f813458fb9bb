#pragma once

#include <string_view>

namespace kneepoint::coordinator {

/// JSON Schema (2020-12) of a plan: docs/schema/plan.schema.json as it was when this program was built.
/// tests/docs/schema_test.py holds it against the keys that the readers of this folder know. The text lives
/// as long as the program.
std::string_view plan_json_schema();

}  // namespace kneepoint::coordinator
