// A folder that is about to receive a model.
#pragma once

#include <functional>
#include <string>

namespace vicinity {

/// UsageError unless `out` can receive a model: it is empty or absent or, with `overwrite`, an
/// earlier export; a run, a checkpoint or anything else is not overwritten. `option` is how
/// messages call it: "--out".
void check_export_folder(const std::string& out, bool overwrite, const std::string& option);
/// The same; then `fill` writes the files of an export to a folder inside `out`, from where they
/// take the place of those of an earlier export, and only of those. Where `fill` fails, nothing of
/// that is lost.
void write_export(const std::string& out, bool overwrite, const std::string& option,
                  const std::function<void(const std::string& folder)>& fill);
/// UsageError if `out` is the folder in which the file `weights` lies: replacing it would take the
/// weights away before they are written anew.
void check_not_source(const std::string& out, const std::string& weights,
                      const std::string& option);

}  // namespace vicinity
