// vicinity config dump: the resolved configuration, as YAML that reads back.
#include "core/config/config_dump.h"

#include <iostream>

#include "train/cli/load_config.h"
#include "train/cli/verbs.h"

namespace vicinity {

int config_dump_verb(const Arguments& arguments) {
  refuse_positional(arguments, "config dump");
  ResolvedConfig resolved = resolve_config(arguments.all("--config"), arguments.overrides);
  std::cout << dump_config(resolved.config, arguments.has("--origin") ? &resolved.tree : nullptr);
  return 0;
}

}  // namespace vicinity
