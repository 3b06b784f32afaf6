# `cpack` in a build folder makes three Debian packages out of the components of cmake/Install.cmake: lockstep-server,
# lockstep-client and liblockstep-dev. tools/package does it in a build of its own, with the flags of a hardened program.
#
# What a package has and `cmake --install` has not (units, the configuration, what Debian asks for) is EXCLUDE_FROM_ALL: its
# paths are absolute, and only CPack gives them a root.
set(sources ${PROJECT_SOURCE_DIR}/cmake/packages)
set(unit_folder /lib/systemd/system)

# Whom a package names for questions about it: who builds it. As in other tools for Debian packages, DEBFULLNAME and DEBEMAIL say
# so where the setting does not.
set(maintainer "No maintainer was named <nobody@lockstep.invalid>")
if(DEFINED ENV{DEBFULLNAME} AND DEFINED ENV{DEBEMAIL})
  set(maintainer "$ENV{DEBFULLNAME} <$ENV{DEBEMAIL}>")
endif()
set(LOCKSTEP_MAINTAINER "${maintainer}" CACHE STRING "The maintainer of the packages: NAME <ADDRESS>")
if(NOT LOCKSTEP_MAINTAINER MATCHES "^[^<>]+ <[^<>@ ]+@[^<>@ ]+>$")
  message(FATAL_ERROR "LOCKSTEP_MAINTAINER is to be written NAME <ADDRESS>, not '${LOCKSTEP_MAINTAINER}'")
endif()

install(FILES ${sources}/server/lockstepd.toml DESTINATION /etc/lockstep COMPONENT server EXCLUDE_FROM_ALL)
install(FILES ${sources}/systemd/lockstepd.service DESTINATION ${unit_folder} COMPONENT server EXCLUDE_FROM_ALL)
install(DIRECTORY ${PROJECT_SOURCE_DIR}/configs/local/ DESTINATION /usr/share/doc/lockstep-server/examples
  COMPONENT server EXCLUDE_FROM_ALL)

install(FILES ${sources}/systemd/lockstep-run@.service ${sources}/systemd/lockstep-run@.timer DESTINATION ${unit_folder}
  COMPONENT client EXCLUDE_FROM_ALL)
install(FILES ${sources}/client/job.conf DESTINATION /usr/share/doc/lockstep-client/examples
  COMPONENT client EXCLUDE_FROM_ALL)

# The documents that programs and errors name, and the README, which has the guarantees. A link out of the installed ones
# becomes its text; configs/local are the examples of lockstep-server.
set(documents_of_packages)
foreach(name README install operations architecture protocol storage-format)
  set(from ${PROJECT_SOURCE_DIR}/docs/${name}.md)
  if(name STREQUAL README)
    set(from ${PROJECT_SOURCE_DIR}/README.md)
  endif()
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${from})
  file(READ ${from} text)
  string(REPLACE "[configs/local/a.toml](../configs/local/a.toml)"
    "`/usr/share/doc/lockstep-server/examples/a.toml`" text "${text}")
  string(REGEX REPLACE "\\(docs/([a-z-]+\\.md)" "(\\1" text "${text}")  # as the README has them
  string(REGEX REPLACE
    "!?\\[([^]]*)\\]\\((\\.\\./|docs/|decisions/|examples/|nodes/|testing\\.md|CONTRIBUTING\\.md|LICENSE|proof\\.jsonl)[^)]*\\)"
    "\\1" text "${text}")
  file(WRITE ${PROJECT_BINARY_DIR}/packaged/${name}.md "${text}")
  list(APPEND documents_of_packages ${PROJECT_BINARY_DIR}/packaged/${name}.md)
endforeach()

# What Debian wants of every package. (The changelogs are compressed here, and not by each package for itself.)
set(debian_folder ${PROJECT_BINARY_DIR}/debian)
configure_file(${sources}/changelog ${debian_folder}/changelog.Debian @ONLY)
configure_file(${PROJECT_SOURCE_DIR}/CHANGELOG.md ${debian_folder}/changelog COPYONLY)
foreach(changelog changelog changelog.Debian)
  execute_process(COMMAND gzip -9nc ${debian_folder}/${changelog} OUTPUT_FILE ${debian_folder}/${changelog}.gz
    COMMAND_ERROR_IS_FATAL ANY)
endforeach()

set(CPACK_GENERATOR DEB)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_COMPONENTS_ALL server client dev)
set(CPACK_PACKAGE_NAME lockstep)
set(CPACK_PACKAGE_CONTACT "${LOCKSTEP_MAINTAINER}")
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
  install(FILES ${sources}/copyright ${debian_folder}/changelog.gz ${debian_folder}/changelog.Debian.gz ${documents_of_packages}
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
