#pragma once

/// The room of sentences. Every sentence that a reader gets about a run is written in this folder and nowhere
/// else, so that whoever improves or translates them opens one room.
///
/// The rule: a function here is given figures, or values of results/, and gives a sentence or a clause. It
/// decides nothing: what is true is found by measure/, verdict/ and compare/, and which sentence stands where
/// by report/, which call these functions. So nothing here includes them; tests/support/lint_text.py says
/// where a sentence stands outside, or where this folder includes a neighbour that calls it.
///
/// A clause has no capital and no stop: it stands behind "at 32: ". A sentence has both. Names of a plan and
/// of a metric are given as they are written. Figures are formatted by results/units.h.
///
/// What is no part of the answer stays where it is made: refusals of a plan or a command line, what init and
/// the preflight say of a host, progress lines, and the column titles of tables.

#include "coordinator/words/again.h"            // measured again: confirmation, proof, the way down, drift
#include "coordinator/words/answer.h"           // a result as a reader gets it: saturation, SLO, prompts
#include "coordinator/words/bottlenecks.h"      // what can give out first, and the way out
#include "coordinator/words/causes.h"           // the evidence for a bottleneck
#include "coordinator/words/charts.h"           // titles and captions of report.html
#include "coordinator/words/comparison.h"       // of several runs
#include "coordinator/words/definitions.h"      // what a figure means
#include "coordinator/words/endings.h"          // what ended a run, and what a reader does next
#include "coordinator/words/failures.h"         // requests that failed
#include "coordinator/words/flags.h"            // what a state or flag means
#include "coordinator/words/health.h"           // a host that was gone
#include "coordinator/words/movement.h"         // a host that did not stay as it was
#include "coordinator/words/pages.h"            // what a server's page is worth
#include "coordinator/words/recommendations.h"  // figures to plan by
#include "coordinator/words/remarks.h"          // what a reader has to know before relying on a result
#include "coordinator/words/remedies.h"         // what to do about a remark
#include "coordinator/words/rows.h"             // why a row is invalid, or what weakens it
#include "coordinator/words/saturation.h"       // where throughput stops growing, and the curve's shape
#include "coordinator/words/short_answer.h"     // the same in a few words, for a terminal
#include "coordinator/words/titles.h"           // above the parts of a report
#include "coordinator/words/tokens.h"           // counts of tokens that differ
