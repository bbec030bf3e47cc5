// One function per verb; the table of verbs is in verbs.cpp.
#pragma once

#include "train/cli/command_line.h"

namespace vicinity {

int train_verb(const Arguments& arguments);
int eval_verb(const Arguments& arguments);
int eval_knn_verb(const Arguments& arguments);
int eval_linear_verb(const Arguments& arguments);
int predict_verb(const Arguments& arguments);
int embed_verb(const Arguments& arguments);
int data_check_verb(const Arguments& arguments);
int data_pack_verb(const Arguments& arguments);
int data_preview_verb(const Arguments& arguments);
int inspect_verb(const Arguments& arguments);
int plan_verb(const Arguments& arguments);
int export_verb(const Arguments& arguments);
int report_verb(const Arguments& arguments);
int config_dump_verb(const Arguments& arguments);
int bench_step_verb(const Arguments& arguments);
int bench_ops_verb(const Arguments& arguments);
int bench_floor_verb(const Arguments& arguments);
int bench_loader_verb(const Arguments& arguments);
int doctor_verb(const Arguments& arguments);

/// UsageError if words were typed that are neither options nor key=value.
void refuse_positional(const Arguments& arguments, const std::string& verb);
/// What was typed, for command.txt.
const std::vector<std::string>& command_words();
void remember_command(std::vector<std::string> words);

}  // namespace vicinity
