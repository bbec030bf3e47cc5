// vicinity config dump: the resolved configuration, as YAML that reads back.
#include "core/config/config_dump.h"

#include <iostream>

#include "core/config/config_reader.h"
#include "train/cli/load_config.h"
#include "train/cli/verbs.h"

namespace vicinity {

int config_dump_verb(const Arguments& arguments) {
  refuse_positional(arguments, "config dump");
  const ConfigTree tree = run_config_tree(arguments.all("--config"), arguments.overrides);
  RunConfig config;
  read_config(tree, config);
  std::cout << dump_config(config, arguments.has("--origin") ? &tree : nullptr);
  return 0;
}

}  // namespace vicinity
