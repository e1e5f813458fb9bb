#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "common/wire.h"
#include "kneepoint/v1/measurement.pb.h"
#include "kneepoint/v1/plan.pb.h"

namespace {

/// What passes validation must survive the way back and pass again.
template <class Message>
void check(const std::uint8_t* data, std::size_t size) {
  Message message;
  if (!message.ParseFromArray(data, static_cast<int>(size))) return;
  const auto value = kneepoint::from_wire(message);
  if (!value) return;
  Message again;
  kneepoint::to_wire(*value, again);
  if (!kneepoint::from_wire(again)) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  switch (data[0] % 4) {
    case 0:
      check<kneepoint::v1::SnapshotBatch>(data + 1, size - 1);
      break;
    case 1:
      check<kneepoint::v1::Histogram>(data + 1, size - 1);
      break;
    case 2:
      check<kneepoint::v1::Assignment>(data + 1, size - 1);
      break;
    default:
      check<kneepoint::v1::LoadLevel>(data + 1, size - 1);
  }
  return 0;
}
