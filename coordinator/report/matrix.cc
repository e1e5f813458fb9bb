#include "coordinator/report/matrix.h"

#include <algorithm>
#include <string_view>

namespace kneepoint::coordinator {

std::optional<MatrixName> matrix_name(const std::string& scenario) {
  const std::size_t open = scenario.rfind('[');
  if (open == scenario.npos || !scenario.ends_with(']')) return std::nullopt;
  MatrixName name{.scenario = scenario.substr(0, open)};
  std::string_view rest = std::string_view(scenario).substr(open + 1);
  rest.remove_suffix(1);
  while (true) {
    const std::string_view part = rest.substr(0, rest.find(','));
    const std::size_t equals = part.find('=');
    if (equals == part.npos || equals == 0) return std::nullopt;
    name.axes.emplace_back(part.substr(0, equals));
    name.values.emplace_back(part.substr(equals + 1));
    if (part.size() == rest.size()) return name;
    rest.remove_prefix(part.size() + 1);
  }
}

std::vector<Matrix> matrices_of(const Report& report) {
  std::vector<Matrix> all;
  for (std::size_t i = 0; i < report.results.size(); ++i) {
    const ScenarioResult& result = report.results[i];
    auto name = matrix_name(result.scenario);
    if (!name) continue;
    const auto same = std::find_if(all.begin(), all.end(), [&](const Matrix& m) {
      return m.target == result.target && m.scenario == name->scenario && m.axes == name->axes;
    });
    Matrix& matrix = same != all.end()
                         ? *same
                         : all.emplace_back(Matrix{
                               .target = result.target, .scenario = name->scenario, .axes = name->axes});
    matrix.points.push_back({.values = std::move(name->values), .result = i});
  }
  std::erase_if(all, [](const Matrix& m) { return m.points.size() < 2; });
  return all;
}

}  // namespace kneepoint::coordinator
