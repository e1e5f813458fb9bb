#pragma once

#include <optional>
#include <span>

#include "coordinator/results/model.h"
#include "coordinator/verdict/throughput_curve.h"

namespace kneepoint::coordinator {

/// Gunther's Universal Scalability Law, X(N) = λN / (1 + σ(N − 1) + κN(N − 1)), by weighted least squares of
/// N/X, which is linear in its parameters; σ and κ are not negative. Absent below four points. For comparison
/// with other work only: it has no cap, and overshoots a host that has one by 12 to 28 %.
std::optional<Usl> fit_usl(std::span<const ThroughputPoint> points);

/// The measured N with the most X²/N, throughput times throughput per request ("power", Kleinrock); absent
/// without points. For comparison only: it prefers far less load than N_sat.
std::optional<double> power_concurrency(std::span<const ThroughputPoint> points);

}  // namespace kneepoint::coordinator
