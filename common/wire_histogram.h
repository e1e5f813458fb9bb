#pragma once

#include "common/histogram.h"
#include "common/wire_check.h"

namespace kneepoint::v1 {
class Histogram;
}

/// A histogram inside another message. Private to common/wire_*.cc.
namespace kneepoint::wire {

/// Throws Invalid.
Histogram histogram_from(const Field& at, const v1::Histogram& message);

}  // namespace kneepoint::wire
