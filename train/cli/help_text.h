// What --help prints.
#pragma once

#include <string>

#include "train/cli/command_line.h"

namespace vicinity {

/// Of the program: every verb.
std::string overview();
/// Of a verb: its use, its options, and verbs of two words that begin with it.
std::string help_of(const Verb& verb);
/// Of the first word of verbs of two words that is no verb itself, as "data"; else "".
std::string help_of_group(const std::string& word);

}  // namespace vicinity
