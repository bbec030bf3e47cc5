# MPI is a module of its own that the program loads when a launcher has started several ranks (core/comm/mpi_calls.h), so the
# program neither needs MPI to start nor waits for its libraries. Without MPI everything else is built.
include(GNUInstallDirs)
set_source_files_properties(core/comm/module.cpp PROPERTIES COMPILE_DEFINITIONS VICINITY_LIBDIR="${CMAKE_INSTALL_LIBDIR}")
target_link_libraries(vicinity_core PUBLIC ${CMAKE_DL_LIBS})

find_package(MPI QUIET COMPONENTS C)
if(NOT MPI_C_FOUND)
  message(STATUS "MPI: not found (Debian: libopenmpi-dev), so training runs on one rank")
  return()
endif()
add_library(vicinity_mpi MODULE core/comm/mpi_module.cpp)
target_link_libraries(vicinity_mpi PRIVATE vicinity_flags MPI::MPI_C)
target_compile_definitions(vicinity_mpi PRIVATE OMPI_SKIP_MPICXX)
set_target_properties(vicinity_mpi PROPERTIES LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR})
install(TARGETS vicinity_mpi LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}/vicinity)
