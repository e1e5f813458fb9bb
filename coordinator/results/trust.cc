#include "coordinator/results/trust.h"

#include <algorithm>
#include <array>
#include <utility>

#include "coordinator/words/remedies.h"

namespace kneepoint::coordinator {
namespace {
constexpr std::array<std::string_view, 3> kTrusts = {"trustworthy", "with reservations", "not trustworthy"};
constexpr std::array<std::string_view, 3> kWeights = {"fatal", "reservation", "warning"};
}  // namespace

std::string_view to_string(Trust trust) {
  return kTrusts[static_cast<std::size_t>(trust)];
}

std::string_view to_string(Remark::Weight weight) {
  return kWeights[static_cast<std::size_t>(weight)];
}

std::optional<Remark::Weight> remark_weight_from_string(std::string_view name) {
  const auto at = std::find(kWeights.begin(), kWeights.end(), name);
  if (at == kWeights.end()) return std::nullopt;
  return static_cast<Remark::Weight>(at - kWeights.begin());
}

void Verdict::refuse(std::string code, std::string text) {
  add({Remark::Weight::kFatal, std::move(code), std::move(text), {}});
}

void Verdict::reserve(std::string code, std::string text) {
  add({Remark::Weight::kReservation, std::move(code), std::move(text), {}});
}

void Verdict::warn(std::string code, std::string text) {
  add({Remark::Weight::kWarning, std::move(code), std::move(text), {}});
}

void Verdict::add(Remark remark) {
  if (remark.remedy.empty()) remark.remedy = remedy_for(remark.code);
  const auto lighter =
      std::upper_bound(remarks_.begin(), remarks_.end(), remark.weight,
                       [](Remark::Weight weight, const Remark& r) { return weight < r.weight; });
  remarks_.insert(lighter, std::move(remark));
}

Trust Verdict::trust() const {
  if (remarks_.empty() || remarks_.front().weight == Remark::Weight::kWarning) return Trust::kTrustworthy;
  return remarks_.front().weight == Remark::Weight::kFatal ? Trust::kUntrusted : Trust::kReserved;
}

bool Verdict::has(std::string_view code) const {
  return std::any_of(remarks_.begin(), remarks_.end(), [&](const Remark& r) { return r.code == code; });
}

std::vector<std::string> Verdict::reasons() const {
  std::vector<std::string> texts;
  for (const Remark& remark : remarks_) texts.push_back(remark.text);
  return texts;
}

}  // namespace kneepoint::coordinator
