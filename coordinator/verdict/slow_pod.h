#pragma once

#include <optional>
#include <string>

#include "common/target.h"
#include "coordinator/results/model.h"

namespace kneepoint::coordinator {

/// How many pods, by their pages, stand behind fewer addresses; 0 where each has a URL of its own.
std::size_t pods_behind(const ScenarioResult& result, const Target& target);

/// Whether pages tell data parallel ranks apart: no client knows by which rank it was answered.
bool has_ranks(const ScenarioResult& result);

/// Of several pods behind one address, or ranks of one server, the one that is clearly slower than the
/// others: by its own page, where all pages together show our load and no more, and by a second witness,
/// which is the replica that the response header names, or what came here: the mean that all of them together
/// make, and not the one of the others. A sentence without a stop with its name; nothing where either is
/// missing.
std::optional<std::string> slow_pod(const ScenarioResult& result);

}  // namespace kneepoint::coordinator
