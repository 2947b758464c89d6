# SPDX-License-Identifier: Apache-2.0
# One set of flags for all of our code. Assertions stay on in release builds (docs: style, rule 8).
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "Debug or Release" FORCE)
endif()
set(CMAKE_C_FLAGS_RELEASE "-O2 -g")
set(CMAKE_C_FLAGS_DEBUG "-Og -g")

add_library(ttp_flags INTERFACE)
target_compile_definitions(ttp_flags INTERFACE _GNU_SOURCE)
target_include_directories(ttp_flags INTERFACE ${CMAKE_SOURCE_DIR}/src)
target_compile_options(ttp_flags INTERFACE
  -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition
  -Wpointer-arith -Wwrite-strings -Wvla -Wundef -Wformat=2 -Wimplicit-fallthrough
  -fno-strict-aliasing -fstack-protector-strong -fno-omit-frame-pointer)
if(CMAKE_BUILD_TYPE STREQUAL "Release" AND NOT TTP_SANITIZE)
  target_compile_definitions(ttp_flags INTERFACE _FORTIFY_SOURCE=2)
endif()

if(TTP_SANITIZE)
  add_compile_options(-fsanitize=${TTP_SANITIZE} -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${TTP_SANITIZE})
endif()
if(TTP_COVERAGE)
  add_compile_options(--coverage)
  add_link_options(--coverage)
endif()
if(TTP_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()
