#pragma once

#include <vector>

#include "coordinator/measure/repeat.h"
#include "coordinator/results/model.h"

namespace kneepoint::coordinator {

/// A row that may say something about the curve, as the errors in it are known.
struct CurveRow {
  const Step* step = nullptr;
  double throughput = 0;  ///< With what is known of the host's movement taken out (Step::speed).
  double error = 0;  ///< Relative: of the window itself, what a host scatters by between windows left out.
  double load() const { return step->load(); }
  double middle() const { return step->window_begin_seconds + step->duration_seconds / 2; }
};

/// Valid rows, and rows that are invalid only because the target turned requests away; superseded ones left
/// out. In the order of time.
///
/// A standard error of few batches is itself uncertain, and a row that looks precise by luck would dominate:
/// it is widened to what Student's t makes of it, and held against what is usual: the median of all rows,
/// scaled to the window, and the tick that its edges may cut. An error below that is raised to it, one above
/// is moved halfway (geometrically) towards it.
std::vector<CurveRow> curve_rows(const std::vector<Step>& steps);

/// What a host does between windows at the same load: it scatters, and it may drift. Both are told by repeats
/// only (loads measured more than once; the lowest load is left out, as what slows a lone request need not
/// slow a full batch).
struct Scatter {
  /// Relative standard deviation between windows, beside the windows' own errors. The Paule–Mandel estimate
  /// (1982), pooled over all repeated loads and shrunk to a weak floor, which is all there is without
  /// repeats; widened to what Student's t makes of its degrees of freedom.
  double ratio = 0;
  double repeats = 0;  ///< Degrees of freedom of the repeats, those of the floor left out.

  /// Of ln X, per second; 0 unless the repeats surely show one (99 %).
  double drift = 0, drift_error = 0;
  double from = 0, until = 0;  ///< When the repeats were measured: outside of these nothing is extrapolated.
  double centre = 0;

  /// What to add to ln X of a row measured at `time` to carry it to `centre`, and the standard error of that.
  double correction(double time) const;
  double correction_error(double time) const;
};
Scatter scatter_of(const std::vector<CurveRow>& rows);

/// Makes what the host scatters by between windows part of the intervals of every row's throughput.
void widen_by_scatter(std::vector<Step>& steps, double ratio);

/// What hosts scatter by between windows at least, relative.
inline constexpr double kScatterFloor = 0.002;

/// A repeat as numbers: ln X against time, and which load it is of.
struct LoadRepeat {
  std::size_t group = 0;
  double time = 0, value = 0, error = 0;
};
/// Those of loads that were measured more than once, the lowest load of the scan left out.
std::vector<LoadRepeat> load_repeats(const std::vector<CurveRow>& rows);

/// Repeats about the means of their loads, or about one common slope of them in time.
struct RepeatFit {
  double slope = 0, slope_error = 0;
  double misfit = 0;  ///< χ²
  double centre = 0;  ///< Of time.
};
/// @param groups how many loads. @param between variance between windows. @param sloped with a slope.
RepeatFit fit_repeats(const std::vector<LoadRepeat>& repeats, std::size_t groups, double between,
                      bool sloped);

}  // namespace kneepoint::coordinator
