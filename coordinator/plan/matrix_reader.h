#pragma once

#include <string>
#include <vector>

#include "coordinator/plan/yaml_tree.h"

namespace kneepoint::coordinator {

/// One point of a scenario's matrix.
struct MatrixPoint {
  yaml::Node scenario;  ///< The scenario without its `matrix`, the point's values in its workload.
  std::string suffix;   ///< "[input_tokens=8192]", for its name; empty where there is no matrix.
};

/// A scenario's `matrix: {input_tokens: [1024, 8192]}` as one scenario for each combination of values, the
/// last key changing fastest. The values stand where the matrix gives them, so that a complaint about one
/// points there. Throws yaml::PlanError.
std::vector<MatrixPoint> matrix_points(const yaml::Node& scenario);

}  // namespace kneepoint::coordinator
