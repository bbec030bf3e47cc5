#include "data/pack/hdf5_file.h"

#include "core/base/error.h"

namespace vicinity {
namespace {

// HDF5 prints its error stack unless told not to. And as the process ends it closes once more a
// file that a full disk kept it from closing: 1.10.8 crashes there, and nothing is left to do,
// since every file is closed by its owner.
void be_quiet() {
  H5dont_atexit();  // has no effect once the library is in use
  H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
}

constexpr const char* kFull = " (disk full?); free some space and run the same command again";

// A data set in one piece without the time of its making: equal contents make equal files.
hid_t in_one_piece() {
  const hid_t properties = H5Pcreate(H5P_DATASET_CREATE);
  H5Pset_layout(properties, H5D_CONTIGUOUS);
  H5Pset_obj_track_times(properties, false);
  return properties;
}

}  // namespace

Hdf5File Hdf5File::open(const std::string& path) {
  be_quiet();
  const hid_t id = H5Fopen(path.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT);
  VIC_CHECK(
      DataError, id >= 0, "'", path,
      "' is not an HDF5 file, or is damaged; images are a folder of class folders, a list (.csv), "
      "shards (.tar), a folder of IDX files, or a pack made by vicinity data pack");
  return {id, path};
}

Hdf5File Hdf5File::create(const std::string& path) {
  be_quiet();
  const hid_t id = H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
  VIC_CHECK(IoError, id >= 0, "cannot create '", path,
            "'; choose a folder that exists and can be written");
  return {id, path};
}

Hdf5File::~Hdf5File() {
  if (id_ >= 0) H5Fclose(id_);
}

void Hdf5File::finish() {
  const hid_t id = id_;
  id_ = -1;
  VIC_CHECK(IoError, H5Fclose(id) >= 0, "cannot finish '", path_, "'", kFull);
}

void Hdf5File::make_group(const std::string& name) {
  const Hdf5Handle group(H5Gcreate2(id_, name.c_str(), H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT),
                         H5Gclose);
  VIC_CHECK(IoError, group >= 0, "cannot write group '", name, "' of '", path_, "'", kFull);
}

void Hdf5File::write(const std::string& name, hid_t type, const std::vector<hsize_t>& dims,
                     const void* data) {
  const Hdf5Handle space(H5Screate_simple(static_cast<int>(dims.size()), dims.data(), nullptr),
                         H5Sclose);
  const Hdf5Handle properties(in_one_piece(), H5Pclose);
  const Hdf5Handle set(
      H5Dcreate2(id_, name.c_str(), type, space, H5P_DEFAULT, properties, H5P_DEFAULT), H5Dclose);
  const bool done = set >= 0 && H5Dwrite(set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, data) >= 0;
  VIC_CHECK(IoError, done, "cannot write '", name, "' of '", path_, "'", kFull);
}

void Hdf5File::reserve(const std::string& name, hid_t type, const std::vector<hsize_t>& dims) {
  const Hdf5Handle space(H5Screate_simple(static_cast<int>(dims.size()), dims.data(), nullptr),
                         H5Sclose);
  const Hdf5Handle properties(in_one_piece(), H5Pclose);
  H5Pset_alloc_time(properties, H5D_ALLOC_TIME_EARLY);
  H5Pset_fill_time(properties, H5D_FILL_TIME_NEVER);
  const Hdf5Handle set(
      H5Dcreate2(id_, name.c_str(), type, space, H5P_DEFAULT, properties, H5P_DEFAULT), H5Dclose);
  VIC_CHECK(IoError, set >= 0, "cannot make room for '", name, "' in '", path_, "'", kFull);
}

void Hdf5File::write_text(const std::string& name, const std::string& text) {
  write(name, H5T_NATIVE_UINT8, {text.size()}, text.data());
}

bool Hdf5File::has(const std::string& name) const {
  for (size_t at = name.find('/'); at != std::string::npos; at = name.find('/', at + 1)) {
    if (H5Lexists(id_, name.substr(0, at).c_str(), H5P_DEFAULT) <= 0) return false;
  }
  return H5Lexists(id_, name.c_str(), H5P_DEFAULT) > 0;
}

hid_t Hdf5File::dataset(const std::string& name) const {
  const hid_t set = has(name) ? H5Dopen2(id_, name.c_str(), H5P_DEFAULT) : -1;
  VIC_CHECK(DataError, set >= 0, "'", path_, "' is not a pack of Vicinity: it has no '", name, "'");
  return set;
}

uint64_t Hdf5File::count(const std::string& name) const {
  const Hdf5Handle set(dataset(name), H5Dclose);
  const Hdf5Handle space(H5Dget_space(set), H5Sclose);
  return static_cast<uint64_t>(H5Sget_simple_extent_npoints(space));
}

void Hdf5File::read(const std::string& name, hid_t type, void* data) const {
  const Hdf5Handle set(dataset(name), H5Dclose);
  VIC_CHECK(DataError, H5Dread(set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, data) >= 0,
            "cannot read '", name, "' of '", path_, "'");
}

std::string Hdf5File::read_text(const std::string& name) const {
  std::string text(count(name), '\0');
  read(name, H5T_NATIVE_UINT8, text.data());
  return text;
}

uint64_t Hdf5File::offset(const std::string& name) const {
  const Hdf5Handle set(dataset(name), H5Dclose);
  const haddr_t at = H5Dget_offset(set);
  VIC_CHECK(DataError, at != HADDR_UNDEF, "'", name, "' of '", path_,
            "' is not stored in one piece");
  return at;
}

}  // namespace vicinity
