// Whether an image file is all there, from its two ends.
#pragma once

#include <string>
#include <string_view>

#include "core/base/input_file.h"

namespace vicinity {

/// True if the file begins as a JPEG, PNG or WebP of a sensible size and ends as one: JPEG's end
/// marker, PNG's IEND, the length in WebP's header. Reads a few kilobytes, so damage in the middle
/// goes unseen. False is only a suspicion (bytes may follow the end): decode_image decides. Throws
/// nothing; a file that cannot be read is false.
bool looks_whole(const std::string& path);
/// The same of a file that is part of another.
bool looks_whole(const InputFile& file, uint64_t at, uint64_t size);
bool looks_whole_in_memory(std::string_view image);

}  // namespace vicinity
