# SPDX-License-Identifier: Apache-2.0
# The build's identity: version.h with the project's version and the commit it was built from.
execute_process(COMMAND git rev-parse --short=12 HEAD WORKING_DIRECTORY ${CMAKE_SOURCE_DIR}
                OUTPUT_VARIABLE TTP_BUILD_HASH OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
if(NOT TTP_BUILD_HASH)
  set(TTP_BUILD_HASH unknown)
endif()
configure_file(${CMAKE_SOURCE_DIR}/cmake/version.h.in ${CMAKE_BINARY_DIR}/generated/version.h @ONLY)
target_include_directories(ttp_flags INTERFACE ${CMAKE_BINARY_DIR}/generated)
