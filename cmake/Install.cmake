# What `cmake --install` puts where: the two programs, and the C++ library with what it is made of.
#
# For other projects: find_package(lockstep) gives lockstep::client, and <lockstep/client.hpp> and <lockstep/lock.hpp> its interface.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

install(TARGETS lockstepd lockstep RUNTIME)

# The interface, and nothing below it: an application that includes a header of ours sees only these.
set(public_folder ${CMAKE_INSTALL_INCLUDEDIR}/lockstep)
install(FILES nodes/client/lockstep/client.hpp nodes/client/lockstep/lock.hpp nodes/client/lockstep/error.hpp
  nodes/client/lockstep/views.hpp protocol/client_core/lease.hpp DESTINATION ${public_folder})
install(FILES protocol/base/types.hpp protocol/base/client_id.hpp protocol/base/error.hpp protocol/base/modes.hpp
  DESTINATION ${public_folder}/base)

set(libraries lockstep_base lockstep_raft lockstep_locks lockstep_wire lockstep_client_core
    lockstep_system lockstep_transport lockstep_client)
set(package_folder ${CMAKE_INSTALL_LIBDIR}/cmake/lockstep)
install(TARGETS ${libraries} EXPORT lockstep ARCHIVE)
install(EXPORT lockstep NAMESPACE lockstep:: FILE lockstepTargets.cmake DESTINATION ${package_folder})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/lockstepConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES cmake/install/lockstepConfig.cmake ${PROJECT_BINARY_DIR}/lockstepConfigVersion.cmake
  DESTINATION ${package_folder})
