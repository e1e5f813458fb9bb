#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "coordinator/results/model.h"

namespace kneepoint::coordinator {

/// A scenario's name taken apart: "lengths[input_tokens=256,output_tokens=32]".
struct MatrixName {
  std::string scenario;             ///< "lengths"
  std::vector<std::string> axes;    ///< "input_tokens", "output_tokens"
  std::vector<std::string> values;  ///< "256", "32"
};
/// Absent where the name is not that of a matrix point.
std::optional<MatrixName> matrix_name(const std::string& scenario);

/// The results of one scenario's matrix on one target, in the report's order.
struct Matrix {
  struct Point {
    std::vector<std::string> values;  ///< One for each axis.
    std::size_t result = 0;           ///< Its place in the report.
  };
  std::string target, scenario;
  std::vector<std::string> axes;
  std::vector<Point> points;
};
/// Every matrix of two points or more.
std::vector<Matrix> matrices_of(const Report& report);

}  // namespace kneepoint::coordinator
