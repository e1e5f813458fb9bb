#pragma once

#include <cstdint>
#include <optional>

namespace kneepoint::coordinator {

/// A window as Little's law sees it. Seconds and request-seconds.
struct Residence {
  double window = 0;
  double in_flight = 0;  ///< ∫ requests in flight.
  double ended = 0;      ///< Σ E2E of the requests that completed in it.
  double mean = 0;       ///< R̄, of one request.
  double longest = 0;
  double together = 1;  ///< Requests that begin together where sessions have several: Σ size² / Σ size.
  bool held = true;     ///< The load keeps so many in flight; else it is their mean.
  double slots =
      1;  ///< Requests in flight as asked for, or on average; less than one where there often is none.
};

/// L = λ·R̄ checked on the window itself: ∫in_flight against Σ E2E of what completed.
struct LittlesLaw {
  double error = 0;  ///< Relative; positive where requests were in flight that never showed up as completed.
  double tolerance = 0;  ///< What chance and the window's edges can explain.
};

/// Both sides differ by the ages of the requests in flight at the two edges, which is arithmetic and no
/// fault: one slot with R = 1.3 s completes 6 or 7 requests in 8 s, and slots in step (a convoy) all complete
/// once more or less together. So the tolerance is max(2 %, 1.1·R̄/W, R_max/(W·√N)): the second bounds convoys
/// of like requests, the third a lone slot and the chance of independent ones. Where a load does not keep N
/// in flight, their number differs between the edges, too, by √(2N) as a standard deviation where they come
/// independently: the third is twice as wide, and by √size more where they come in groups. Where N < 1 on
/// average, a whole request at an edge is R̄/(N·W) of all there was. Absent where R̄ > W/2: the window is then
/// all edges.
std::optional<LittlesLaw> littles_law(const Residence& residence);

}  // namespace kneepoint::coordinator
