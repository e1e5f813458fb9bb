#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "coordinator/timeline/timeline.h"

/// Where the settling of a series ends.
namespace kneepoint::coordinator {

/// How many values at the start of `values` MSER-5 would leave out (White, 1997): means of 5 neighbours, cut
/// where the squared standard error of what remains is least. A multiple of 5; 0 below 50 values, of which
/// too few means remain to tell. Cuts that leave fewer than five means are not considered: there the rule
/// finds chance, not trend.
std::size_t mser5(std::span<const double> values);

/// Tokens (or chunks, where the server reports no running usage) received in each half second of the seconds
/// [begin, end) of a cell.
std::vector<double> tokens_by_half_second(const Timeline& timeline, std::uint32_t cell, std::int64_t begin,
                                          std::int64_t end);

}  // namespace kneepoint::coordinator
