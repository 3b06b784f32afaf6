# What `cmake --install` puts where: the two programs, and the C++ library with what it is made of.
#
# For other projects: find_package(lockstep) gives lockstep::client, and #include <lockstep/client.hpp> its interface.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

install(TARGETS lockstepd lockstep RUNTIME)

set(folders protocol/base protocol/raft protocol/locks protocol/wire protocol/client_core
    nodes/system nodes/transport nodes/client)
foreach(folder IN LISTS folders)
  get_filename_component(name ${folder} NAME)
  list(APPEND libraries lockstep_${name})
  install(DIRECTORY ${folder} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/lockstep/${folder}/..
    FILES_MATCHING PATTERN "*.hpp")
endforeach()
install(FILES cmake/install/client.hpp DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/lockstep)

set(package_folder ${CMAKE_INSTALL_LIBDIR}/cmake/lockstep)
install(TARGETS ${libraries} EXPORT lockstep ARCHIVE)
install(EXPORT lockstep NAMESPACE lockstep:: FILE lockstepTargets.cmake DESTINATION ${package_folder})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/lockstepConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES cmake/install/lockstepConfig.cmake ${PROJECT_BINARY_DIR}/lockstepConfigVersion.cmake
  DESTINATION ${package_folder})
