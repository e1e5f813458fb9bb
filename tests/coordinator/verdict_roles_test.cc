#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/coordinator/attribution_scene.h"

namespace kneepoint::coordinator {
namespace {

using scenes::Scene;
using ::testing::HasSubstr;

/// Requests at 48 in flight by where they wait; the others decode.
struct Waits {
  double router = 0, prefill = 0, kv_transfer = 0, decode = 0;
};

Scene scene_of(const Waits& waits, double without_token) {
  Scene scene;
  for (Step& step : scene.steps) {
    const double part = step.concurrency == 48 ? 1 : 0;
    RoleFigures router{.role = "router", .pages = 1}, prefill{.role = "prefill", .pages = 2},
        decode{.role = "decode", .pages = 2};
    router.waiting_mean = part * waits.router;
    prefill.waiting_mean = part * waits.prefill;
    decode.waiting_mean = part * waits.decode;
    step.telemetry->roles = {router, prefill, decode};
    step.telemetry->kv_transferring = part * waits.kv_transfer;
    step.waiting = step.concurrency == 48 ? without_token : 0.05 * step.concurrency;
  }
  return scene;
}

TEST(Roles, TheStageThatHoldsMostIsNamedByItsPagesAndTheClient) {
  const std::pair<Waits, const char*> cases[] = {{{.router = 20, .prefill = 1}, "router"},
                                                 {{.prefill = 20, .decode = 2}, "prefill"},
                                                 {{.prefill = 3, .kv_transfer = 18}, "kv_transfer"},
                                                 {{.kv_transfer = 2, .decode = 22}, "decode"}};
  for (const auto& [waits, name] : cases) EXPECT_EQ(scene_of(waits, 22).judge().bottleneck, name);
  EXPECT_THAT(scene_of({.prefill = 3, .kv_transfer = 18}, 22).judge().text(),
              HasSubstr("At 48 requests in flight, 18 requests wait until their KV cache has been sent from "
                        "prefill to decode (0.0 in the router's own queue, 3.0 before prefill, 0.0 before "
                        "decode), by the pages of each role; here 22 have no token yet."));
}

TEST(Roles, APageAloneNamesNone) {
  EXPECT_NE(scene_of({.prefill = 20}, 6).judge().bottleneck, "prefill") << "here all of them have tokens";
  EXPECT_NE(scene_of({.router = 5}, 20).judge().bottleneck, "router") << "it holds few";
  EXPECT_NE(scene_of({.prefill = 1, .decode = 1}, 3).judge().bottleneck, "decode");
}

TEST(Roles, WaitsThatAreThereAtAnyLoadAreNoLimit) {
  Scene scene = scene_of({.kv_transfer = 20}, 22);
  for (Step& step : scene.steps) step.waiting = 0.45 * step.concurrency;
  EXPECT_NE(scene.judge().bottleneck, "kv_transfer");
}

}  // namespace
}  // namespace kneepoint::coordinator
