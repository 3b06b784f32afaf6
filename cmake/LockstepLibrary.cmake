# lockstep_library(NAME SOURCES file... [LINKS target...] [PRIVATE_LINKS target...])
#
# One folder, one static library `lockstep_NAME`. Headers are included by their path from the top of
# the repository ("protocol/raft/raft.hpp"), but a folder's headers can be found only through its
# library: each library offers an include folder that holds one link, to its own folder. So an
# include of a layer that is not linked does not compile.
#
# lockstep_public_headers(NAME PATH FOLDER_OR_FILE): what an application includes as "PATH" (lockstep/...), in the build
# as after the installation.
function(lockstep_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINKS;PRIVATE_LINKS" ${ARGN})
  set(target lockstep_${name})
  add_library(${target} STATIC ${ARG_SOURCES})
  add_library(lockstep::${name} ALIAS ${target})  # as after find_package(lockstep)

  file(RELATIVE_PATH folder ${PROJECT_SOURCE_DIR} ${CMAKE_CURRENT_SOURCE_DIR})
  set(include_root ${PROJECT_BINARY_DIR}/include/${target})
  get_filename_component(parent ${include_root}/${folder} DIRECTORY)
  file(MAKE_DIRECTORY ${parent})
  file(CREATE_LINK ${CMAKE_CURRENT_SOURCE_DIR} ${include_root}/${folder} SYMBOLIC)

  target_compile_features(${target} PUBLIC cxx_std_20)
  target_include_directories(${target} PUBLIC
    $<BUILD_INTERFACE:${include_root}> $<INSTALL_INTERFACE:include>)
  target_link_libraries(${target}
    PUBLIC ${ARG_LINKS} PRIVATE $<BUILD_INTERFACE:lockstep_options> ${ARG_PRIVATE_LINKS})
  set_target_properties(${target} PROPERTIES EXPORT_NAME ${name})
endfunction()

function(lockstep_public_headers name path source)
  set(link ${PROJECT_BINARY_DIR}/include/lockstep_${name}/${path})
  get_filename_component(parent ${link} DIRECTORY)
  file(MAKE_DIRECTORY ${parent})
  file(CREATE_LINK ${CMAKE_CURRENT_SOURCE_DIR}/${source} ${link} SYMBOLIC)
endfunction()
