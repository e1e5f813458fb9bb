#pragma once

#include <span>
#include <string>
#include <string_view>

#include "common/dialect_description.h"
#include "common/result.h"

namespace kneepoint::coordinator {

/// A description of configs/dialects, as it was when this program was built. It lives as long as the program.
struct ReadyDialect {
  std::string_view name;  ///< Of its file, without the ending: "tgi".
  std::string_view text;  ///< YAML.
};

/// All of them, in the order in which an unknown host is asked: what many kinds of hosts speak comes first.
std::span<const ReadyDialect> ready_dialects();

/// What a plan calls it: "dialects/tgi.yaml". A file of this name beside the plan goes before it.
std::string ready_dialect_path(std::string_view name);

/// The one that a plan calls so, or none.
const ReadyDialect* find_ready_dialect(std::string_view path);

/// Reads it. Fails only where the file was wrong when the program was built.
Result<DialectDescription> read_ready_dialect(const ReadyDialect& dialect);

}  // namespace kneepoint::coordinator
