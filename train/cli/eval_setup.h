// What the verbs that evaluate have in common: a model, its data, and the way results are shown.
#pragma once

#include <memory>
#include <string>

#include "core/comm/communicator.h"
#include "data/source/open.h"
#include "models/model.h"
#include "train/cli/command_line.h"
#include "train/cli/load_config.h"
#include "train/eval_files.h"
#include "train/probe/features.h"
#include "train/probe/knn.h"

namespace vicinity {

struct EvalSetup {
  std::string path;              // as it was given
  Communicator* comm = nullptr;  // of many ranks, who share the images; or absent
  int threads_alone = 1;         // of a process that has its machine for itself
  LoadedModel loaded;
  DataSets data;
  Device device = kCpu;
  DType act = DType::f32;
};

/// The model is what stands before the settings, or model.weights; threads and device are set.
/// UsageError if there is none, or more than one. Ranks agree on the settings.
EvalSetup open_evaluation(const Arguments& arguments, const std::string& verb, Communicator* comm);
/// Ranks agree on the images and on the weights that were loaded.
void agree_on_model(const EvalSetup& setup, const Model& model);
/// What follows is rank 0's alone: it takes the cores of the others, who wait for it. True on
/// rank 0. `what`, a literal, tells them what it is at.
bool goes_on_alone(const EvalSetup& setup, const char* what);
/// Builds the model of `architecture` and loads the weights into it; ranks agree on them.
std::unique_ptr<Model> load_model(const EvalSetup& setup, const ModelConfig& architecture);
inline std::unique_ptr<Model> load_model(const EvalSetup& setup) {
  return load_model(setup, setup.loaded.config.model.architecture);
}

/// How features of the images are made (train/probe/features.h), kept in --cache, by default in
/// $XDG_CACHE_HOME/vicinity or ~/.cache/vicinity; --cache none keeps nothing.
FeatureSettings feature_settings(const EvalSetup& setup, const Arguments& arguments, int blocks);
/// The features of one part of the data, of many ranks on rank 0; says how long they took or where
/// they were kept.
LabelledFeatures labelled_features(const Model& model, const Source& source,
                                   FeatureSettings settings, const std::string& what);

/// Files in --out, and on standard output one JSON object with --json, else what a reader wants to
/// see: `headline`, the classes where they are few, the worst mistakes.
void show_evaluation(const Arguments& arguments, const EvalReport& report, const Source& source,
                     const EvalSubject& subject, const std::string& headline);

}  // namespace vicinity
