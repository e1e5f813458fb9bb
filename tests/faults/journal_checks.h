#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "common/plan.h"
#include "coordinator/results/model.h"
#include "coordinator/timeline/timeline.h"
#include "tests/faults/agents.h"
#include "tests/method/queue_fleet.h"

/// What must be so of a journal, whatever has happened. Each returns what is not so, a line each.
namespace kneepoint::faults {

/// By the length of a segment's file: how many entries had been written to it by then.
using Marks = std::map<std::uintmax_t, std::size_t>;

/// Every digit of a row, as a report writes it.
std::string text_of(const coordinator::Step& row);

/// No acknowledged batch is missing and none is there twice; the recording read back, and `live`, the
/// timeline that the run had, hold as many requests as the batches do. @param live null where the disk did
/// not take all of the run: only what was acknowledged is looked at then.
std::vector<std::string> check_batches(const std::filesystem::path& directory, const Ledger& ledger,
                                       const coordinator::Timeline* live);

/// Rows that were closed are the same after a resume, as far as they had come to the disk.
std::vector<std::string> check_rows(const std::vector<coordinator::Step>& again,
                                    const std::vector<std::string>& rows);

struct Cuts {
  const Plan& plan;
  const std::vector<Cell>& cells;
  const Marks& marks;                    ///< Of the last segment.
  const std::vector<std::string>& rows;  ///< That the run has told.
  std::filesystem::path scratch;         ///< For a copy.
};
/// Cut anywhere in its last segment, the journal reads back to the last whole entry, and a run can go on from
/// there with the rows that it had told. @param count how many places are drawn; 0: every byte.
std::vector<std::string> check_cuts(const std::filesystem::path& directory, const Cuts& cuts,
                                    std::size_t count, method::Random& random);

/// The report of the journal's replay is the run's, digit by digit.
std::vector<std::string> check_replay(const std::filesystem::path& directory,
                                      const coordinator::Report& live);

/// The journal of a run that is over, folded, gives the same report.
std::vector<std::string> check_fold(const std::filesystem::path& directory);

}  // namespace kneepoint::faults
