// Everything that a run depends on: one struct, described once. Read from YAML files and the
// command line, written resolved to config.yaml.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/config/fields.h"
#include "data/source/open.h"
#include "data/transforms/pipeline.h"
#include "models/model_config.h"
#include "train/mixing.h"
#include "train/optim/optimizer.h"
#include "train/recipe_section.h"

namespace vicinity {

/// model.*: the architecture, and where its first weights come from.
struct ModelSection {
  ModelConfig architecture;
  std::string weights;
  std::string head;
  bool use_ema = false;
  double min_match = 0.9;
  std::string init = "original";
  std::string small_maps = "refuse";

  template <class V>
  void fields(V& v) {
    architecture.fields(v);
    v("weights", weights,
      "a folder of Hugging Face's, a weight file or a run to start from, whose architecture is "
      "taken too; empty: from scratch");
    v("head", head,
      "a linear classifier in a file of its own (dinov2_vits14_linear_head.pth); empty: that of "
      "the weights");
    v("use_ema", use_ema,
      "of a training checkpoint (.pth.tar) the running average of the weights, state_dict_ema");
    v("min_match", min_match, "least share of the backbone that model.weights must hold",
      between(0, 1));
    v("init", init,
      "initialisation: as the original code's, as Hugging Face's, or fan_in: the original's with "
      "linear weights as PyTorch draws them, which narrow networks need",
      one_of({"original", "hf", "fan_in"}));
    v("small_maps", small_maps, "a level smaller than kernel x dilation is refused or padded",
      one_of({"refuse", "pad"}));
  }
  void check(Problems& problems) const { architecture.check(problems); }
};

/// data.*: where images come from and what is done to them.
struct DataSection {
  DataConfig source;
  TransformConfig transform;
  int loader_threads = 0;

  template <class V>
  void fields(V& v) {
    source.fields(v);
    transform.fields(v);
    v("loader_threads", loader_threads,
      "threads that decode; 0: one per core. Changes no bit of any batch", between(0, 1024));
  }
  void check(Problems& problems) const { transform.check(problems); }
};

struct TrainConfig {
  int64_t batch = 256;
  int64_t micro_batch = 64;
  double epochs = 10;
  int64_t steps = 0;
  std::string precision = "auto";
  double smoothing = 0.1;
  double head_dropout = 0;
  std::vector<std::string> class_weights;
  double ema = 0;
  std::string best = "val_top1";
  int patience = 0;
  MixingConfig mixing;
  int64_t log_every = 50;
  double eval_every = 1;
  int64_t save_every = 0;
  int keep_last = 2;
  std::string recompute = "none";
  bool cuda_graph = true;
  std::string floor = "auto";
  std::string on_nan = "stop";
  int64_t nan_limit = 10;
  double rank_timeout = 60;

  template <class V>
  void fields(V& v) {
    v("batch", batch, "images per optimiser step, over all ranks", at_least(1));
    v("micro_batch", micro_batch, "images per leaf of the gradient tree; part of the recipe",
      at_least(1));
    v("epochs", epochs, "passes over the training images", at_least(0));
    v("steps", steps, "optimiser steps; 0: as many as the epochs need", at_least(0));
    v("precision", precision, "bf16, fp32, or auto: bf16 where the device multiplies it",
      one_of({"auto", "bf16", "fp32"}));
    v("smoothing", smoothing, "label smoothing", between(0, 1));
    v("head_dropout", head_dropout, "dropout of what the classifier reads, in training",
      between(0, 0.99));
    v("class_weights", class_weights,
      "weights of the classes in the loss, in label order, or balanced: images over (classes x "
      "images of the class); empty: 1 each");
    v("ema", ema,
      "decay of the average of the weights, which is then what is kept and what chooses the best: "
      "0.9998; 0: none",
      between(0, 0.999999));
    v("best", best, "the result of evaluation by which the best checkpoint is chosen",
      one_of({"val_top1", "val_top5", "val_loss", "val_balanced"}));
    v("patience", patience, "evaluations without a better one after which a run ends; 0: never",
      at_least(0));
    mixing.fields(v);
    v("log_every", log_every, "steps between log lines", at_least(1));
    v("eval_every", eval_every, "epochs between evaluations; 0: only at the end", at_least(0));
    v("save_every", save_every, "steps between checkpoints; 0: at every evaluation", at_least(0));
    v("keep_last", keep_last, "checkpoints kept besides the best", at_least(1));
    v("recompute", recompute,
      "block: what the blocks compute is not kept for backward but computed again, about a third "
      "more time for a fraction of the memory. Changes no bit",
      one_of({"none", "block"}));
    v("cuda_graph", cuda_graph,
      "device=cuda: a step is launched as one recorded graph; false shows each kernel to a "
      "debugger. "
      "Changes no bit");
    v("floor", floor,
      "before training, what the weights reach as they are: knn, by the nearest neighbours; "
      "linear, "
      "by the published grid of linear classifiers; none; or auto: knn where there are "
      "model.weights, at most 20,000 training images, and it costs at most a tenth of the training",
      one_of({"auto", "knn", "linear", "none"}));
    v("on_nan", on_nan,
      "a step whose loss or gradient is not finite: stop, skip its update, or rollback to the last "
      "checkpoint and go on after its batch",
      one_of({"stop", "skip", "rollback"}));
    v("nan_limit", nan_limit,
      "steps in a row that on_nan=skip or rollback leaves out before it stops", at_least(1));
    v("rank_timeout", rank_timeout,
      "many ranks: seconds after which, where one gives no sign of life, the others have ended, "
      "with code 6",
      greater_than(0));
  }
};

struct RunConfig {
  ModelSection model;
  DataSection data;
  TrainConfig train;
  OptimConfig optim;
  ScheduleConfig sched;
  RecipeSection recipe;
  std::string device = "auto";
  int threads = 0;
  uint64_t seed = 0;

  template <class V>
  void fields(V& v) {
    v("model", model, "the network");
    v("data", data, "images and what is done to them");
    v("train", train, "length, batch, precision, logging");
    v("optim", optim, "the optimiser");
    v("sched", sched, "the learning rate over time");
    v("recipe", recipe, "what a published recipe promises");
    v("device", device, "where to compute; auto: cuda where there is a GPU this program can use",
      one_of({"auto", "cpu", "cuda"}));
    v("threads", threads, "compute threads; 0: one per core. Changes no bit of any result",
      between(0, 1024));  // a hundred thousand crash OpenMP
    v("seed", seed, "seed of initialisation, order, augmentation and drop path");
  }
};

}  // namespace vicinity
