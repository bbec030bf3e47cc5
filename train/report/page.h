// vicinity report: one HTML page that needs nothing else.
#pragma once

#include "train/report/run_record.h"

namespace vicinity {

/// The whole page: style, script and pictures inside, no request to anywhere (its
/// Content-Security-Policy forbids any). A function of the runs alone.
std::string report_page(const std::vector<RunRecord>& runs);

/// How a file begins that report_page made.
extern const char* const kReportMark;

}  // namespace vicinity
