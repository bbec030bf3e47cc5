#include "train/cli/verbs.h"

#include "core/base/error.h"

namespace vicinity {
namespace {

const Option kJson{"--json", "", "machine-readable output, one JSON object a line"};
const Option kOverwrite{"--overwrite", "", "replace what is there"};

// What works on models and data.
std::vector<Verb> work_verbs() {
  return {
      {"train",
       "[--config NAME]... [key=value]... [--out DIR]",
       "trains or fine-tunes a classifier",
       {{"--out", "DIR", "folder of the run; default runs/<date>-<model>"},
        {"--resume", "",
         "continue the run in --out, with the same bits as if it had never stopped"},
        kOverwrite},
       true,
       train_verb},
      {"eval",
       "RUN|MODEL [data.root=PATH] [key=value]...",
       "top-1, top-5, loss and confusion on the validation images",
       {kJson},
       true,
       eval_verb},
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
        kOverwrite},
       true,
       embed_verb},
      {"data pack",
       "data.root=PATH [key=value]... --out FILE.h5",
       "packs images into one HDF5 file, resumable",
       {{"--out", "FILE", "the pack to write"}, kOverwrite},
       true,
       data_pack_verb},
      {"export",
       "RUN|MODEL --out DIR [--to hf|original|timm] [key=value]...",
       "writes a model as Hugging Face, the original repositories or timm read it",
       {{"--out", "DIR", "folder to write"},
        {"--to", "hf|original|timm", "whose names the tensors get; default hf"},
        kOverwrite},
       true,
       export_verb},
      {"inspect",
       "PATH | model=NAME [data.image_size=N] [train.micro_batch=N]",
       "what a model, a checkpoint, a weight file or a data set holds",
       {kJson},
       true,
       inspect_verb},
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
        {"--mode", "train|infer", "what a step is; default train"},
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
    std::vector<Verb> all = work_verbs();
    const std::vector<Verb> machine = machine_verbs();
    all.insert(all.end(), machine.begin(), machine.end());
    return all;
  }();
  return table;
}

void refuse_positional(const Arguments& arguments, const std::string& verb) {
  VIC_CHECK(UsageError, arguments.positional.empty(), "vicinity ", verb, ": what is '",
            arguments.positional.empty() ? "" : arguments.positional[0],
            "'? Settings are written key=value, files of settings --config FILE");
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
