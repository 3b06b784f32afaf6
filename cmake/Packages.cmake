# `cpack` in a build folder makes three Debian packages out of the components of cmake/Install.cmake: lockstep-server,
# lockstep-client and liblockstep-dev. tools/package does it in a build of its own, with the flags of a hardened program.
#
# What a package has and `cmake --install` has not (units, the configuration, what Debian asks for) is EXCLUDE_FROM_ALL: its
# paths are absolute, and only CPack gives them a root.
set(sources ${PROJECT_SOURCE_DIR}/cmake/packages)
set(unit_folder /lib/systemd/system)

install(FILES ${sources}/server/lockstepd.toml DESTINATION /etc/lockstep COMPONENT server EXCLUDE_FROM_ALL)
install(FILES ${sources}/systemd/lockstepd.service DESTINATION ${unit_folder} COMPONENT server EXCLUDE_FROM_ALL)
install(FILES ${PROJECT_SOURCE_DIR}/configs/local/a.toml DESTINATION /usr/share/doc/lockstep-server/examples
  COMPONENT server EXCLUDE_FROM_ALL)

install(FILES ${sources}/systemd/lockstep-run@.service ${sources}/systemd/lockstep-run@.timer DESTINATION ${unit_folder}
  COMPONENT client EXCLUDE_FROM_ALL)
install(FILES ${sources}/client/job.conf DESTINATION /usr/share/doc/lockstep-client/examples
  COMPONENT client EXCLUDE_FROM_ALL)

# What Debian wants of every package. (The changelogs are compressed here, and not by each package for itself.)
set(debian_folder ${PROJECT_BINARY_DIR}/debian)
file(MAKE_DIRECTORY ${debian_folder})
foreach(changelog CHANGELOG.md:changelog.gz cmake/packages/changelog:changelog.Debian.gz)
  string(REPLACE ":" ";" from_to ${changelog})
  list(GET from_to 0 from)
  list(GET from_to 1 to)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/${from})
  execute_process(COMMAND gzip -9nc ${PROJECT_SOURCE_DIR}/${from} OUTPUT_FILE ${debian_folder}/${to}
    COMMAND_ERROR_IS_FATAL ANY)
endforeach()

set(CPACK_GENERATOR DEB)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_COMPONENTS_ALL server client dev)
set(CPACK_PACKAGE_NAME lockstep)
set(CPACK_PACKAGE_CONTACT "Lockstep maintainers <maintainers@lockstep.example>")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_PRE_BUILD_SCRIPTS ${sources}/strip.cmake)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS
  OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)

set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_RELEASE 1)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_COMPRESSION_TYPE xz)

# debian_package(COMPONENT NAME SECTION DEPENDS SYNOPSIS DESCRIPTION): the description's lines are not longer than 78.
macro(debian_package component name section depends description)
  string(TOUPPER ${component} upper)
  set(CPACK_DEBIAN_${upper}_PACKAGE_NAME ${name})
  set(CPACK_DEBIAN_${upper}_PACKAGE_SECTION ${section})
  set(CPACK_DEBIAN_${upper}_PACKAGE_DEPENDS "${depends}")
  set(CPACK_DEBIAN_${upper}_DESCRIPTION "${description}")
  set(CPACK_DEBIAN_${upper}_PACKAGE_SHLIBDEPS ON)
  install(FILES ${sources}/copyright ${debian_folder}/changelog.gz ${debian_folder}/changelog.Debian.gz
    DESTINATION /usr/share/doc/${name} COMPONENT ${component} EXCLUDE_FROM_ALL)
  install(FILES ${sources}/lintian-overrides DESTINATION /usr/share/lintian/overrides RENAME ${name}
    COMPONENT ${component} EXCLUDE_FROM_ALL)
endmacro()

debian_package(server lockstep-server net "adduser, init-system-helpers (>= 1.54~)" "distributed lock service: a node of a cluster
Lockstep keeps one replicated table of locks on a small cluster of nodes. A
lock is granted when a majority of the nodes has it on disk, so it survives
the death of any minority. Locks have leases and fencing tokens, and waiters
are served first come, first served.
.
This package has lockstepd, which is one node, with a systemd unit. It is not
started until it is configured, since a cluster's members are fixed when it
forms.")
set(CPACK_DEBIAN_SERVER_PACKAGE_SUGGESTS lockstep-client)
set(CPACK_DEBIAN_SERVER_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_SERVER_PACKAGE_CONTROL_EXTRA
  ${sources}/server/postinst ${sources}/server/prerm ${sources}/server/postrm ${sources}/server/conffiles)

debian_package(client lockstep-client net "" "distributed lock service: the command line
Lockstep keeps one replicated table of locks on a small cluster of nodes.
.
This package has the command lockstep. It takes, releases and shows locks, and
runs commands that never outlive their lock. A template of a systemd service
and of a timer runs a job on one machine of several.")
set(CPACK_DEBIAN_CLIENT_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_CLIENT_PACKAGE_CONTROL_EXTRA ${sources}/client/postinst ${sources}/client/prerm ${sources}/client/postrm)

debian_package(dev liblockstep-dev libdevel
  "cppzmq-dev, libzmq3-dev, libmsgpack-cxx-dev, libexpected-dev, libxxhash-dev, uuid-dev, pkg-config"
  "distributed lock service: the C++ library
Lockstep keeps one replicated table of locks on a small cluster of nodes.
.
This package has the C++20 library for clients of such a cluster: headers,
static libraries, and what find_package(lockstep) of CMake needs.")

include(CPack)

# The packages of this build, in its folder packages/, with nothing built that they do not have.
add_custom_target(packages
  COMMAND ${CMAKE_CPACK_COMMAND} --config ${PROJECT_BINARY_DIR}/CPackConfig.cmake -B ${PROJECT_BINARY_DIR}/packages
  WORKING_DIRECTORY ${PROJECT_BINARY_DIR} VERBATIM)
add_dependencies(packages lockstepd lockstep documents lockstep_client)
