# SPDX-License-Identifier: Apache-2.0
# The build's identity: version.h with the project's version and the commit it was built from.
# TTP_BUILD_HASH may be given where there is no .git (an image's build); an archive brings it along.
set(TTP_BUILD_HASH "" CACHE STRING "Commit that is built; empty: ask the archive, or git")
set(build_hash ${TTP_BUILD_HASH})
file(STRINGS ${CMAKE_SOURCE_DIR}/cmake/archive-commit archive_commit LIMIT_COUNT 1)
if(NOT build_hash AND archive_commit MATCHES "^[0-9a-f]+$")
  string(SUBSTRING ${archive_commit} 0 12 build_hash)
endif()
if(NOT build_hash)
  execute_process(COMMAND git rev-parse --short=12 HEAD WORKING_DIRECTORY ${CMAKE_SOURCE_DIR}
                  OUTPUT_VARIABLE build_hash OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
  # A release build is configured anew after each commit, so that it names the one it was built from.
  if(CMAKE_BUILD_TYPE STREQUAL "Release" AND EXISTS ${CMAKE_SOURCE_DIR}/.git/logs/HEAD)
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/.git/logs/HEAD)
  endif()
endif()
if(NOT build_hash)
  set(build_hash unknown)
endif()
configure_file(${CMAKE_SOURCE_DIR}/cmake/version.h.in ${CMAKE_BINARY_DIR}/generated/version.h @ONLY)
target_include_directories(ttp_flags INTERFACE ${CMAKE_BINARY_DIR}/generated)
