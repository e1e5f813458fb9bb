#pragma once

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>
#include <string>

#include "coordinator/telemetry/prometheus_text.h"

namespace kneepoint::coordinator {

/// The text of tests/coordinator/goldens/telemetry/`name`.
inline std::string golden(const std::string& name) {
  std::ifstream file(std::string(KNEEPOINT_SOURCE_DIR) + "/tests/coordinator/goldens/telemetry/" + name);
  EXPECT_TRUE(file) << name;
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

/// All of its samples.
inline std::vector<MetricSample> golden_samples(const std::string& name) {
  Exposition exposition = parse_exposition(golden(name), [](std::string_view) { return true; });
  EXPECT_EQ(exposition.malformed, 0u) << name;
  return exposition.samples;
}

}  // namespace kneepoint::coordinator
