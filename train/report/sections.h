// The parts of the page, one file each. A part of what a run does not have says so.
#pragma once

#include "train/report/run_record.h"

namespace vicinity {

/// Best and last accuracy, steps, time, model and data: figures of one run, a table of several.
Html headline_section(const std::vector<RunRecord>& runs);
/// A table of the settings in which several runs differ.
Html differing_settings(const std::vector<RunRecord>& runs);
/// Loss, accuracy, learning rate and norm of the gradient over epochs, runs over each other.
Html curves_section(const std::vector<RunRecord>& runs);
/// The confusion matrix of up to 100 classes, and the pairs that are most often confused.
Html confusion_section(const RunRecord& run, const std::string& id);
/// Recall and precision of each class, the worst first.
Html classes_section(const RunRecord& run, const std::string& id);
/// The most confident wrong answers with their images.
Html mistakes_section(const RunRecord& run, const std::string& id);
/// Accuracy over confidence, and the expected calibration error.
Html calibration_section(const RunRecord& run, const std::string& id);
/// Where the time went, throughput, memory.
Html timing_section(const std::vector<RunRecord>& runs);
/// Every setting with its origin, and the command.
Html configuration_section(const RunRecord& run, const std::string& id);

/// "91.00 %", "-" for nothing.
std::string percent_text(std::optional<double> percent);
/// What an evaluation part says without one.
Html no_evaluation(const RunRecord& run);

}  // namespace vicinity
