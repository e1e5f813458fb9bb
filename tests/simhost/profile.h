#pragma once

#include <span>
#include <string>
#include <string_view>

#include "tests/simhost/closed_loop.h"
#include "tests/simhost/gpu_model.h"
#include "tests/simhost/pipeline.h"

namespace kneepoint::simhost {

/// A named host: an engine, the model it pretends to serve, the card it pretends to sit on.
struct Profile {
  std::string name;
  std::string description;
  std::string model = "qwen3-4b-instruct-2507";
  int max_model_len = 32768;
  EngineConfig engine;
  SplitConfig split;
  Workload workload;         ///< The workload for which the truth is printed by default.
  int reasoning_tokens = 0;  ///< The first so many output tokens are reasoning.
  Nanos load_time{};         ///< Start to ready, as published; applied on request only.
  std::string gpu_name = "NVIDIA A10G";
  int gpu_memory_mib = 24576;
  double gpu_power_limit_watts = 300;
  PipelineConfig pipeline() const { return {engine, split}; }
};

/// Every named profile, `demo` first.
std::span<const Profile> profiles();

/// Null when there is none of that name.
const Profile* find_profile(std::string_view name);

}  // namespace kneepoint::simhost
