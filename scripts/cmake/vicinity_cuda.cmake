# The CUDA backend of vicinity_core, where VICINITY_CUDA asks for it. The kernels are one set of sources: with ON nvcc makes
# GPU code of them; with `emulated` g++ compiles them for tests/simt, which runs them on the CPU, and no CUDA is needed.
if(NOT VICINITY_CUDA)
  message(STATUS "CUDA backend: not built, device=cuda will say so (-DVICINITY_CUDA=ON builds it where nvcc is)")
  return()
endif()
message(STATUS "CUDA backend: ${VICINITY_CUDA}")
target_compile_definitions(vicinity_flags INTERFACE VICINITY_CUDA)
file(GLOB cuda_kernels CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/core/cuda/*.cu)
file(GLOB cuda_runtime CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/core/runtime/cuda*.cpp)
set(cuda_seam ${CMAKE_SOURCE_DIR}/core/runtime/cuda_api.cpp ${CMAKE_SOURCE_DIR}/core/runtime/cuda_gemm.cpp)
list(REMOVE_ITEM cuda_runtime ${cuda_seam})
file(GLOB nccl CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/core/comm/nccl*.cpp)
list(REMOVE_ITEM nccl ${CMAKE_SOURCE_DIR}/core/comm/nccl_module.cpp)
target_sources(vicinity_core PRIVATE ${cuda_runtime} ${nccl})

if(VICINITY_CUDA STREQUAL emulated)
  find_package(Boost REQUIRED COMPONENTS context)
  set_source_files_properties(${cuda_kernels} PROPERTIES LANGUAGE CXX COMPILE_OPTIONS "-xc++;-Wno-unknown-pragmas")
  target_sources(vicinity_core PRIVATE ${cuda_kernels}
    ${CMAKE_SOURCE_DIR}/tests/simt/cuda_api.cpp ${CMAKE_SOURCE_DIR}/tests/simt/emulator.cpp
    ${CMAKE_SOURCE_DIR}/tests/simt/mma.cpp)
  target_include_directories(vicinity_core PRIVATE ${CMAKE_SOURCE_DIR}/tests/simt)
  target_link_libraries(vicinity_core PUBLIC Boost::context)
  target_link_options(vicinity_core PUBLIC "LINKER:--export-dynamic-symbol=vicinity_simt_*") # for tests/simt/nccl_stand_in.cpp
  target_compile_definitions(vicinity_core PUBLIC VICINITY_CUDA_EMULATED) # for tests: the product does not ask
  return()
endif()

find_program(CUDA_NVCC nvcc HINTS $ENV{CUDA_HOME} /usr/local/cuda PATH_SUFFIXES bin)
if(NOT CUDA_NVCC)
  message(FATAL_ERROR "VICINITY_CUDA=ON needs nvcc, which is not in PATH, CUDA_HOME or /usr/local/cuda; -DVICINITY_CUDA=OFF builds for the CPU")
endif()
set(CMAKE_CUDA_COMPILER ${CUDA_NVCC})
set(CMAKE_CUDA_ARCHITECTURES ${VICINITY_CUDA_ARCHITECTURES})
enable_language(CUDA)
find_package(CUDAToolkit REQUIRED)
set(CMAKE_CUDA20_STANDARD_COMPILE_OPTION -std=c++20) # Debian 12's CMake does not know it
set(CMAKE_CUDA20_EXTENSION_COMPILE_OPTION -std=c++20)
set_target_properties(vicinity_core PROPERTIES CUDA_ARCHITECTURES "${VICINITY_CUDA_ARCHITECTURES}" CUDA_STANDARD 20)
set_source_files_properties(${cuda_kernels} PROPERTIES COMPILE_OPTIONS
  "--expt-relaxed-constexpr;--extended-lambda;$<$<BOOL:${VICINITY_WERROR}>:-Werror=all-warnings>")
target_sources(vicinity_core PRIVATE ${cuda_kernels} ${cuda_seam})
target_compile_definitions(vicinity_core PRIVATE VICINITY_CUDA_ARCHITECTURES="${VICINITY_CUDA_ARCHITECTURES}")
target_link_libraries(vicinity_core PUBLIC CUDA::cudart_static CUDA::cublasLt)
