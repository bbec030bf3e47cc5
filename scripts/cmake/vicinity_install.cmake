# cmake --install: the program with its configs, and a library with one public header (train/api/vicinity.h) for
# find_package(vicinity). The floors are static libraries; what they link is found again by vicinityConfig.cmake.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)
set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/vicinity)

install(TARGETS vicinity RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(DIRECTORY configs DESTINATION ${CMAKE_INSTALL_DATADIR}/vicinity)
install(FILES train/api/vicinity.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})

set_target_properties(vicinity_train PROPERTIES EXPORT_NAME vicinity)
install(TARGETS vicinity_core vicinity_autograd vicinity_models vicinity_data vicinity_train EXPORT vicinity
  ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}/vicinity INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(EXPORT vicinity NAMESPACE vicinity:: FILE vicinityTargets.cmake DESTINATION ${package_dir})
configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/vicinityConfig.cmake.in ${CMAKE_BINARY_DIR}/vicinityConfig.cmake
  INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(${CMAKE_BINARY_DIR}/vicinityConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/vicinityConfig.cmake ${CMAKE_BINARY_DIR}/vicinityConfigVersion.cmake
  DESTINATION ${package_dir})
