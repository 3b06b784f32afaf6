# What `cmake --install` puts where: the two programs, with their manual pages and completions, and the C++ library with what
# it is made of. Its components are Debian packages as well: cmake/Packages.cmake.
#
# For other projects: find_package(lockstep) gives lockstep::client, and <lockstep/client.hpp> and <lockstep/lock.hpp> its interface.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

install(TARGETS lockstepd RUNTIME COMPONENT server)
install(TARGETS lockstep RUNTIME COMPONENT client)

# ---- Manual pages and completions: the programs make them from the definition of their own command lines

# document(TARGET FILE FOLDER COMPONENT ARGUMENT...): what the program prints, in a file; a manual page is compressed.
set(documents_folder ${PROJECT_BINARY_DIR}/share)
add_custom_target(documents ALL)
function(document program file folder component)
  set(path ${documents_folder}/${folder}/${file})
  string(MAKE_C_IDENTIFIER "document_${file}" target)
  get_filename_component(parent ${path} DIRECTORY)
  file(MAKE_DIRECTORY ${parent})
  set(finish cat)
  if(file MATCHES "\\.gz$")
    set(finish gzip -9nc)
  endif()
  add_custom_command(OUTPUT ${path} COMMAND ${program} ${ARGN} > ${path}.text
    COMMAND ${finish} ${path}.text > ${path} DEPENDS ${program} VERBATIM)
  add_custom_target(${target} DEPENDS ${path})
  add_dependencies(documents ${target})
  install(FILES ${path} DESTINATION ${CMAKE_INSTALL_DATAROOTDIR}/${folder} COMPONENT ${component})
endfunction()

document(lockstep lockstep.1.gz man/man1 client manual)
document(lockstep lockstep bash-completion/completions client completion bash)
document(lockstep _lockstep zsh/vendor-completions client completion zsh)
document(lockstep lockstep.fish fish/vendor_completions.d client completion fish)
document(lockstepd lockstepd.8.gz man/man8 server --manual)
document(lockstepd lockstepd bash-completion/completions server --completion bash)
document(lockstepd _lockstepd zsh/vendor-completions server --completion zsh)
document(lockstepd lockstepd.fish fish/vendor_completions.d server --completion fish)

# ---- The library. The interface, and nothing below it: an application that includes a header of ours sees only these

set(public_folder ${CMAKE_INSTALL_INCLUDEDIR}/lockstep)
install(FILES nodes/client/lockstep/client.hpp nodes/client/lockstep/lock.hpp nodes/client/lockstep/error.hpp
  nodes/client/lockstep/views.hpp protocol/client_core/lease.hpp DESTINATION ${public_folder} COMPONENT dev)
install(FILES protocol/base/types.hpp protocol/base/client_id.hpp protocol/base/error.hpp protocol/base/modes.hpp
  DESTINATION ${public_folder}/base COMPONENT dev)

set(libraries lockstep_base lockstep_raft lockstep_locks lockstep_wire lockstep_client_core
    lockstep_system lockstep_transport lockstep_client)
set(package_folder ${CMAKE_INSTALL_LIBDIR}/cmake/lockstep)
install(TARGETS ${libraries} EXPORT lockstep ARCHIVE COMPONENT dev)
install(EXPORT lockstep NAMESPACE lockstep:: FILE lockstepTargets.cmake DESTINATION ${package_folder} COMPONENT dev)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/lockstepConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES cmake/install/lockstepConfig.cmake ${PROJECT_BINARY_DIR}/lockstepConfigVersion.cmake
  DESTINATION ${package_folder} COMPONENT dev)
