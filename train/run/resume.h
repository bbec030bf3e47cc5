// Settings that are given anew when a run is resumed: which may change, and how that is said.
#pragma once

#include <string>
#include <vector>

#include "train/run_config.h"

namespace vicinity {

struct SettingChange {
  std::string key, before, after;

  /// "optim.lr 0.001 -> 0.0005".
  std::string text() const { return key + " " + before + " -> " + after; }
};

/// The settings in which two configurations differ, in the order of their description.
std::vector<SettingChange> setting_changes(RunConfig before, RunConfig after);

/// ConfigError with all of those that would make it another run: the model, the images, the order
/// of sums (batch, micro_batch), the seed. Length, schedule, learning rate, where files lie, how
/// much is logged and on what it is computed may change.
void check_changes(const std::vector<SettingChange>& changes);

/// ConfigError where train.epochs changes in a run whose length is train.steps.
void check_length(const std::vector<SettingChange>& changes, const TrainConfig& train);

/// Whether they may change how many steps the run takes, until its end or its train.patience.
bool change_length(const std::vector<SettingChange>& changes);

}  // namespace vicinity
