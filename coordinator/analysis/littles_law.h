#pragma once

#include <optional>
#include <span>

namespace kneepoint::coordinator {

/// One second of a window, as Little's law sees it. Request-seconds and seconds.
struct ResidenceSecond {
  double in_flight = 0;        ///< ∫ requests in flight.
  double residence_ended = 0;  ///< Σ E2E of the requests that completed in it.
};

/// L = λ·R̄ checked on the window itself: ∫in_flight against Σ E2E of what completed.
struct LittlesLaw {
  double error = 0;  ///< Relative; positive where requests were in flight that never showed up as completed.
  double tolerance = 0;  ///< What chance and the window's edges can explain.
};

/// Both sides differ by the ages of the requests in flight at the two edges, which is arithmetic and no
/// fault: one slot with R = 1.3 s completes 6 or 7 requests in 8 s, 12 % apart. A leak in the accounting
/// shows at every second, an edge effect only at the edges. So the error is the smaller of two: of the plain
/// sums, tolerated up to max(2 %, 0.25·R̄/W, R_max/(W·√N)), and of sums under a parabola that vanishes at both
/// edges, which is blind to convoys. Absent where nothing completed or R̄ > W/2: the window is then all edges.
/// @param mean_residence, longest_residence seconds. @param slots requests in flight asked for.
std::optional<LittlesLaw> littles_law(std::span<const ResidenceSecond> seconds, double mean_residence,
                                      double longest_residence, double slots);

}  // namespace kneepoint::coordinator
