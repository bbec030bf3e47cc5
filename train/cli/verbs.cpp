#include "train/cli/verbs.h"

#include <filesystem>

#include "core/base/error.h"
#include "core/base/text.h"

namespace vicinity {
namespace {

const Option kJson{"--json", "", "machine-readable output, one JSON object a line"};
const Option kOverwrite{"--overwrite", "", "replace what is there"};
const Option kCache{"--cache", "DIR|none",
                    "where features are kept; default ~/.cache/vicinity, or $XDG_CACHE_HOME's"};
const Option kRanks{"--ranks", "N",
                    "start N ranks on this machine, by mpirun: same bits, the cores divided"};

// Those of every verb that evaluates, and `own`.
std::vector<Option> evaluation_options(std::vector<Option> own) {
  own.insert(own.begin(), {kJson,
                           kRanks,
                           {"--out", "DIR",
                            "also write eval.json, predictions.csv, per_class.csv, confusion.csv"},
                           kOverwrite});
  return own;
}

// What trains and measures.
std::vector<Verb> training_verbs() {
  return {
      {"train",
       "[--config NAME]... [key=value]... [--out DIR]",
       "trains or fine-tunes a classifier",
       {{"--out", "DIR", "folder of the run; default runs/<date>-<model>"},
        {"--resume", "",
         "continue the run in --out, with the same bits as if it had never stopped"},
        kOverwrite,
        kRanks,
        {"--gpus", "N|all", "ranks with device=cuda: one on each of N GPUs of this machine"},
        {"--max-restarts", "N",
         "with --ranks or --gpus: resume so many times after a rank was lost"}},
       true,
       train_verb},
      {"eval", "RUN|MODEL [data.root=PATH] [key=value]...",
       "top-1, top-5, calibration, per class and confusion on the validation images",
       evaluation_options({}), true, eval_verb},
      {"eval knn", "RUN|MODEL|model.weights=PATH data.root=PATH [key=value]...",
       "top-1 of votes of the nearest training images: what weights know before any training",
       evaluation_options({kCache}), true, eval_knn_verb},
      {"eval linear", "RUN|MODEL|model.weights=PATH data.root=PATH [key=value]...",
       "top-1 of linear classifiers on frozen features, over the published grid",
       evaluation_options({kCache,
                           {"--steps", "N", "steps of SGD; default 12500"},
                           {"--batch", "N", "images a step; default 128"},
                           {"--save", "DIR", "the model with the best head, for predict"}}),
       true, eval_linear_verb},
      {"report",
       "RUN... [--out FILE.html]",
       "what happened in one or several runs, as one HTML page",
       {{"--out", "FILE", "the page to write; default RUN/report.html, of several ./report.html"}},
       false,
       report_verb},
  };
}

// What uses models.
std::vector<Verb> model_verbs() {
  return {
      {"predict",
       "RUN|MODEL IMAGE|FOLDER|'PATTERN'|-...",
       "class names and probabilities of images; -: a list of files on standard input",
       {kJson,
        {"--top", "K", "how many names to print, best first; default 5"},
        {"--batch", "N", "images at a time; default 32"},
        {"--save", "FILE.png", "also draw the image, or the images on one sheet, with their names"},
        {"--val", "N", "N images spread over the run's own validation set, with their true names"}},
       true,
       predict_verb},
      {"embed",
       "RUN|MODEL IMAGE|FOLDER|'PATTERN'|-... --outputs NAME,... --out FILE",
       "features, hidden states, attentions and logits of images as arrays, resumable",
       {{"--outputs", "NAME,...",
         "pooled (default), last_hidden_state, hidden_states, reshaped_hidden_states, attentions, "
         "logits, features, features.STAGE"},
        {"--out", "FILE", "the file to write: .safetensors, .npz or .h5"},
        {"--batch", "N", "images at a time; default 16"},
        kRanks,
        kOverwrite},
       true,
       embed_verb},
      {"export",
       "RUN|MODEL --out DIR [--to hf|original|timm] [key=value]...",
       "writes a model as Hugging Face, the original repositories or timm read it",
       {{"--out", "DIR", "folder to write"},
        {"--to", "hf|original|timm", "whose names the tensors get; default hf"},
        kOverwrite},
       true,
       export_verb},
  };
}

std::vector<Verb> data_verbs() {
  return {
      {"data check",
       "data.root=PATH [key=value]...",
       "broken, tiny and repeated images, leaks between training and validation, classes",
       {kJson},
       true,
       data_check_verb},
      {"data pack",
       "data.root=PATH [key=value]... --out FILE.h5",
       "packs images into one HDF5 file, resumable",
       {{"--out", "FILE", "the pack to write"}, kOverwrite},
       true,
       data_pack_verb,
       "One process already packs as fast as the disk is: a core takes 1 GB/s"},
      {"data preview",
       "data.root=PATH [key=value]... --out FILE.png",
       "draws training images as the network sees them, augmented, epoch after epoch",
       {{"--out", "FILE.png", "the sheet to draw"},
        {"--images", "N", "how many images, a row each; default 8"}},
       true,
       data_preview_verb},
  };
}

// What says what there is and what would be.
std::vector<Verb> telling_verbs() {
  return {
      {"inspect",
       "PATH | model=NAME [data.image_size=N] [train.micro_batch=N] | data.root=PATH",
       "what a model, a checkpoint, a weight file or a data set holds",
       {kJson},
       true,
       inspect_verb},
      {"plan",
       "[--config NAME]... [data.root=PATH] [key=value]...",
       "before a run: memory, arithmetic, time, disk, whether dilations fit, the learning rate",
       {kJson,
        {"--probe", "", "time 10 real steps, and what they make of an epoch"},
        {"--images", "N", "so many training images, where there is no data.root"}},
       true,
       plan_verb},
      {"config dump",
       "[--config NAME]... [key=value]...",
       "the resolved configuration",
       {{"--origin", "", "after each value, where it came from"}},
       true,
       config_dump_verb},
  };
}

// What looks at the machine.
std::vector<Verb> machine_verbs() {
  return {
      {"bench step",
       "model=NAME [train.batch=N] [train.precision=bf16|fp32]",
       "times whole steps",
       {kJson,
        {"--mode", "train|infer|pass",
         "what a step is; default train. infer: by a plan, as predict; pass: without one"},
        {"--steps", "N", "steps to time; default 5, after 2 to warm up"},
        {"--ops", "", "seconds, GFLOP/s and GB/s per op"}},
       true,
       bench_step_verb},
      {"bench ops",
       "",
       "times ops at the shapes of the models, against the measured peak",
       {kJson},
       false,
       bench_ops_verb},
      {"bench floor",
       "model=NAME [train.batch=N] [train.micro_batch=N] [train.precision=bf16|fp32]",
       "the least time that a training step takes on a device, from its FLOPs and bytes",
       {kJson,
        {"--tflops", "X", "products of the step's dtype, TFLOP/s; default 790, an H200 in bf16"},
        {"--tbytes", "X", "memory read and written, TB/s; default 4.3, an H200"}},
       true,
       bench_floor_verb},
      {"bench loader",
       "data.root=PATH [data.loader_threads=1]",
       "times reading, decoding and augmenting training images",
       {kJson, {"--runs", "N", "how often to time it, 0.2 s or an epoch each; default 5"}},
       true,
       bench_loader_verb},
      {"doctor",
       "",
       "checks this machine: libraries, threads, every op against its fp64 loop",
       {},
       false,
       doctor_verb},
  };
}

}  // namespace

const std::vector<Verb>& verbs() {
  static const std::vector<Verb> table = [] {
    std::vector<Verb> all;
    for (const auto& group :
         {training_verbs(), model_verbs(), data_verbs(), telling_verbs(), machine_verbs()})
      all.insert(all.end(), group.begin(), group.end());
    return all;
  }();
  return table;
}

void refuse_positional(const Arguments& arguments, const std::string& verb) {
  if (arguments.positional.empty()) return;
  const std::string& word = arguments.positional[0];
  std::error_code ignored;
  const bool images = std::filesystem::is_directory(word, ignored),
             settings = ends_with(word, ".yaml") || ends_with(word, ".yml"),
             list = ends_with(word, ",") || ends_with(word, "]");
  VIC_FAIL(UsageError, "vicinity ", verb, ": what is '", word,
           "'? Settings are written key=value, ",
           images     ? "images data.root=" + word
           : settings ? "files of settings --config " + word
           : list     ? "lists with spaces 'key=[a, b]', in quotes"
                      : "files of settings --config FILE");
}

namespace {
std::vector<std::string>& typed() {
  static std::vector<std::string> words;
  return words;
}
}  // namespace

const std::vector<std::string>& command_words() { return typed(); }
void remember_command(std::vector<std::string> words) { typed() = std::move(words); }

}  // namespace vicinity
